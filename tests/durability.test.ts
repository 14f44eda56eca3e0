// What a 204 promises: the item is gone for good, and no other client got a 204 for it.
import assert from "node:assert/strict";
import { after, test } from "node:test";

import { assertFault, assertNoContent } from "./answers.ts";
import { startWorker, type Answer, type Fields } from "./harness.ts";
import { imageItem, Project } from "./project.ts";

const worker = await startWorker();
after(() => worker.stop());

const CLIENTS = 32;
const KEYS = 50;

const keys = (count: number): string[] => Array.from({ length: count }, (_, at) => `key${at}`);
const items = (count: number): Record<string, string> => Object.fromEntries(keys(count).map((key) => [key, "v"]));

function statuses(answers: Answer[]): Record<number, number> {
  const counts: Record<number, number> = {};
  for (const { status } of answers) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}

for (const kind of ["servers", "images"] as const) {
  test(`${CLIENTS} DELETEs of one key at once, on ${KEYS} keys of ${kind}: one 204 per key, the others 404`, async () => {
    const project = new Project(worker);
    const fields: Fields = { metadata: { ...items(KEYS), stays: "1" } };
    const id = await (kind === "servers" ? project.server(fields) : project.image(fields));
    await project.as("member");
    for (const key of keys(KEYS)) {
      const path = `/${kind}/${id}/metadata/${key}`;
      const answers = await Promise.all(Array.from({ length: CLIENTS }, () => project.delete(path)));
      assert.deepEqual(statuses(answers), { 204: 1, 404: CLIENTS - 1 }, key);
      for (const answer of answers.filter(({ status }) => status === 404)) {
        const message = kind === "servers" ? "Metadata item was not found" : "Invalid metadata key";
        assertFault(answer, 404, "itemNotFound", message);
      }
    }
    assert.deepEqual(await worker.metadata(kind, id), { stays: "1" });
  });

  test(`all keys of one of the ${kind} at once, each by two clients: no key is left`, async () => {
    const project = new Project(worker);
    const fields: Fields = { metadata: { ...items(KEYS), stays: "1" } };
    const id = await (kind === "servers" ? project.server(fields) : project.image(fields));
    const requests = keys(KEYS).flatMap((key) => [key, key]);
    const answers = await Promise.all(requests.map((key) => project.delete(`/${kind}/${id}/metadata/${key}`)));
    assert.deepEqual(statuses(answers), { 204: KEYS, 404: KEYS });
    assert.deepEqual(await worker.metadata(kind, id), { stays: "1" });
  });
}

for (const [count, what] of [
  [3, "few"],
  [20, "many"],
  [128, "long"],
] as const) {
  test(`${what} items with every kind of character are the same after a restart, and so after a second PUT`, async () => {
    const project = new Project(worker);
    const odd = [
      '"',
      "\\",
      "\\u0000",
      "\n\t\u0001\u007f",
      "é",
      "😀",
      "\u2028",
      "'",
      "{}",
      "[1]",
      "null",
      "1",
      "",
      "\u0000a",
      "\ufeff",
    ];
    const shown = odd.map((text) => (what === "long" ? `${text}x`.repeat(255).slice(0, 254) : text));
    for (const values of [shown, shown.filter((value) => !value.includes("\u0000"))]) {
      const first: [string, string][] = Array.from({ length: count }, (_, at) => [`k-${at}`, values[at % values.length] ?? ""]);
      const id = await project.server({ metadata: Object.fromEntries(first) });
      await worker.restart();
      assert.deepEqual(await worker.metadata("servers", id), Object.fromEntries(first));
      const second = Object.fromEntries(first.map(([key], at) => [key, values[(at + 1) % values.length] ?? ""]));
      const token = await project.as("member");
      const path = `/v2.1/${project.id}/servers/${id}/metadata`;
      const answer = await worker.request("PUT", path, { token, body: { metadata: second } });
      assert.equal(answer.status, 200);
      assert.deepEqual(answer.json(), { metadata: second });
      await worker.restart();
      assert.deepEqual(await worker.metadata("servers", id), second);
    }
  });
}

