// The contract's "Pending changes": with CHANGES=keep the control plane finds out what users have changed here.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { assertFault, assertNoContent, assertUnknownPath } from "./answers.ts";
import { projectId, resourceId, startWorker, type Answer } from "./harness.ts";
import { both } from "./operations.ts";
import { Project } from "./project.ts";
import { assertInvalid, assertRecord, KINDS, RegistryClient, wrapper, type Kind } from "./registry-client.ts";

const worker = await startWorker({ vars: { CHANGES: "keep" } });
after(() => worker.stop());
const registry = new RegistryClient(worker);

type Marks = Record<string, { revision: number; value: string | null }>;

async function marks(kind: Kind, id: string, of = registry): Promise<Marks> {
  const answer = await of.get(kind, id);
  assert.equal(answer.status, 200, answer.text);
  return answer.json()[wrapper(kind)].changes;
}

/** The values that are to be sent, without their revisions. */
async function toBeSent(kind: Kind, id: string): Promise<Record<string, string | null>> {
  return Object.fromEntries(Object.entries(await marks(kind, id)).map(([key, { value }]) => [key, value]));
}

/** What the control plane sends back when it has taken these marks. */
function applied(taken: Marks): Record<string, number> {
  return Object.fromEntries(Object.entries(taken).map(([key, { revision }]) => [key, revision]));
}

async function make(kind: Kind, project: Project, fields = {}): Promise<string> {
  const id = resourceId();
  const answer = await registry.put(kind, id, { project_id: project.id, metadata: both, ...fields });
  assert.equal(answer.status, 201, answer.text);
  return id;
}

/** A change of metadata by the project's member. */
async function change(project: Project, method: string, path: string, body?: object): Promise<Answer> {
  const options = { token: await project.as("member"), ...(body && { body }) };
  const answer = await project.worker.request(method, path, options);
  assert.equal(answer.status, method === "DELETE" ? 204 : 200, answer.text);
  return answer;
}

function put(project: Project, kind: Kind, id: string, key: string, value: string): Promise<Answer> {
  return change(project, "PUT", `/${kind}/${id}/metadata/${key}`, { meta: { [key]: value } });
}

interface Changed {
  kind: string;
  id: string;
  changed_at: string;
}

/** All resources that have marks, over as many pages as they take. */
async function changedResources(limit = 100): Promise<Changed[]> {
  const found: Changed[] = [];
  let path = `/registry/changes?limit=${limit}`;
  for (;;) {
    const answer = await registry.request("GET", path);
    assert.equal(answer.status, 200, answer.text);
    const { changes, changes_links: links } = answer.json();
    assert.ok(changes.length <= limit);
    found.push(...changes);
    if (links === undefined) return found;
    assert.equal(links[0].rel, "next");
    path = (links[0].href as string).replace(worker.url, "");
  }
}

/** Waits until of these resources exactly `expected` are listed, in this order; the contract allows 60 seconds. */
async function listed(of: string[], expected: string[], limit?: number): Promise<Changed[]> {
  for (const patience = Date.now() + 60_000; ; await sleep(50)) {
    const found = (await changedResources(limit)).filter(({ id }) => of.includes(id));
    const ids = found.map(({ id }) => id);
    if (JSON.stringify(ids) === JSON.stringify(expected)) return found;
    if (Date.now() > patience) assert.deepEqual(ids, expected);
  }
}

