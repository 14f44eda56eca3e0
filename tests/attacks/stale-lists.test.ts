// Lists whose objects fail, hang or are slow for longer than the platform repeats an alarm: each is right soon after it
// can be reached again, and holds up no other.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { projectId, type Answer } from "../harness.ts";
import { Project } from "../project.ts";
import type { PlainWorkerd } from "../workerd.ts";
import { seen, setBehaviours, startUnlucky, type Behaviour } from "./unlucky.ts";
import { until } from "./until.ts";

/** The platform begins an alarm that fails seven times, and then never again. */
const ALARMS = 8;

/** P: a list is right at most 60 seconds after it can be reached again. */
const RIGHT_AGAIN_MS = 60_000;

async function list(project: Project, path: string): Promise<string[]> {
  const answer: Answer = await project.worker.request("GET", `/v2.1/${path}`, { token: await project.as("member") });
  assert.equal(answer.status, 200, answer.text);
  return answer.json()[path.split("?")[0] as string].map(({ id }: { id: string }) => id);
}

/** Waits until each of this many objects has begun its alarm more often than the platform would. */
async function begunOften(worker: PlainWorkerd, objects: number): Promise<void> {
  const counts = async (): Promise<number[]> => Object.values((await seen(worker)).alarms);
  const isOften = async (): Promise<boolean> => (await counts()).filter((count) => count >= ALARMS).length >= objects;
  await until("the alarms are begun again", isOften, { patience: 120_000 });
}

