// What a request costs of what the platform bills: calls of objects, reads of KV, rows read and written.
import assert from "node:assert/strict";
import { after, test } from "node:test";

import { assertFault, assertNoContent } from "./answers.ts";
import { startWorker } from "./harness.ts";
import { imageItem, Project } from "./project.ts";

const worker = await startWorker({ entry: "tests/counting.js" });
after(() => worker.stop());

interface Counts {
  kv: string[];
  calls: string[];
  /** By statement, in their order. */
  rows: { statement: string; read: number; written: number }[];
}

/** What was counted since it was asked last. */
async function counts(): Promise<Counts> {
  return (await worker.request("GET", "/counts")).json() as Counts;
}

const ITEMS = 100;
const items = Object.fromEntries(Array.from({ length: ITEMS }, (_, at) => [`key${at}`, "v"]));

for (const kind of ["server", "image"] as const) {
  test(`${kind}: a DELETE with a known token is one call, two rows, and nothing else is looked at`, async () => {
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
      assert.deepEqual(calls, [`${kind}:${id} perform`]);
      // SQLite counts the row that a statement finds, or makes, by its key. Were the server's other items looked
      // at, or those of other changes, it would be more.
      assert.deepEqual(
        rows.map(({ statement, read, written }) => `${statement.split(" ", 3).join(" ")}: ${read} read, ${written} written`).sort(),
        ["DELETE FROM item: 1 read, 1 written", "INSERT INTO operation: 1 read, 1 written"],
      );
    }
  });
}

test("a token that is not known yet is one read of KV, then none", async () => {
  const project = new Project(worker);
  const id = await project.server();
  const token = await project.as("member", "reader");
  await counts();
  assertNoContent(await project.delete(project.serverItem(id, "key1"), { token }));
  assert.equal((await counts()).kv.length, 1);
  assertNoContent(await project.delete(project.serverItem(id, "key2"), { token }));
  assert.deepEqual((await counts()).kv, []);
});

test("a DELETE that is refused writes nothing, and reads nothing once the server is in memory", async () => {
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

test("a request that needs no resource wakes no object", async () => {
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