for (const [count, what] of [
  [2, "few"],
  [13, "many"],
  [300, "very many"],
] as const) {
  test(`${what} items with every kind of key are the same after a restart, and stay deleted`, async () => {
    const project = new Project(worker);
    const odd = ["a", "a\u0000b", "\u0000", '"', "\\", "\\u0000", "\n\u0001", "😀", "'", "1", "null", "__proto__", "\u2028"];
    const names = Array.from({ length: count }, (_, at) => odd[at] ?? `key${at}`);
    const all = Object.fromEntries(names.map((key, at) => [key, `value ${at}`]));
    const id = await project.server({ metadata: all });
    await worker.restart();
    assert.deepEqual(await worker.metadata("servers", id), all);
    assertNoContent(await project.delete(project.serverItem(id, "a")));
    const { a: _, ...others } = all;
    await worker.restart();
    assert.deepEqual(await worker.metadata("servers", id), others);
    // A PUT of all items removes each.
    const path = `/v2.1/servers/${id}/metadata`;
    const token = await project.as("member");
    assert.equal((await worker.request("PUT", path, { token, body: { metadata: { b: "1" } } })).status, 200);
    await worker.restart();
    assert.deepEqual(await worker.metadata("servers", id), { b: "1" });
  });
}

test("more items than an object reads as one text are all there after a restart", async () => {
  const worker = await startWorker({ vars: { METADATA_ITEMS: "1000" } });
  try {
    const project = new Project(worker);
    const token = await project.as("member");
    const id = await project.server({ metadata: {} });
    const all: Record<string, string> = {};
    for (const count of [256, 257, 300]) {
      const added = Object.fromEntries(keys(count).map((key, at) => [key, `${count}-${at}`]));
      Object.assign(all, added);
      const path = `/v2.1/servers/${id}/metadata`;
      assert.equal((await worker.request("POST", path, { token, body: { metadata: added } })).status, 200);
      await worker.restart();
      assert.deepEqual((await worker.request("GET", path, { token })).json(), { metadata: all }, String(count));
    }
  } finally {
    await worker.stop();
  }
});

test("25 times: concurrent DELETEs of two keys of one image delete both", async () => {
  const project = new Project(worker);
  for (let count = 0; count < 25; count += 1) {
    const id = await project.image();
    const [one, two] = await Promise.all([project.delete(imageItem(id, "key1")), project.delete(imageItem(id, "key2"))]);
    assertNoContent(one);
    assertNoContent(two);
    assert.deepEqual(await worker.metadata("images", id), {});
  }
});

test("the same key of many servers at once: one 204 per server", async () => {
  const project = new Project(worker);
  const ids = await Promise.all(Array.from({ length: 40 }, () => project.server()));
  const answers = await Promise.all(ids.map((id) => project.delete(project.serverItem(id, "key1"))));
  assert.deepEqual(statuses(answers), { 204: 40 });
  for (const id of ids) assert.deepEqual(await worker.metadata("servers", id), { key2: "value2" });
});

test("a lock takes effect from the moment it is answered", async () => {
  const project = new Project(worker);
  const id = await project.server({ metadata: items(100) });
  let locked = false;
  const sent: Promise<{ key: string; afterLock: boolean; status: number }>[] = [];
  let lock: Promise<void> | undefined;
  for (const [at, key] of keys(100).entries()) {
    const afterLock = locked;
    sent.push(project.delete(project.serverItem(id, key)).then(({ status }) => ({ key, afterLock, status })));
    if (at === 40) lock = worker.putServer(id, { locked: true }).then(() => void (locked = true));
    if (at === 60) await lock;
  }
  const answers = await Promise.all(sent);
  const late = answers.filter(({ afterLock }) => afterLock);
  assert.ok(late.length > 0, "no DELETE was sent after the lock was answered");
  for (const { key, status } of late) assert.equal(status, 409, key);
  // In either order: after a 204 the key is gone, after a 409 it exists.
  const left = (await worker.metadata("servers", id)) ?? {};
  for (const { key, status } of answers) {
    assert.ok(status === 204 || status === 409, `${key}: ${status}`);
    assert.equal(key in left, status === 409, key);
  }
});

test("a concurrent state change and DELETE are both applied", async () => {
  const project = new Project(worker);
  for (let count = 0; count < 25; count += 1) {
    const id = await project.image();
    const [answer, record] = await Promise.all([project.delete(imageItem(id, "key1")), worker.putImage(id, { name: "renamed" })]);
    assertNoContent(answer);
    assert.equal(record["name"], "renamed");
    assert.deepEqual(await worker.metadata("images", id), { key2: "value2" });
    assert.equal((await worker.record("images", id))?.["name"], "renamed");
  }
});