// Each waits, most of the time, on a Worker of its own.
describe("lists whose objects are out of luck", { concurrency: true }, () => {
  for (const [name, behaviour] of [
    ["fails", "throws"],
    ["hangs", "hangs"],
  ] as const satisfies [string, Behaviour][]) {
    test(`a list that ${name} for longer than the platform repeats an alarm is right after it`, async () => {
      const worker = await startUnlucky();
      try {
        const project = new Project(worker);
        await setBehaviours(worker, { index: { [project.id]: behaviour } });
        const server = await project.server({ name: "web" });
        const deleted = await project.server({ name: "deleted" });
        await begunOften(worker, 2);
        await worker.request("DELETE", `/registry/servers/${deleted}`, { token: await worker.registrar() });
        await setBehaviours(worker, {});
        const isRight = async (): Promise<boolean> => (await list(project, "servers")).join() === server;
        await until("the list is right", isRight, { patience: RIGHT_AGAIN_MS });
      } finally {
        await worker.stop();
      }
    });

    test(`a list that ${name} does not hold up the other lists of the same image`, async () => {
      const worker = await startUnlucky();
      try {
        const owner = new Project(worker);
        const members = Array.from({ length: 4 }, () => new Project(worker));
        const [unlucky, ...others] = members as [Project, ...Project[]];
        await setBehaviours(worker, { index: { [unlucky.id]: behaviour } });
        const image = await owner.image({ visibility: "shared", members: members.map(({ id }) => id) });
        for (const project of [owner, ...others]) {
          await until("another list is right", async () => (await list(project, "images")).includes(image), {
            patience: RIGHT_AGAIN_MS,
          });
        }
        await setBehaviours(worker, {});
        await until("the last list is right", async () => (await list(unlucky, "images")).includes(image), {
          patience: RIGHT_AGAIN_MS,
        });
      } finally {
        await worker.stop();
      }
    });
  }

  test("an image that is shared with 150 projects is listed for all of them and for its owner, where each list takes 120 ms", async () => {
    const worker = await startUnlucky();
    try {
      const owner = new Project(worker);
      const members = Array.from({ length: 150 }, projectId);
      await setBehaviours(worker, { index: { "*": 120 } });
      const image = await owner.image({ visibility: "shared", members });
      await until("the owner's list is right", async () => (await list(owner, "images")).includes(image), {
        patience: RIGHT_AGAIN_MS,
      });
      for (const id of [members[0], members[149]] as string[]) {
        const member = new Project(worker, id);
        await until("a member's list is right", async () => (await list(member, "images")).includes(image), {
          patience: RIGHT_AGAIN_MS,
        });
      }
    } finally {
      await worker.stop();
    }
  });

  test("an update that arrives after a later one does not undo it", async () => {
    const worker = await startUnlucky();
    try {
      const [project, other] = [new Project(worker), new Project(worker)];
      const server = await project.server({ name: "web" });
      await until("the server is listed", async () => (await list(project, "servers")).join() === server);
      const move = async (to: Project): Promise<void> => {
        const body = { server: { project_id: to.id } };
        const { status } = await worker.request("PUT", `/registry/servers/${server}`, { token: await worker.registrar(), body });
        assert.equal(status, 200);
      };
      const told = async (): Promise<number> => (await seen(worker)).lists.filter((id) => id === project.id).length;
      // The call that takes the server out arrives 8 seconds late; its caller gives it up after 3.
      await setBehaviours(worker, { index: { [project.id]: 8_000 } });
      await move(other);
      await until("the list is told", async () => (await told()) === 1);
      await new Promise((resolve) => setTimeout(resolve, 3_500));
      await setBehaviours(worker, {});
      await move(project);
      await until("the list is told again", async () => (await told()) >= 1);
      await new Promise((resolve) => setTimeout(resolve, 8_000));
      assert.deepEqual(await list(project, "servers"), [server]);
      assert.deepEqual(await list(other, "servers"), []);
    } finally {
      await worker.stop();
    }
  });

  test("a call that arrives after the removal that followed it does not bring the entry back", async () => {
    const worker = await startUnlucky({ vars: { CHANGES: "keep" } });
    try {
      const project = new Project(worker);
      const server = await project.server({ name: "web" });
      const token = await worker.registrar();
      const isTold = async (): Promise<boolean> => (await seen(worker)).lists.includes("changes");
      const changed = async (): Promise<unknown[]> =>
        (await worker.request("GET", "/registry/changes", { token })).json().changes;
      // The call that takes the server in arrives 8 seconds late; its caller gives it up after 3.
      await setBehaviours(worker, { index: { changes: 8_000 } });
      assert.equal((await project.delete(project.serverItem(server, "key1"))).status, 204);
      await until("the list is told", isTold);
      await new Promise((resolve) => setTimeout(resolve, 3_500));
      await setBehaviours(worker, {});
      const record = (await worker.request("GET", `/registry/servers/${server}`, { token })).json().server;
      const body = { server: { applied: { key1: record.changes.key1.revision } } };
      assert.equal((await worker.request("PUT", `/registry/servers/${server}`, { token, body })).status, 200);
      await until("the list is told again", isTold);
      await new Promise((resolve) => setTimeout(resolve, 8_000));
      await until("the list is empty", async () => (await changed()).length === 0, { patience: RIGHT_AGAIN_MS });
    } finally {
      await worker.stop();
    }
  });

  test("an alarm that the platform has given up is set again by the next change", async () => {
    const worker = await startUnlucky();
    try {
      const project = new Project(worker);
      await setBehaviours(worker, { alarm: "lost" });
      const server = await project.server({ name: "web" });
      await until("the alarm is lost", async () => Object.keys((await seen(worker)).alarms).length === 1);
      await worker.restart();
      await new Promise((resolve) => setTimeout(resolve, 2_000));
      assert.deepEqual(await list(project, "servers"), []);
      assert.equal((await project.delete(project.serverItem(server, "key1"))).status, 204);
      await until("the list is right", async () => (await list(project, "servers")).join() === server);
    } finally {
      await worker.stop();
    }
  });

  test("an image with 1,000 members, some of whose lists fail or hang, is in all the others' lists and then in theirs", async () => {
    const worker = await startUnlucky();
    try {
      const owner = new Project(worker);
      const members = Array.from({ length: 1_000 }, projectId);
      // Were they waited for one after another, 40 would take two minutes.
      const hanging = members.filter((_, at) => at % 25 === 0);
      const failing = members.slice(701, 711);
      await setBehaviours(worker, {
        index: Object.fromEntries([...hanging.map((id) => [id, "hangs"]), ...failing.map((id) => [id, "throws"])]),
      });
      const image = await owner.image({ visibility: "shared", members });
      const everybody = [owner, ...[members[1], members[451], members[999]].map((id) => new Project(worker, id))];
      for (const project of everybody) {
        await until("a list is right", async () => (await list(project, "images")).includes(image), {
          patience: RIGHT_AGAIN_MS,
        });
      }
      await until("all lists were told", async () => new Set((await seen(worker)).lists).size === 1_001, {
        patience: RIGHT_AGAIN_MS,
      });
      await setBehaviours(worker, {});
      for (const id of [hanging[0], hanging[39], failing[0], failing[9]] as string[]) {
        const project = new Project(worker, id);
        await until("a late list is right", async () => (await list(project, "images")).includes(image), {
          patience: RIGHT_AGAIN_MS,
        });
      }
    } finally {
      await worker.stop();
    }
  });
});
