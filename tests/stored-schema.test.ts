// Upgrades and rollbacks: this release reads and changes what the previous one stored, the previous one what this one
// stored, and additions of a later release affect neither.
import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";

import { assertNoContent } from "./answers.ts";
import { Miniflare, repository, served, startWorker, type Fields, type Worker } from "./harness.ts";

const ID = "5ec95878-b74d-40f2-be61-c3c1ae5e5b19";
const PROJECT = "e4ee5a9bdf934e35b62c8b995152feee";

const OBJECTS = {
  server: ["RESOURCES", `server:${ID}`],
  image: ["RESOURCES", `image:${ID}`],
  list: ["INDEXES", `index:${PROJECT}`],
} as const;

type Row = Record<string, string | number | null>;
type Run = (object: keyof typeof OBJECTS, sql: string) => Promise<Row[]>;

const stored = (name: string): Promise<string> => readFile(path.join(repository, "tests", "stored", `${name}.sql`), "utf8");

/** Runs `work` with plain SQL on the objects in a folder while no Worker uses it. */
async function withSql<T>(folder: string, work: (run: Run) => Promise<T>): Promise<T> {
  const file = path.join(repository, "tests", "stored", "sql-object.js");
  const runtime = new Miniflare({
    cf: false,
    host: "127.0.0.1",
    logRequests: false,
    enableDevRegistry: false,
    resourcePersistencePath: folder,
    workers: [{ config: served([{ name: "sql-object.js", file, type: "esm" }]) }],
  });
  try {
    return await work(async (object, sql) => {
      const [binding, name] = OBJECTS[object];
      const url = `http://127.0.0.1/${binding}/${encodeURIComponent(name)}`;
      const answer = await runtime.dispatchFetch(url, { method: "POST", body: sql });
      assert.equal(answer.status, 200, `${sql}: ${answer.statusText}`);
      return (await answer.json()) as Row[];
    });
  } finally {
    await runtime.dispose();
  }
}