test("removing a server while its items are deleted: 204 or 404, and nothing is left", async () => {
  const project = new Project(worker);
  const id = await project.server({ metadata: items(40) });
  const token = await worker.registrar();
  const answers = await Promise.all([
    ...keys(20).map((key) => project.delete(project.serverItem(id, key))),
    worker.request("DELETE", `/registry/servers/${id}`, { token }),
    ...keys(40)
      .slice(20)
      .map((key) => project.delete(project.serverItem(id, key))),
  ]);
  for (const { status, text } of answers) assert.ok(status === 204 || status === 404, text);
  assert.equal(await worker.record("servers", id), null);
  await worker.putServer(id, { project_id: project.id });
  assert.deepEqual(await worker.metadata("servers", id), {});
});

test("after a restart deleted items are gone and the others exist", async () => {
  const restarted = await startWorker();
  try {
    const project = new Project(restarted);
    const state = { vm_state: "paused", name: "web-1", task_state: null, power_state: 3, created: "2026-01-02T03:04:05Z" };
    const server = await project.server(state);
    const image = await project.image({ status: "deactivated", visibility: "shared", members: [project.id] });
    const removed = await project.server();
    await restarted.request("DELETE", `/registry/servers/${removed}`, { token: await restarted.registrar() });
    assertNoContent(await project.delete(project.serverItem(server, "key1")));
    assertNoContent(await project.delete(imageItem(image, "key1")));
    const before = [await restarted.record("servers", server), await restarted.record("images", image)];

    await restarted.restart();

    const afterwards = [await restarted.record("servers", server), await restarted.record("images", image)];
    assert.deepEqual(afterwards, before);
    assert.deepEqual(await restarted.metadata("servers", server), { key2: "value2" });
    assert.deepEqual(await restarted.metadata("images", image), { key2: "value2" });
    assert.equal(await restarted.record("servers", removed), null);
    const again = await project.delete(project.serverItem(server, "key1"));
    assertFault(again, 404, "itemNotFound", "Metadata item was not found");
    const imageAgain = await project.delete(imageItem(image, "key1"));
    assertFault(imageAgain, 404, "itemNotFound", "Invalid metadata key");
    assertNoContent(await project.delete(project.serverItem(server, "key2")));
    assertNoContent(await project.delete(imageItem(image, "key2")));
  } finally {
    await restarted.stop();
  }
});

test("lock, state and observed_at survive a restart", async () => {
  const restarted = await startWorker();
  try {
    const project = new Project(restarted);
    const locked = await project.server({ locked: true, observed_at: "2026-05-05T12:00:00Z" });
    const busy = await project.server({ task_state: "rebooting" });
    await restarted.restart();
    const onLocked = await project.delete(project.serverItem(locked, "key1"));
    assertFault(onLocked, 409, "conflictingRequest", `Instance ${locked} is locked`);
    assert.equal((await project.delete(project.serverItem(busy, "key1"))).status, 409);
    const stale = await restarted.putServer(locked, { locked: false, observed_at: "2026-05-05T11:00:00Z" });
    assert.equal(stale["locked"], true);
  } finally {
    await restarted.stop();
  }
});

test("every DELETE that was acknowledged before workerd was killed is kept", async () => {
  const killed = await startWorker();
  try {
    const project = new Project(killed);
    const id = await project.server({ metadata: items(120) });
    await project.as("member");
    const gone: string[] = [];
    let restart: Promise<void> | undefined;
    await Promise.all(
      keys(120).map(async (key) => {
        // Interrupted requests have no answer and promise nothing.
        const answer = await project.delete(project.serverItem(id, key)).catch(() => null);
        if (answer?.status !== 204) return;
        gone.push(key);
        if (gone.length === 20) restart = killed.restart();
      }),
    );
    assert.ok(restart, "fewer than 20 DELETEs were answered");
    await restart;
    const left = (await killed.metadata("servers", id)) ?? {};
    for (const key of gone) assert.ok(!(key in left), `${key} was answered 204 and came back`);
    for (const key of Object.keys(left)) assertNoContent(await project.delete(project.serverItem(id, key)));
    assert.deepEqual(await killed.metadata("servers", id), {});
  } finally {
    await killed.stop();
  }
});
