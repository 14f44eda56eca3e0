// The contract's "Order in time": documents that arrive late, twice or from a wrong clock bring nothing back.
import assert from "node:assert/strict";
import { after, test } from "node:test";

import { assertFault, assertNoContent } from "./answers.ts";
import { projectId, resourceId, startWorker, type Answer } from "./harness.ts";
import { both, make } from "./operations.ts";
import { Project } from "./project.ts";
import { assertInvalid, assertRecord, KINDS, RegistryClient, wrapper, type Kind } from "./registry-client.ts";

const worker = await startWorker();
after(() => worker.stop());
const registry = new RegistryClient(worker);

/** RFC 3339, so many minutes from now. */
const minutes = (count: number): string => new Date(Date.now() + count * 60_000).toISOString();

function assertGone(answer: Answer, kind: Kind, id: string): void {
  assertFault(answer, 404, "itemNotFound", kind === "servers" ? `Instance ${id} could not be found.` : "Image not found.");
}

/** What a user may do that changes metadata, and what is there afterwards of `both`. */
const CHANGES: [string, string, string, object | undefined, Record<string, string>][] = [
  ["DELETE of an item", "DELETE", "/key1", undefined, { key2: "value2" }],
  ["PUT of an item", "PUT", "/key1", { meta: { key1: "a user's" } }, { ...both, key1: "a user's" }],
  ["POST", "POST", "", { metadata: { key3: "a user's" } }, { ...both, key3: "a user's" }],
  ["PUT of all items", "PUT", "", { metadata: { key3: "a user's" } }, { key3: "a user's" }],
];

async function change(
  project: Project,
  kind: Kind,
  id: string,
  [what, method, path, body]: (typeof CHANGES)[number],
): Promise<void> {
  const options = { token: await project.as("member"), ...(body && { body }) };
  const answer = await worker.request(method, `/v2.1/${kind}/${id}/metadata${path}`, options);
  assert.equal(answer.status, method === "DELETE" ? 204 : 200, `${what}: ${answer.text}`);
}