async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(path.join(tmpdir(), "edge-metadata-stored-"));
  try {
    await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

async function withWorker(folder: string, work: (worker: Worker) => Promise<void>): Promise<void> {
  const worker = await startWorker({ persistTo: folder });
  try {
    await work(worker);
  } finally {
    await worker.stop();
  }
}

async function storeSchema1(run: Run): Promise<void> {
  const tables = await stored("schema-1-tables");
  await run("server", tables + (await stored("schema-1-server")));
  await run("image", tables + (await stored("schema-1-image")));
  await run("list", await stored("schema-1-list"));
}

const SERVER: Fields = {
  id: ID,
  project_id: PROJECT,
  name: "web-1",
  vm_state: "active",
  task_state: null,
  power_state: 1,
  locked: false,
  launched: true,
  created: "2026-01-02T03:04:05Z",
  metadata: { "a b": "1", clé: 'it\'s "2"' },
  attributes: {},
  observed_at: "2026-03-04T05:06:07.123456Z",
  updated: "2026-11-21T20:49:38.640Z",
};

const IMAGE: Fields = {
  id: ID,
  project_id: PROJECT,
  name: "debian",
  status: "active",
  visibility: "shared",
  members: ["0a1b"],
  created: "2026-01-02T03:04:05Z",
  metadata: { "a b": "1" },
  attributes: {},
  observed_at: null,
  updated: "2026-11-21T20:49:38.677Z",
};

/** Reads what schema 1 stored and applies every kind of change to it. */
async function readsAndChanges(worker: Worker): Promise<void> {
  assert.deepEqual(await worker.record("servers", ID), SERVER);
  assert.deepEqual(await worker.record("images", ID), IMAGE);
  const token = await worker.token({ project: PROJECT, roles: ["member"] });
  const names = async (kind: string): Promise<string[]> => {
    const answer = await worker.request("GET", `/v2.1/${kind}`, { token });
    return (answer.json()[kind] as { name: string }[]).map(({ name }) => name);
  };
  assert.deepEqual(await names("servers"), ["web-1"]);
  assert.deepEqual(await names("images"), ["debian"]);
  for (const kind of ["servers", "images"] as const) {
    assertNoContent(await worker.request("DELETE", `/v2.1/${kind}/${ID}/metadata/a%20b`, { token }));
    const merged = await worker.request("POST", `/v2.1/${kind}/${ID}/metadata`, { token, body: { metadata: { new: "3" } } });
    assert.equal(merged.status, 200, merged.text);
  }
  await worker.putServer(ID, { name: "web-2", vm_state: "stopped" });
  await worker.putImage(ID, { name: "debian-13" });
  assert.deepEqual(await worker.metadata("servers", ID), { clé: 'it\'s "2"', new: "3" });
  assert.deepEqual(await worker.metadata("images", ID), { new: "3" });
  // An alarm updates the lists.
  const patience = Date.now() + 20_000;
  while ((await names("servers"))[0] !== "web-2" || (await names("images"))[0] !== "debian-13") {
    assert.ok(Date.now() < patience, "the lists were not updated in time");
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

test("what schema 1 stored is read, listed and changed", async () => {
  await inFolder(async (folder) => {
    await withSql(folder, storeSchema1);
    await withWorker(folder, readsAndChanges);
    await withWorker(folder, async (worker) => {
      assert.equal((await worker.record("servers", ID))?.["name"], "web-2");
      assert.deepEqual(await worker.metadata("images", ID), { new: "3" });
    });
  });
});

test("after a rollback: additions of a later release are ignored and kept", async () => {
  await inFolder(async (folder) => {
    await withSql(folder, async (run) => {
      await storeSchema1(run);
      for (const object of ["server", "image"] as const) await run(object, await stored("later"));
      await run("list", await stored("later-list"));
    });
    await withWorker(folder, readsAndChanges);
    await withSql(folder, async (run) => {
      for (const object of ["server", "image"] as const) {
        assert.deepEqual(await run(object, "SELECT version FROM schema_version"), [{ version: 99 }]);
        assert.deepEqual(await run(object, "SELECT text FROM annotation"), [{ text: "kept" }]);
      }
    });
  });
});

test("after a rollback: the statements of schema 1 work on what this release stored", async () => {
  await inFolder(async (folder) => {
    // Schema 1 has no attributes.
    const { id: _, updated: __, attributes: ___, ...server } = SERVER;
    const { id: ____, updated: _____, attributes: ______, observed_at: _______, ...image } = IMAGE;
    await withWorker(folder, async (worker) => {
      await worker.putServer(ID, { ...server, metadata: { ...(server["metadata"] as Fields), gone: "x" } });
      await worker.putImage(ID, { ...image, metadata: { ...(image["metadata"] as Fields), gone: "x" } });
      const token = await worker.token({ project: PROJECT, roles: ["member"] });
      for (const kind of ["servers", "images"]) {
        assertNoContent(await worker.request("DELETE", `/${kind}/${ID}/metadata/gone`, { token }));
      }
    });
    const statements = (await stored("schema-1-statements")).split("\n").filter((line) => line && !line.startsWith("--"));
    await withSql(folder, async (run) => {
      for (const [object, fields] of [
        ["server", server],
        ["image", image],
      ] as const) {
        const [row] = await run(object, "SELECT document FROM resource LIMIT 1");
        const document = JSON.parse(String(row?.["document"])) as Record<string, Fields>;
        // Every member of schema 1 exists with the same value; others may have been added.
        for (const [name, value] of Object.entries({ ...fields, metadata: {} })) {
          assert.deepEqual(document[object]?.[name], value, `${object}.${name}`);
        }
        assert.equal(typeof document["updated"], "string");
        const items = await run(object, "SELECT key, value FROM item");
        assert.deepEqual(Object.fromEntries(items.map(({ key, value }) => [key, value])), fields["metadata"]);
        const made = await run(object, "SELECT slot, id, at, note FROM operation ORDER BY at");
        // The format of an operation log entry belongs to its release.
        assert.deepEqual(
          made.map(({ slot, id, at, note }) => [slot, typeof id, typeof at, typeof note]),
          [
            [0, "string", "number", "string"],
            [1, "string", "number", "string"],
          ],
        );
        for (const statement of statements) await run(object, statement);
      }
    });
  });
});
