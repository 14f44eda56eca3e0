// What a request uses of what the platform bills: calls of objects, KV reads, rows read and written. `requests`, `extra`
// and `keep` hold the numbers that docs/price.md and the simulation calculate with.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { extra, keep, LONGEST_SERVER_BYTES, requests, SERVER_BYTES, sum, type Units } from "../benches/units.ts";
import { assertFault, assertNoContent } from "./answers.ts";
import { resourceId, startWorker, type Answer, type Worker } from "./harness.ts";
import { startKeystone } from "./keystone-fake.ts";
import { imageItem, Project } from "./project.ts";

const entry = "tests/counting.js";
const worker = await startWorker({ entry });
const keystone = await startKeystone();
const withKeystone = await startWorker({ entry, vars: { KEYSTONE_URL: keystone.url } });
const keeping = await startWorker({ entry, vars: { CHANGES: "keep" } });
after(async () => {
  await worker.stop();
  await keeping.stop();
  await withKeystone.stop();
  await keystone.stop();
});

interface Counts {
  kv: string[];
  calls: string[];
  alarmsSet: number;
  alarmsRun: number;
  /** Per statement, in order. */
  rows: { statement: string; read: number; written: number }[];
  /** Bytes of each server's or image's database after an alarm, and of each index's after an entry. */
  stored: number[];
  lists: number[];
}

/** Returns the counts since the last call, due alarms included. */
async function counts(of: Worker = worker): Promise<Counts> {
  return (await of.request("GET", "/counts")).json() as Counts;
}

/** Returns the same in billed units. */
async function billed(of: Worker = worker): Promise<Units> {
  const { kv, calls, alarmsSet, alarmsRun, rows } = await counts(of);
  const total = (values: number[]): number => values.reduce((one, other) => one + other, 0);
  return {
    kvReads: kv.filter((call) => call.startsWith("get ")).length,
    kvWrites: kv.filter((call) => call.startsWith("put ")).length,
    objectRequests: calls.length + alarmsRun,
    rowsRead: total(rows.map(({ read }) => read)),
    rowsWritten: total(rows.map(({ written }) => written)) + alarmsSet,
  };
}

function someItems(count: number): Record<string, string> {
  return Object.fromEntries(Array.from({ length: count }, (_, at) => [`key${at}`, "v"]));
}

const ITEMS = 100;
/** Bytes of one page of SQLite. */
const PAGE = 4_096;
const items = someItems(ITEMS);

for (const kind of ["server", "image"] as const) {
  test(`${kind}: a DELETE with a known token is one call and two rows, and reads no other row`, async () => {
    const project = new Project(worker);
    const fields = { metadata: items };
    const id = await (kind === "server" ? project.server(fields) : project.image(fields));
    const path = (key: string): string => (kind === "server" ? project.serverItem(id, key) : imageItem(id, key));
    assertNoContent(await project.delete(path("key0")));
    await counts();
    for (let at = 1; at < 20; at += 1) {
      assertNoContent(await project.delete(path(`key${at}`)));
      const { kv, calls, rows } = await counts();
      assert.deepEqual(kv, []);
      assert.deepEqual(calls, [`${kind}:${id} deleteItem`]);
      // SQLite counts the row that a statement finds or writes by its key. If the server's other items were read,
      // at, or those of other changes, it would be more.
      assert.deepEqual(
        rows
          .map(({ statement, read, written }) => `${statement.split(" ", 3).join(" ")}: ${read} read, ${written} written`)
          .sort(),
        ["DELETE FROM item: 1 read, 1 written", "INSERT INTO operation: 1 read, 1 written"],
      );
    }
    assertNoContent(await project.delete(path("key20")));
    assert.deepEqual(await billed(), requests.deleteItem);
  });

  test(`${kind}: billed units of each request, with a known token and the object in memory`, async () => {
    const project = new Project(worker);
    const fields = { metadata: someItems(10) };
    const id = await (kind === "server" ? project.server(fields) : project.image(fields));
    const token = await project.as("member");
    const collection = `/v2.1/${project.id}/${kind}s/${id}/metadata`;
    const ask = async (method: string, path: string, body?: object): Promise<Units> => {
      const answer = await worker.request(method, path, { token, ...(body === undefined ? {} : { body }) });
      assert.equal(answer.status, method === "DELETE" ? 204 : 200, answer.text);
      return billed();
    };
    await ask("GET", collection);
    assert.deepEqual(await ask("GET", collection), requests.get);
    assert.deepEqual(await ask("GET", `${collection}/key1`), requests.get);
    assert.deepEqual(await ask("PUT", `${collection}/key1`, { meta: { key1: "changed" } }), requests.putItem);
    assert.deepEqual(await ask("PUT", `${collection}/new`, { meta: { new: "v" } }), requests.putItem);
    assert.deepEqual(await ask("POST", collection, { metadata: { key1: "v", key2: "w", newer: "v" } }), requests.merge(3));
    // Ten existing items and two new ones. Those that stay as they are cost nothing.
    assert.deepEqual(await ask("PUT", collection, { metadata: someItems(5) }), requests.replace(5, 7, 1));
    assert.deepEqual(await ask("PUT", collection, { metadata: { key1: "new", other: "v" } }), requests.replace(2, 4, 2));
    assert.deepEqual(await ask("PUT", collection, { metadata: someItems(5) }), requests.replace(5, 1, 5));
    assert.deepEqual(await ask("DELETE", `${collection}/key1`), requests.deleteItem);
  });
}