for (const kind of KINDS) {
  test(`${kind}: a user's changes are shown key by key, and what the control plane writes is none`, async () => {
    const project = new Project(worker);
    const id = await make(kind, project, { name: "old" });
    assert.deepEqual(await marks(kind, id), {});
    await registry.put(kind, id, { name: "new", metadata: { ...both, cloud: "1" } });
    assert.deepEqual(await marks(kind, id), {});
    await put(project, kind, id, "key1", "mine");
    assert.deepEqual(await toBeSent(kind, id), { key1: "mine" });
    await change(project, "DELETE", `/${kind}/${id}/metadata/key2`);
    assert.deepEqual(await toBeSent(kind, id), { key1: "mine", key2: null });
    await change(project, "POST", `/${kind}/${id}/metadata`, { metadata: { key3: "3", key4: "4" } });
    assert.deepEqual(await toBeSent(kind, id), { key1: "mine", key2: null, key3: "3", key4: "4" });
    await change(project, "PUT", `/${kind}/${id}/metadata`, { metadata: { key3: "5" } });
    assert.deepEqual(await toBeSent(kind, id), { key1: null, key2: null, key3: "5", key4: null, cloud: null });
  });

  test(`${kind}: a key that changes twice is sent once, with its last value and a larger revision`, async () => {
    const project = new Project(worker);
    const id = await make(kind, project);
    let last = 0;
    for (const value of ["1", "2", null, "4"]) {
      if (value === null) await change(project, "DELETE", `/${kind}/${id}/metadata/key1`);
      else await put(project, kind, id, "key1", value);
      const { key1, ...others } = await marks(kind, id);
      assert.deepEqual(others, {});
      assert.equal(key1?.value, value);
      assert.ok(key1.revision > last, `${key1.revision} after ${last}`);
      last = key1.revision;
    }
  });

  test(`${kind}: what is refused marks nothing`, async () => {
    const project = new Project(worker);
    const id = await make(kind, project);
    assert.equal((await project.delete(`/${kind}/${id}/metadata/unknown`)).status, 404);
    const refused = await project.delete(`/${kind}/${id}/metadata/key1`, { token: await project.as("reader") });
    assert.equal(refused.status, 403);
    assert.deepEqual(await marks(kind, id), {});
  });

  test(`${kind}: a mark that was applied goes, one of a later revision stays`, async () => {
    const project = new Project(worker);
    const id = await make(kind, project);
    await put(project, kind, id, "key1", "mine");
    await put(project, kind, id, "key2", "mine");
    const taken = await marks(kind, id);
    await put(project, kind, id, "key2", "changed meanwhile");
    const answer = await registry.put(kind, id, { applied: { ...applied(taken), unknown: 1 } });
    assert.equal(answer.status, 200, answer.text);
    const left = await marks(kind, id);
    assert.deepEqual(answer.json()[wrapper(kind)].changes, left);
    assert.deepEqual(Object.keys(left), ["key2"]);
    assert.equal(left["key2"]?.value, "changed meanwhile");
    assert.ok((left["key2"]?.revision ?? 0) > (taken["key2"]?.revision ?? Number.NaN));
    await registry.put(kind, id, { applied: applied(left) });
    assert.deepEqual(await marks(kind, id), {});
    // A revision is never used again, although no mark remembers it.
    await put(project, kind, id, "key2", "again");
    assert.ok(((await marks(kind, id))["key2"]?.revision ?? 0) > (left["key2"]?.revision ?? Number.NaN));
  });

  test(`${kind}: a mark goes although the document is not later, and nothing else of it is applied`, async () => {
    const project = new Project(worker);
    const observed_at = "2026-05-05T12:00:00Z";
    const id = await make(kind, project, { name: "newest", observed_at });
    await put(project, kind, id, "key1", "mine");
    const stale = { name: "stale", metadata: {}, observed_at, applied: applied(await marks(kind, id)) };
    assertRecord(await registry.put(kind, id, stale), 200, kind, {
      name: "newest",
      metadata: { ...both, key1: "mine" },
      changes: {},
    });
    assert.deepEqual(await marks(kind, id), {});
  });

  test(`${kind}: metadata replaces all but the keys that are still marked, whatever its time`, async () => {
    const project = new Project(worker);
    const id = await make(kind, project, { observed_at: "2026-05-05T12:00:00Z", metadata: { ...both, key3: "3" } });
    await put(project, kind, id, "key1", "mine");
    await change(project, "DELETE", `/${kind}/${id}/metadata/key2`);
    const { key1 } = await marks(kind, id);
    // Seen before the user's changes: the marks decide, key by key.
    const cloud = { key1: "cloud", key2: "cloud", key4: "cloud" };
    const first = await registry.put(kind, id, { observed_at: "2026-05-05T13:00:00Z", metadata: cloud });
    assertRecord(first, 200, kind, { metadata: { key1: "mine", key4: "cloud" } });
    // Without a time, too: what is marked is still to be sent.
    const second = await registry.put(kind, id, { metadata: cloud });
    assertRecord(second, 200, kind, { metadata: { key1: "mine", key4: "cloud" } });
    // What the cloud has taken is the cloud's again, within the same document.
    const third = await registry.put(kind, id, { metadata: cloud, applied: { key1: key1?.revision } });
    assertRecord(third, 200, kind, { metadata: { key1: "cloud", key4: "cloud" } });
    assert.deepEqual(await toBeSent(kind, id), { key2: null });
  });

  test(`${kind}: a record that is deleted has no marks left, and neither has the next one of its id`, async () => {
    const project = new Project(worker);
    const id = await make(kind, project);
    await put(project, kind, id, "key1", "mine");
    await listed([id], [id]);
    assertNoContent(await registry.delete(kind, id));
    await listed([id], []);
    assertRecord(await registry.put(kind, id, { project_id: project.id }), 201, kind, { changes: {} });
  });
}