for (const kind of KINDS) {
  test(`${kind}: a PUT that is not later than the last one applied changes nothing and answers 200 with the record`, async () => {
    const id = resourceId();
    const fields = { project_id: projectId(), name: "newest", observed_at: "2026-05-05T12:00:00Z", metadata: { a: "1" } };
    await registry.put(kind, id, fields);
    for (const observed_at of [
      "2026-05-05T12:00:00Z",
      "2026-05-05T14:00:00+02:00",
      "2026-05-05T12:00:00",
      "2026-05-05T11:59:59Z",
      "2026-05-05T11:59:59.999Z",
      "2026-05-05T13:59:59+02:00",
    ]) {
      const stale = { name: "stale", metadata: {}, project_id: projectId(), attributes: { a: 1 }, observed_at };
      assertRecord(await registry.put(kind, id, stale), 200, kind, fields);
    }
    assertRecord(await registry.get(kind, id), 200, kind, fields);
    const newer = { name: "newer", observed_at: "2026-05-05T12:00:00.001Z" };
    assertRecord(await registry.put(kind, id, newer), 200, kind, { ...fields, ...newer });
    const stale = { name: "stale", observed_at: fields.observed_at };
    assertRecord(await registry.put(kind, id, stale), 200, kind, newer);
  });

  test(`${kind}: observed_at is an instant, not a text`, async () => {
    const id = resourceId();
    await registry.put(kind, id, { project_id: projectId(), name: "first", observed_at: "2026-05-05T12:00:00Z" });
    // Later than the first one, though it sorts before it.
    const later = await registry.put(kind, id, { name: "second", observed_at: "2026-05-05T10:30:00-02:00" });
    assertRecord(later, 200, kind, { name: "second" });
    const earlier = await registry.put(kind, id, { name: "third", observed_at: "2026-05-05T14:00:00+02:00" });
    assertRecord(earlier, 200, kind, { name: "second" });
  });

  test(`${kind}: a PUT without observed_at is applied, and makes the record no older than it was`, async () => {
    const id = resourceId();
    const observed_at = "2026-05-05T12:00:00Z";
    await registry.put(kind, id, { project_id: projectId(), observed_at });
    assertRecord(await registry.put(kind, id, { name: "applied" }), 200, kind, { name: "applied", observed_at });
    const stale = await registry.put(kind, id, { name: "stale", observed_at: "2026-05-05T11:00:00Z" });
    assertRecord(stale, 200, kind, { name: "applied", observed_at });
  });

  test(`${kind}: observed_at may be 5 minutes ahead of this clock; later it is 400 and holds up nothing`, async () => {
    const id = resourceId();
    await registry.put(kind, id, { project_id: projectId(), name: "before" });
    for (const observed_at of ["2099-01-01T00:00:00Z", minutes(6)]) {
      assertInvalid(await registry.put(kind, id, { name: "from the future", observed_at }), "observed_at");
      assertInvalid(await registry.put(kind, resourceId(), { project_id: projectId(), observed_at }), "observed_at");
    }
    const soon = minutes(4);
    assertRecord(await registry.put(kind, id, { name: "soon", observed_at: soon }), 200, kind, { name: "soon" });
    // Without its own time the sender means it.
    assertRecord(await registry.put(kind, id, { name: "now" }), 200, kind, { name: "now" });
  });

  test(`${kind}: an item that a user deleted does not come back with the same PUT again`, async () => {
    const project = new Project(worker);
    const id = resourceId();
    const fields = { project_id: project.id, observed_at: minutes(-60), metadata: { k: "1", kept: "2" } };
    await registry.put(kind, id, fields);
    assertNoContent(await project.delete(`/${kind}/${id}/metadata/k`));
    for (let times = 0; times < 2; times += 1) {
      assertRecord(await registry.put(kind, id, fields), 200, kind, { metadata: { kept: "2" } });
    }
    assert.deepEqual(await worker.metadata(kind, id), { kept: "2" });
  });

  for (const user of CHANGES) {
    const [what, , , , left] = user;

    test(`${kind}: metadata observed before a user's ${what} is not applied, and the rest of the document is`, async () => {
      const project = new Project(worker);
      const id = resourceId();
      await registry.put(kind, id, { project_id: project.id, observed_at: minutes(-60), metadata: both });
      await change(project, kind, id, user);
      const observed = { name: "renamed", observed_at: minutes(-30), metadata: { ...both, cloud: "1" } };
      assertRecord(await registry.put(kind, id, observed), 200, kind, { name: "renamed", metadata: left });
      assertRecord(await registry.get(kind, id), 200, kind, { name: "renamed", metadata: left });
      // Seen after the change, it is what the cloud has.
      const after = { observed_at: minutes(1), metadata: { cloud: "2" } };
      assertRecord(await registry.put(kind, id, after), 200, kind, { name: "renamed", metadata: { cloud: "2" } });
    });
  }

  test(`${kind}: without observed_at the sender means its metadata, whatever a user has changed`, async () => {
    const project = new Project(worker);
    const id = await make(project, kind);
    assertNoContent(await project.delete(`/${kind}/${id}/metadata/key1`));
    assertRecord(await registry.put(kind, id, { metadata: both }), 200, kind, { metadata: both });
  });

  test(`${kind}: a change that was refused or has no item, a read and a registration are no change by a user`, async () => {
    const project = new Project(worker);
    const id = resourceId();
    await registry.put(kind, id, { project_id: project.id, observed_at: minutes(-60), metadata: both });
    await registry.put(kind, id, { metadata: { ...both, key3: "registered" } });
    assert.equal((await project.delete(`/${kind}/${id}/metadata/unknown`)).status, 404);
    const token = await project.as("reader");
    assert.equal((await worker.request("GET", `/${kind}/${id}/metadata`, { token })).status, 200);
    assert.equal((await project.delete(`/${kind}/${id}/metadata/key1`, { token })).status, 403);
    // The page asks so whether a token may change anything.
    const none = { token: await project.as("member"), body: { metadata: {} } };
    assert.equal((await worker.request("POST", `/${kind}/${id}/metadata`, none)).status, 200);
    const observed = { observed_at: minutes(-30), metadata: { cloud: "1" } };
    assertRecord(await registry.put(kind, id, observed), 200, kind, { metadata: { cloud: "1" } });
  });

  test(`${kind}: a PUT that is not later than a DELETE is 404 and changes nothing`, async () => {
    const project = new Project(worker);
    const id = resourceId();
    const fields = (observed_at: string): object => ({ project_id: project.id, name: "ghost", observed_at, metadata: both });
    await registry.put(kind, id, fields("2026-05-05T10:00:00Z"));
    assertNoContent(await registry.delete(kind, id, "2026-05-05T12:00:00Z"));
    for (const observed_at of ["2026-05-05T05:00:00Z", "2026-05-05T11:59:59.999Z", "2026-05-05T12:00:00Z"]) {
      assertGone(await registry.put(kind, id, fields(observed_at)), kind, id);
      assert.equal(await worker.record(kind, id), null);
    }
    const token = await project.as("reader");
    assert.equal((await worker.request("GET", `/v2.1/${kind}/${id}`, { token })).status, 404);
    const later = fields("2026-05-05T12:00:00.001Z");
    assertRecord(await registry.put(kind, id, later), 201, kind, { name: "ghost" });
    // From here on it is a record like any other.
    assertRecord(await registry.put(kind, id, fields("2026-05-05T05:00:00Z")), 200, kind, { metadata: both });
  });

  test(`${kind}: a DELETE without observed_at is one of now`, async () => {
    const id = resourceId();
    await registry.put(kind, id, { project_id: projectId(), observed_at: minutes(-20) });
    assertNoContent(await registry.delete(kind, id));
    for (const observed_at of [minutes(-20), minutes(-1)]) {
      assertGone(await registry.put(kind, id, { project_id: projectId(), observed_at }), kind, id);
    }
    const anew = await registry.put(kind, id, { project_id: projectId(), observed_at: minutes(1) });
    assertRecord(anew, 201, kind, {});
  });

  test(`${kind}: a PUT without observed_at after a DELETE is a new record`, async () => {
    const id = resourceId();
    await registry.put(kind, id, { project_id: projectId(), name: "old", metadata: both });
    assertNoContent(await registry.delete(kind, id));
    assertRecord(await registry.put(kind, id, { project_id: projectId() }), 201, kind, { name: "", metadata: {} });
  });

  test(`${kind}: a DELETE that is delivered again after a newer PUT is 204 and changes nothing`, async () => {
    const id = resourceId();
    const project_id = projectId();
    const deleted = "2026-05-05T12:00:00Z";
    await registry.put(kind, id, { project_id, observed_at: "2026-05-05T10:00:00Z" });
    assertNoContent(await registry.delete(kind, id, deleted));
    const newer = { project_id, name: "newer", observed_at: "2026-05-05T14:00:00Z", metadata: both };
    assertRecord(await registry.put(kind, id, newer), 201, kind, newer);
    assertNoContent(await registry.delete(kind, id, deleted));
    assertRecord(await registry.get(kind, id), 200, kind, newer);
    // One of the same time, or later, is not older.
    assertNoContent(await registry.delete(kind, id, newer.observed_at));
    assert.equal(await worker.record(kind, id), null);
  });

  test(`${kind}: a DELETE that finds nothing is 404, and a PUT that is not later stays out all the same`, async () => {
    const id = resourceId();
    // The DELETE overtook the PUT, or came twice.
    const fields = (observed_at: string): object => ({ project_id: projectId(), observed_at });
    assertGone(await registry.delete(kind, id, "2026-05-05T12:00:00Z"), kind, id);
    assertGone(await registry.put(kind, id, fields("2026-05-05T11:00:00Z")), kind, id);
    assertGone(await registry.delete(kind, id, "2026-05-05T14:00:00Z"), kind, id);
    assertGone(await registry.put(kind, id, fields("2026-05-05T13:00:00Z")), kind, id);
    // An earlier one takes nothing back.
    assertGone(await registry.delete(kind, id, "2026-05-05T10:00:00Z"), kind, id);
    assertGone(await registry.put(kind, id, fields("2026-05-05T13:00:00Z")), kind, id);
    assertRecord(await registry.put(kind, id, fields("2026-05-05T15:00:00Z")), 201, kind, {});
  });

  test(`${kind}: DELETE of a record that was never observed is carried out, whatever its time`, async () => {
    const id = resourceId();
    await registry.put(kind, id, { project_id: projectId() });
    assertNoContent(await registry.delete(kind, id, "2026-05-05T12:00:00Z"));
    assert.equal(await worker.record(kind, id), null);
  });

  test(`${kind}: DELETE with a time that is none, is in the future or has another name is 400 and deletes nothing`, async () => {
    const id = resourceId();
    await registry.put(kind, id, { project_id: projectId() });
    for (const [query, field] of [
      ["observed_at=", "observed_at"],
      ["observed_at=yesterday", "observed_at"],
      ["observed_at=2026-01-01", "observed_at"],
      ["observed_at=2099-01-01T00:00:00Z", "observed_at"],
      [`observed_at=${minutes(6)}`, "observed_at"],
      ["observedat=2026-05-05T12:00:00Z", "observedat"],
    ] as const) {
      assertInvalid(await registry.request("DELETE", `/registry/${kind}/${id}?${query}`), field);
    }
    assertRecord(await registry.get(kind, id), 200, kind, {});
    assertNoContent(await registry.request("DELETE", `/registry/${kind}/${id}?observed_at=2026-05-05T12%3A00%3A00`));
  });
}

test("order in time outlives a restart: a user's change and a DELETE", async () => {
  const restarted = await startWorker();
  try {
    const registry = new RegistryClient(restarted);
    const project = new Project(restarted);
    const [changed, deleted] = [resourceId(), resourceId()];
    for (const id of [changed, deleted]) {
      await registry.put("servers", id, { project_id: project.id, observed_at: minutes(-60), metadata: both });
    }
    assertNoContent(await project.delete(`/servers/${changed}/metadata/key1`));
    assertNoContent(await registry.delete("servers", deleted, minutes(-10)));
    await restarted.restart();
    const observed = { project_id: project.id, name: "observed", observed_at: minutes(-30), metadata: both };
    const { server } = (await registry.put("servers", changed, observed)).json();
    assert.deepEqual([server.name, server.metadata], ["observed", { key2: "value2" }]);
    assertGone(await registry.put("servers", deleted, observed), "servers", deleted);
    // The record that the registration wrote remembers the change as well.
    await restarted.restart();
    const again = { ...observed, observed_at: minutes(-20) };
    const record = (await registry.put("servers", changed, again)).json()[wrapper("servers")];
    assert.deepEqual(record.metadata, { key2: "value2" });
  } finally {
    await restarted.stop();
  }
});