test("a new token is one KV read, then none", async () => {
  const project = new Project(worker);
  const id = await project.server();
  const token = await project.as("member", "reader");
  await counts();
  assertNoContent(await project.delete(project.serverItem(id, "key1"), { token }));
  assert.deepEqual(await billed(), sum(requests.deleteItem, extra.newToken));
  assertNoContent(await project.delete(project.serverItem(id, "key2"), { token }));
  assert.deepEqual(await billed(), requests.deleteItem);
});

test("Keystone: a new token is one call, one KV read and one KV write; in a new isolate one KV read", async () => {
  const token = keystone.token();
  const ask = (): Promise<Answer> => withKeystone.request("GET", "/servers/none/metadata", { token });
  const settled = async (writes: number): Promise<Units> => {
    // The KV write continues after the answer.
    let total = await billed(withKeystone);
    for (let tries = 0; total.kvWrites < writes && tries < 100; tries += 1) {
      await sleep(20);
      total = sum(total, await billed(withKeystone));
    }
    return total;
  };
  await counts(withKeystone);
  await ask();
  assert.deepEqual(await settled(1), extra.newToKeystone);
  assert.equal(keystone.validations.length, 1);
  await ask();
  assert.equal((await billed(withKeystone)).kvReads, 0);
  await withKeystone.restart();
  await ask();
  assert.deepEqual(await settled(0), extra.newToken);
  assert.equal(keystone.validations.length, 1);
});

test("a refused DELETE writes no row, and reads none once the server is in memory", async () => {
  const project = new Project(worker);
  const id = await project.server({ locked: true, metadata: items });
  await project.delete(project.serverItem(id, "key1"));
  await counts();
  const locked = await project.delete(project.serverItem(id, "key1"));
  assertFault(locked, 409, "conflictingRequest", `Instance ${id} is locked`);
  const unknown = await project.delete(project.serverItem(id, "unknown"));
  assertFault(unknown, 404, "itemNotFound", "Metadata item was not found");
  const { calls, rows } = await counts();
  assert.deepEqual({ calls: calls.length, rows }, { calls: 2, rows: [] });
});

test("a request that needs no resource calls no object", async () => {
  const project = new Project(worker);
  await project.as("member");
  await counts();
  for (const path of ["/servers/NOT-AN-ID/metadata/key", "/nowhere", `/v2/${"0".repeat(32)}/servers/x/metadata/key`]) {
    assert.ok((await project.delete(path)).status >= 400, path);
  }
  assert.deepEqual((await counts()).calls, []);
});