test("changes: the resources that have marks, oldest first, in pages, until what they have is applied", async () => {
  const project = new Project(worker);
  const made: [Kind, string][] = [];
  for (const kind of ["servers", "images", "servers", "images", "servers"] as const) {
    // Created in the other order: what counts is when they were changed.
    made.push([kind, await make(kind, project, { created: `2026-01-0${9 - made.length}T00:00:00Z` })]);
  }
  const ids = made.map(([, id]) => id);
  const before = Date.now();
  for (const [kind, id] of made) await put(project, kind, id, "key1", "mine");
  const found = await listed(ids, ids);
  assert.deepEqual(
    found.map(({ kind }) => kind),
    made.map(([kind]) => wrapper(kind)),
  );
  for (const [at, { changed_at }] of found.entries()) {
    assert.ok(Date.parse(changed_at) >= before - 1 && Date.parse(changed_at) <= Date.now(), changed_at);
    assert.ok(Date.parse(changed_at) >= Date.parse(found[at - 1]?.changed_at ?? changed_at), "oldest first");
  }
  assert.deepEqual(await listed(ids, ids, 2), found);

  // A further change does not make a resource wait longer.
  await put(project, "servers", ids[0] ?? "", "key2", "mine");
  await sleep(500);
  await listed(ids, ids);
  for (const [kind, id] of made.slice(0, 2)) {
    await registry.put(kind, id, { applied: applied(await marks(kind, id)) });
  }
  await listed(ids, ids.slice(2));
});

test("changes: a resource whose oldest change is applied moves behind those with older ones", async () => {
  const project = new Project(worker);
  const [one, other] = [await make("servers", project), await make("servers", project)];
  await put(project, "servers", one, "key1", "mine");
  await put(project, "servers", other, "key1", "mine");
  await put(project, "servers", one, "key2", "mine");
  await listed([one, other], [one, other]);
  const { key1 } = await marks("servers", one);
  await registry.put("servers", one, { applied: { key1: key1?.revision } });
  await listed([one, other], [other, one]);
});

test("changes: a marker that is of no link is 400", async () => {
  const id = resourceId();
  assertFault(await registry.request("GET", `/registry/changes?marker=${id}`), 400, "badRequest", `marker [${id}] not found`);
});

test("changes: an empty limit and marker count as absent, and other parameters are 400", async () => {
  assert.equal((await registry.request("GET", "/registry/changes?limit=&marker=")).status, 200);
  for (const [query, field] of [
    ["limit=0", "limit"],
    ["limit=-1", "limit"],
    ["limit=many", "limit"],
    [`project_id=${projectId()}`, "project_id"],
    ["x=1", "x"],
  ] as const) {
    assertInvalid(await registry.request("GET", `/registry/changes?${query}`), field);
  }
});

test("changes: 403 for those who may not use the registry", async () => {
  for (const role of ["reader", "member", "manager"]) {
    const token = await new Project(worker).as(role);
    const answer = await registry.request("GET", "/registry/changes", { token });
    assertFault(answer, 403, "forbidden", "Policy doesn't allow registry:show to be performed.");
  }
});

test("changes outlive a restart", async () => {
  const restarted = await startWorker({ vars: { CHANGES: "keep" } });
  try {
    const registry = new RegistryClient(restarted);
    const project = new Project(restarted);
    const id = resourceId();
    await registry.put("servers", id, { project_id: project.id, metadata: both });
    await put(project, "servers", id, "key1", "mine");
    const before = await marks("servers", id, registry);
    await restarted.restart();
    assert.deepEqual(await marks("servers", id, registry), before);
    assert.equal(before["key1"]?.value, "mine");
    await put(project, "servers", id, "key1", "again");
    const after = await marks("servers", id, registry);
    assert.ok((after["key1"]?.revision ?? 0) > (before["key1"]?.revision ?? Number.NaN));
  } finally {
    await restarted.stop();
  }
});

test("without CHANGES=keep none of this exists", async () => {
  const plain = await startWorker();
  try {
    const registry = new RegistryClient(plain);
    const project = new Project(plain);
    for (const kind of KINDS) {
      const id = resourceId();
      await registry.put(kind, id, { project_id: project.id, metadata: both });
      await put(project, kind, id, "key1", "mine");
      // `applied` from a control plane that is set up for it does no harm.
      const answer = await registry.put(kind, id, { name: "new", applied: { key1: 1 } });
      assertRecord(answer, 200, kind, { name: "new", metadata: { ...both, key1: "mine" } });
      assert.ok(!("changes" in answer.json()[wrapper(kind)]));
      assert.ok(!("changes" in (await registry.get(kind, id)).json()[wrapper(kind)]));
    }
    assertUnknownPath(await registry.request("GET", "/registry/changes"));
  } finally {
    await plain.stop();
  }
});
