// N: at most METADATA_ITEMS items, 128 by default; more are 403.
import assert from "node:assert/strict";
import { after, test } from "node:test";

import { assertFault, assertNoContent, assertVersion } from "./answers.ts";
import { startWorker, type Answer, type Worker } from "./harness.ts";
import { KINDS, assertDocument, make, type Kind } from "./operations.ts";
import { Project } from "./project.ts";

const worker = await startWorker();
after(() => worker.stop());

const LIMIT = 128;

function items(count: number, name = "k", value = "1"): Record<string, string> {
  return Object.fromEntries(Array.from({ length: count }, (_, at) => [`${name}${at}`, value]));
}

function assertOver(kind: Kind, answer: Answer, limit = LIMIT): void {
  const ofServers = `Maximum number of metadata items exceeds ${limit}`;
  assertFault(answer, 403, "forbidden", kind === "servers" ? ofServers : "Image metadata limit exceeded");
  assertVersion(answer, "2.1");
}

/** A resource with `count` items and requests that change it. */
async function full(where: Worker, kind: Kind, count: number, role = "member") {
  const project = new Project(where);
  const id = await make(project, kind, { metadata: items(count) });
  const path = `/v2.1/${project.id}/${kind}/${id}/metadata`;
  const token = await project.as(role);
  return {
    change: (method: string, below: string, body?: object): Promise<Answer> =>
      where.request(method, path + below, { token, ...(body && { body }) }),
    holds: async (metadata: Record<string, string>): Promise<void> => assert.deepEqual(await where.metadata(kind, id), metadata),
  };
}

for (const kind of KINDS) {
  test(`${kind}: PUT takes 128 items and refuses 129`, async () => {
    const { change, holds } = await full(worker, kind, 0);
    assertOver(kind, await change("PUT", "", { metadata: items(LIMIT + 1) }));
    await holds({});
    assertDocument(await change("PUT", "", { metadata: items(LIMIT) }), { metadata: items(LIMIT) });
    assertOver(kind, await change("PUT", "", { metadata: items(LIMIT + 1, "q") }));
    await holds(items(LIMIT));
  });

  test(`${kind}: POST takes 128 items and refuses 129`, async () => {
    const { change, holds } = await full(worker, kind, 0);
    assertOver(kind, await change("POST", "", { metadata: items(LIMIT + 1) }));
    await holds({});
    assertDocument(await change("POST", "", { metadata: items(LIMIT) }), { metadata: items(LIMIT) });
  });

  test(`${kind}: existing items count towards the limit of a POST`, async () => {
    const { change, holds } = await full(worker, kind, LIMIT - 1);
    assertOver(kind, await change("POST", "", { metadata: { new1: "x", new2: "x" } }));
    await holds(items(LIMIT - 1));
    const metadata = { ...items(LIMIT - 1), k0: "x", new1: "x" };
    assertDocument(await change("POST", "", { metadata: { k0: "x", new1: "x" } }), { metadata });
    assertOver(kind, await change("POST", "", { metadata: { new2: "x" } }));
    await holds(metadata);
  });

  test(`${kind}: a refused POST changes nothing, existing keys included`, async () => {
    const { change, holds } = await full(worker, kind, LIMIT);
    assertOver(kind, await change("POST", "", { metadata: { k0: "changed", new1: "x" } }));
    await holds(items(LIMIT));
  });

  test(`${kind}: of a resource that has more items than it may have, items can only be deleted`, async () => {
    const { change, holds } = await full(worker, kind, LIMIT + 2);
    assertOver(kind, await change("POST", "", { metadata: {} }));
    assertOver(kind, await change("POST", "", { metadata: { k0: "x" } }));
    assertOver(kind, await change("PUT", "/k0", { meta: { k0: "x" } }));
    await holds(items(LIMIT + 2));
    assertNoContent(await change("DELETE", "/k128"));
    assertOver(kind, await change("POST", "", { metadata: {} }));
    assertNoContent(await change("DELETE", "/k129"));
    assertDocument(await change("POST", "", { metadata: {} }), { metadata: items(LIMIT) });
    assertDocument(await change("PUT", "", { metadata: {} }), { metadata: {} });
    await holds({});
  });

  test(`${kind}: a full resource takes new values but no new keys`, async () => {
    const { change, holds } = await full(worker, kind, LIMIT);
    assertDocument(await change("PUT", "/k0", { meta: { k0: "x" } }), { meta: { k0: "x" } });
    assertOver(kind, await change("PUT", "/new1", { meta: { new1: "x" } }));
    const metadata = { ...items(LIMIT), ...items(LIMIT, "k", "2") };
    assertDocument(await change("POST", "", { metadata: items(LIMIT, "k", "2") }), { metadata });
    assertDocument(await change("PUT", "", { metadata: items(LIMIT, "other") }), { metadata: items(LIMIT, "other") });
    await holds(items(LIMIT, "other"));
  });

  test(`${kind}: a deleted item makes room for another`, async () => {
    const { change } = await full(worker, kind, LIMIT);
    assertNoContent(await change("DELETE", "/k1"));
    assertDocument(await change("PUT", "/new1", { meta: { new1: "x" } }), { meta: { new1: "x" } });
    assertOver(kind, await change("PUT", "/k1", { meta: { k1: "x" } }));
  });

  test(`${kind}: an admin has the same limit`, async () => {
    const { change, holds } = await full(worker, kind, LIMIT, "admin");
    assertOver(kind, await change("PUT", "/new1", { meta: { new1: "x" } }));
    assertOver(kind, await change("POST", "", { metadata: { new1: "x" } }));
    assertOver(kind, await change("PUT", "", { metadata: items(LIMIT + 1) }));
    await holds(items(LIMIT));
  });

  test(`${kind}: concurrent writes succeed up to the limit`, async () => {
    const { change, holds } = await full(worker, kind, LIMIT - 3);
    const puts = Array.from({ length: 12 }, (_, at) => change("PUT", `/new${at}`, { meta: { [`new${at}`]: "x" } }));
    const answers = await Promise.all(puts);
    const passed = answers.flatMap(({ status }, at) => (status === 200 ? [at] : []));
    assert.equal(passed.length, 3);
    for (const [at, answer] of answers.entries()) if (!passed.includes(at)) assertOver(kind, answer);
    await holds({ ...items(LIMIT - 3), ...Object.fromEntries(passed.map((at) => [`new${at}`, "x"])) });
  });
}

test("METADATA_ITEMS sets the limit, and the message names it", async () => {
  const small = await startWorker({ vars: { METADATA_ITEMS: "2" } });
  try {
    for (const kind of KINDS) {
      const { change, holds } = await full(small, kind, 2);
      assertOver(kind, await change("PUT", "/new1", { meta: { new1: "x" } }), 2);
      assertOver(kind, await change("PUT", "", { metadata: items(3) }), 2);
      assertDocument(await change("PUT", "/k0", { meta: { k0: "x" } }), { meta: { k0: "x" } });
      assertNoContent(await change("DELETE", "/k0"));
      await holds({ k1: "1" });
    }
  } finally {
    await small.stop();
  }
});