test("GET of an item, and of all items, reads no row once the server is in memory", async () => {
  const project = new Project(worker);
  const id = await project.server({ metadata: items });
  const token = await project.as("reader");
  const collection = `/v2/${project.id}/servers/${id}/metadata`;
  await worker.request("GET", collection, { token });
  await counts();
  assert.equal((await worker.request("GET", `${collection}/key1`, { token })).status, 200);
  assert.equal((await worker.request("GET", collection, { token })).status, 200);
  const { kv, calls, rows } = await counts();
  assert.deepEqual({ kv, calls: calls.length, rows }, { kv: [], calls: 2, rows: [] });
});

test("a list is one call to the index and one per entry; a part of a name reads all rows of the index, a whole name two", async () => {
  const project = new Project(worker);
  for (let at = 0; at < 12; at += 1) await project.server({ name: `name${at}` });
  const token = await project.as("reader");
  const ask = async (query: string): Promise<Units> => {
    const answer = await worker.request("GET", `/v2.1/${project.id}/servers${query}`, { token });
    assert.equal(answer.status, 200, answer.text);
    return billed();
  };
  await counts();
  await ask("");
  assert.deepEqual(await ask(""), requests.list(12, 12));
  assert.deepEqual(await ask("?limit=5"), requests.list(5, 5));
  assert.deepEqual(await ask("?name=name7"), requests.list(1, 12));
  assert.deepEqual(await ask(`?name=${encodeURIComponent("^name7$")}`), requests.list(1, 2));
});

test("a large pattern is compared with few names at a time, and no more of them are read", async () => {
  const project = new Project(worker);
  for (let at = 0; at < 60; at += 1) await project.server({ name: "a".repeat(255) });
  const token = await project.as("reader");
  await counts();
  const path = `/v2.1/${project.id}/servers?name=${encodeURIComponent("[^b]{0,250}b")}`;
  const answer = await worker.request("GET", path, { token });
  assert.deepEqual([answer.json().servers, answer.json().servers_links.length], [[], 1], answer.text);
  const { objectRequests, rowsRead } = await billed();
  assert.equal(objectRequests, 10);
  assert.ok(rowsRead <= 10 * 12, `${rowsRead} rows were read`);
});

test("registry: billed units of creating, changing and deleting a server", async () => {
  const project = new Project(worker);
  const token = await worker.registrar();
  const fields = { metadata: someItems(10) };
  await worker.request("GET", `/registry/servers/${resourceId()}`, { token });
  await counts();
  const id = await project.server(fields);
  assert.deepEqual(await billed(), sum(requests.register(10), extra.firstOfProject));
  await project.server(fields);
  assert.deepEqual(await billed(), requests.register(10));
  await worker.putServer(id, { vm_state: "stopped", task_state: "deleting" });
  assert.deepEqual(await billed(), requests.registerState);
  await worker.record("servers", id);
  assert.deepEqual(await billed(), requests.get);
  assertNoContent(await worker.request("DELETE", `/registry/servers/${id}`, { token }));
  assert.deepEqual(await billed(), requests.forget(10));
});

