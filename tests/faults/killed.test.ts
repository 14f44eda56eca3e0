// workerd is killed at random moments under load. Acknowledged changes are kept, others are old or new, and every
// object can be read.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import type { Answer } from "../harness.ts";
import { Project } from "../project.ts";
import { budget } from "./budget.ts";
import { Kept } from "./kept.ts";
import { tally } from "./tally.ts";
import { startWorkerd } from "../workerd.ts";

const SERVERS = 6;
const KEYS = 12;
const CLIENTS = 16;
/** Maximum milliseconds until a process is killed. */
const LIFE_MS = 400;
/** Upper bound of one client's requests per process. */
const REQUESTS = 400;

const worker = await startWorkerd();
after(() => worker.stop());

const any = <Item>(list: readonly Item[]): Item => list[Math.floor(Math.random() * list.length)] as Item;

test(`${budget.crashes} times killed under load: acknowledged changes are kept, no change is partial`, async () => {
  const project = new Project(worker);
  await project.as("member");
  const servers = await Promise.all(Array.from({ length: SERVERS }, () => project.server({ metadata: {} })));
  const kept = new Kept(servers.flatMap((id) => Array.from({ length: KEYS }, (_, at) => ({ id, key: `key${at}` }))));
  let acknowledged = 0;
  let unanswered = 0;
  let made = 0;

  /** One client of one process; clients use disjoint keys, so that the expected values are known. */
  const client = async (number: number, isOver: () => boolean): Promise<void> => {
    const mine = kept.items.filter((_, at) => at % CLIENTS === number);
    for (let sent = 0; sent < REQUESTS && !isOver(); sent += 1) {
      const item = any(mine);
      const path = project.serverItem(item.id, item.key);
      const value = Math.random() < 0.4 ? null : `v${(made += 1)}`;
      const mayBeGone = item.mayBe(null);
      item.send(value);
      let answer: Answer;
      try {
        const token = await project.as("member");
        answer = await (value === null
          ? project.delete(path)
          : worker.request("PUT", path, { token, body: { meta: { [item.key]: value } } }));
      } catch {
        unanswered += 1;
        return;
      }
      // A 404 acknowledges that the key does not exist.
      assert.ok(answer.status === (value === null ? 204 : 200) || (value === null && answer.status === 404), answer.text);
      if (answer.status === 404) assert.ok(mayBeGone, `${item.key} was answered 404 and is there`);
      item.acknowledge(value);
      acknowledged += 1;
    }
  };

  for (let crash = 0; crash < budget.crashes; crash += 1) {
    let over = false;
    const clients = Array.from({ length: CLIENTS }, (_, number) => client(number, () => over));
    await sleep(20 + Math.random() * LIFE_MS);
    await worker.kill();
    over = true;
    await Promise.all(clients);
    await worker.start();
    for (const id of servers) kept.settle(id, await worker.metadata("servers", id));
  }
  assert.ok(unanswered > 0, "nothing was ever cut off: this was no crash");
  tally("crashes survived", budget.crashes);
  tally("changes acknowledged and found", acknowledged);
  tally("changes cut off, found old or new", unanswered);
});

test("created and deleted records are as acknowledged, and lists show them", async () => {
  const project = new Project(worker);
  const token = await worker.registrar();
  const rounds = Math.ceil(budget.crashes / 3);
  const there = new Set<string>();
  const gone = new Set<string>();
  for (let round = 0; round < rounds; round += 1) {
    let over = false;
    const client = async (): Promise<void> => {
      for (let sent = 0; sent < REQUESTS && !over; sent += 1) {
        try {
          const id = await project.server();
          there.add(id);
          if (Math.random() < 0.5) continue;
          there.delete(id);
          const answer = await worker.request("DELETE", `/registry/servers/${id}`, { token });
          assert.equal(answer.status, 204, answer.text);
          gone.add(id);
        } catch (error) {
          if (error instanceof assert.AssertionError) throw error;
          return;
        }
      }
    };
    const clients = Array.from({ length: 4 }, client);
    await sleep(20 + Math.random() * LIFE_MS);
    await worker.kill();
    over = true;
    await Promise.all(clients);
    await worker.start();
  }
  for (const id of there) assert.deepEqual(await worker.metadata("servers", id), { key1: "value1", key2: "value2" }, id);
  for (const id of gone) assert.equal(await worker.record("servers", id), null, id);
  // Alarms that were due when workerd was killed run after its start.
  const member = await project.as("member");
  const listed = async (): Promise<Set<string>> => {
    const ids = new Set<string>();
    for (let marker = ""; ; ) {
      const page = await worker.request("GET", `/v2.1/servers?limit=100${marker}`, { token: member });
      const servers = page.json().servers as { id: string }[];
      for (const { id } of servers) ids.add(id);
      const last = servers.at(-1);
      if (last === undefined) return ids;
      marker = `&marker=${last.id}`;
    }
  };
  const wrong = (ids: Set<string>): string[] => [
    ...[...there].filter((id) => !ids.has(id)),
    ...[...gone].filter((id) => ids.has(id)),
  ];
  let left = wrong(await listed());
  for (let waited = 0; waited < 60 && left.length > 0; waited += 1) {
    await sleep(1000);
    left = wrong(await listed());
  }
  assert.deepEqual(left, []);
  tally("crashes survived", rounds);
  tally("changes acknowledged and found", there.size + gone.size);
});