test("CHANGES=keep: a change writes a mark for each key, and the first and the last mark update the list of changes", async () => {
  const project = new Project(keeping);
  const id = await project.server({ metadata: someItems(10) });
  const token = await project.as("member");
  const path = `/v2.1/${project.id}/servers/${id}/metadata`;
  const ask = async (method: string, path: string, body?: object): Promise<Units> => {
    const answer = await keeping.request(method, path, { token, ...(body === undefined ? {} : { body }) });
    assert.ok(answer.status < 300, answer.text);
    return billed(keeping);
  };
  await ask("GET", path);
  assert.deepEqual(await ask("GET", path), requests.get);
  // The first resource with a mark creates the list's tables.
  const first = sum(requests.deleteItem, keep.marks(1), keep.firstMark);
  assert.deepEqual(await ask("DELETE", `${path}/key0`), sum(first, extra.firstOfProject));
  assert.deepEqual(await ask("DELETE", `${path}/key1`), sum(requests.deleteItem, keep.marks(1)));
  assert.deepEqual(await ask("PUT", `${path}/key1`, { meta: { key1: "v" } }), sum(requests.putItem, keep.marks(1)));
  const items = { key2: "new", key3: "new", new: "v" };
  assert.deepEqual(await ask("POST", path, { metadata: items }), sum(requests.merge(3), keep.marks(3)));

  const registrar = await keeping.registrar();
  await keeping.request("GET", "/registry/changes", { token: registrar });
  assert.deepEqual(await billed(keeping), requests.changes(1));
  const revisions = async (): Promise<[string, number][]> => {
    const { changes } = (await keeping.record("servers", id)) as { changes: Record<string, { revision: number }> };
    return Object.entries(changes).map(([key, { revision }]) => [key, revision]);
  };
  const marks = await revisions();
  assert.equal(marks.length, 5);
  assert.deepEqual(await billed(keeping), requests.get);
  await keeping.putServer(id, { applied: Object.fromEntries(marks.slice(0, 3)) });
  assert.deepEqual(await billed(keeping), sum(requests.registerState, keep.acknowledged(3), keep.firstMark));
  await keeping.putServer(id, { applied: Object.fromEntries(marks.slice(3)) });
  assert.deepEqual(await billed(keeping), sum(requests.registerState, keep.acknowledged(2), keep.lastMark));
  assert.deepEqual(await revisions(), []);
  await billed(keeping);
  assert.deepEqual(await ask("DELETE", `${path}/key4`), first);
});

test("a stored server is 9 pages, with the most and longest items 29", async () => {
  const project = new Project(worker);
  await counts();
  for (const count of [0, 10, 128]) {
    await project.server({ metadata: someItems(count) });
    assert.deepEqual((await counts()).stored, [SERVER_BYTES], String(count));
  }
  const longest = Array.from({ length: 128 }, (_, at) => [`${at}`.padEnd(255, "k"), "v".repeat(255)]);
  await project.server({ metadata: Object.fromEntries(longest) });
  assert.deepEqual((await counts()).stored, [LONGEST_SERVER_BYTES]);
});

test("a stored index of 1 server is 4 pages, of 100 servers 10", async () => {
  const project = new Project(worker);
  await counts();
  await project.server({ name: "server-name-0" });
  assert.deepEqual((await counts()).lists, [4 * PAGE]);
  for (let at = 1; at < 100; at += 1) await project.server({ name: `server-name-${at}` });
  assert.equal((await counts()).lists.at(-1), 10 * PAGE);
});

test("a request is one log line of bounded length", async () => {
  const project = new Project(worker);
  const server = await project.server();
  const before = worker.logs().length;
  const answer = await project.delete(project.serverItem(server, "key1"));
  const id = answer.headers.get("X-Compute-Request-Id") ?? "-";
  const ofIt = (): string[] =>
    worker
      .logs()
      .slice(before)
      .filter((line) => line.includes(id));
  // Output arrives late, but all of one request arrives together.
  for (let tries = 0; ofIt().length === 0 && tries < 100; tries += 1) await sleep(20);
  await sleep(20);
  const lines = ofIt();
  assert.equal(lines.length, 1, lines.join("\n"));
  assert.ok((lines[0] ?? "").length < 500, lines[0]);
});

// Runs last, because it restarts the Worker to clear its memory.
test("an object that starts reads its record, its items and its operation log", async () => {
  const project = new Project(worker);
  const id = await project.server({ metadata: someItems(10) });
  const token = await project.as("member");
  const path = `/v2.1/${project.id}/servers/${id}/metadata`;
  await worker.request("PUT", `${path}/key1`, { token, body: { meta: { key1: "changed" } } });
  await worker.restart();
  assert.equal((await worker.request("GET", path, { token })).status, 200);
  assert.deepEqual(await billed(), sum(requests.get, extra.newToken, extra.objectStart(10, 2)));
  assert.equal((await worker.request("GET", path, { token })).status, 200);
  assert.deepEqual(await billed(), requests.get);
});
