// GET /registry/servers and /registry/images: what the edge has of a project, to verify it and to find ghosts.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { assertFault, assertMethodNotAllowed, assertNoContent, assertUnauthorized } from "./answers.ts";
import { projectId, resourceId, startWorker, type Answer, type Fields } from "./harness.ts";
import { make } from "./operations.ts";
import { Project } from "./project.ts";
import { assertInvalid, KINDS, RegistryClient, wrapper, type Kind } from "./registry-client.ts";

const worker = await startWorker();
after(() => worker.stop());
const registry = new RegistryClient(worker);

async function page(kind: Kind, query: string): Promise<{ records: Fields[]; next: string | undefined }> {
  const answer = await registry.request("GET", `/registry/${kind}?${query}`);
  assert.equal(answer.status, 200, answer.text);
  assert.ok(answer.bytes.length < 2 * 1_048_576);
  const { [kind]: records, [`${kind}_links`]: links, ...others } = answer.json();
  assert.deepEqual(others, {});
  const next = links?.[0].href as string | undefined;
  if (links !== undefined) assert.deepEqual(links, [{ rel: "next", href: next }]);
  assert.ok(next?.startsWith(`${worker.url}/registry/${kind}?`) ?? true, next);
  return { records, next: next?.split("?")[1] };
}

/** All records of a project, over as many pages as they take. */
async function all(kind: Kind, query: string, longest = 100): Promise<Fields[]> {
  const found: Fields[] = [];
  for (let at: string | undefined = query; at !== undefined; ) {
    const { records, next } = await page(kind, at);
    assert.ok(records.length <= longest, `${records.length} on one page`);
    found.push(...records);
    at = next;
  }
  return found;
}

const ids = (records: Fields[]): unknown[] => records.map(({ id }) => id);

/** Waits until the list has exactly these, in this order; the contract allows 60 seconds. */
async function settled(kind: Kind, project: Project, expected: string[]): Promise<Fields[]> {
  for (const patience = Date.now() + 60_000; ; await sleep(50)) {
    const found = await all(kind, `project_id=${project.id}`);
    if (JSON.stringify(ids(found)) === JSON.stringify(expected)) return found;
    if (Date.now() > patience) assert.deepEqual(ids(found), expected);
  }
}

/** Newest first, as the lists are. */
async function makeMany(project: Project, kind: Kind, count: number, fields: Fields = {}): Promise<string[]> {
  const made: string[] = [];
  for (let day = 1; day <= count; day += 1) {
    made.unshift(await make(project, kind, { created: `2026-01-0${day}T00:00:00Z`, ...fields }));
  }
  return made;
}

for (const kind of KINDS) {
  test(`${kind}: the full records of a project, newest first, with observed_at`, async () => {
    const project = new Project(worker);
    const made = await makeMany(project, kind, 3, { observed_at: "2026-05-05T12:00:00Z", attributes: { k: "v" } });
    const found = await settled(kind, project, made);
    for (const record of found) {
      const shown = (await registry.get(kind, record["id"] as string)).json()[wrapper(kind)];
      assert.deepEqual(record, shown);
      assert.equal(record["observed_at"], "2026-05-05T12:00:00Z");
    }
  });

  test(`${kind}: pages have at most limit records, and each leads to the next one`, async () => {
    const project = new Project(worker);
    const made = await makeMany(project, kind, 5);
    await settled(kind, project, made);
    for (const limit of [1, 2, 3]) {
      assert.deepEqual(ids(await all(kind, `project_id=${project.id}&limit=${limit}`, limit)), made);
    }
    assert.deepEqual(ids(await all(kind, `project_id=${project.id}&marker=${made[1]}`)), made.slice(2));
    assert.deepEqual(ids(await all(kind, `project_id=${project.id}&marker=&limit=`)), made);
    assert.deepEqual(ids(await all(kind, `limit=1000&project_id=${project.id}`)), made);
  });

  test(`${kind}: a page ends at 1 MiB, and no record is lost between pages`, async () => {
    const project = new Project(worker);
    const made = await makeMany(project, kind, 5, { metadata: { big: "v".repeat(400_000) } });
    const settledAt = Date.now() + 60_000;
    for (let found: unknown[] = []; JSON.stringify(found) !== JSON.stringify(made); ) {
      assert.ok(Date.now() < settledAt, `found ${found.length}`);
      found = ids(await all(kind, `project_id=${project.id}`, 2));
    }
    const { records, next } = await page(kind, `project_id=${project.id}`);
    assert.equal(records.length, 2);
    assert.ok(next !== undefined);
  });

  test(`${kind}: a record that moved to another project, or was deleted, is no ghost in the old list`, async () => {
    const [old, current] = [new Project(worker), new Project(worker)];
    const [moved, deleted] = (await makeMany(old, kind, 2)) as [string, string];
    await settled(kind, old, [moved, deleted]);
    await registry.put(kind, moved, { project_id: current.id });
    assertNoContent(await registry.delete(kind, deleted));
    assert.deepEqual(await all(kind, `project_id=${old.id}`), []);
    await settled(kind, current, [moved]);
    await settled(kind, old, []);
  });

  test(`${kind}: those that nobody else sees any more are there`, async () => {
    const project = new Project(worker);
    const gone = kind === "servers" ? { vm_state: "deleted" } : { status: "deleted" };
    const made = await makeMany(project, kind, 2, gone);
    const found = await settled(kind, project, made);
    for (const record of found) assert.equal(record["vm_state"] ?? record["status"], "deleted");
    const token = await project.as("member");
    const list = await worker.request("GET", `/v2.1/${kind}`, { token });
    assert.ok(!made.some((id) => list.text.includes(id)));
  });

  test(`${kind}: what is asked for must be named: 400 otherwise`, async () => {
    const project_id = projectId();
    for (const [query, field] of [
      ["", "project_id"],
      ["project_id=", "project_id"],
      ["project_id=public", "project_id"],
      ["project_id=changes", "project_id"],
      ["project_id=ACME", "project_id"],
      [`project_id=${project_id}&limit=0`, "limit"],
      [`project_id=${project_id}&limit=-1`, "limit"],
      [`project_id=${project_id}&limit=many`, "limit"],
      [`project_id=${project_id}&name=x`, "name"],
      [`project_id=${project_id}&all_tenants=1`, "all_tenants"],
    ] as const) {
      assertInvalid(await registry.request("GET", `/registry/${kind}?${query}`), field);
    }
    for (const marker of [resourceId(), "nothing"]) {
      const answer = await registry.request("GET", `/registry/${kind}?project_id=${project_id}&marker=${marker}`);
      assertFault(answer, 400, "badRequest", `marker [${marker}] not found`);
    }
  });

  test(`${kind}: the list is for the control plane: 401, 403, and 405 for what it does not have`, async () => {
    const project = new Project(worker);
    const path = `/registry/${kind}?project_id=${project.id}`;
    assertUnauthorized(await worker.request("GET", path), worker);
    for (const role of ["reader", "member", "manager"]) {
      const answer = await worker.request("GET", path, { token: await project.as(role) });
      assertFault(answer, 403, "forbidden", "Policy doesn't allow registry:show to be performed.");
    }
    for (const method of ["PUT", "POST", "DELETE"]) {
      assertMethodNotAllowed(await registry.request(method, path), "GET, HEAD, OPTIONS");
    }
    const token = await worker.token({ project: projectId(), roles: ["service"] });
    assert.deepEqual((await worker.request("GET", path, { token })).json(), { [kind]: [] });
    const head: Answer = await worker.request("HEAD", path, { token });
    assert.deepEqual([head.status, head.text], [200, ""]);
  });
}

test("images: another project's public and shared images are not in it", async () => {
  const [own, other] = [new Project(worker), new Project(worker)];
  const mine = await own.image({ visibility: "public", created: "2026-01-03T00:00:00Z" });
  const shared = await other.image({ visibility: "shared", members: [own.id], created: "2026-01-02T00:00:00Z" });
  const open = await other.image({ visibility: "public", created: "2026-01-01T00:00:00Z" });
  await settled("images", other, [shared, open]);
  await settled("images", own, [mine]);
  // Also with a page that has room for one, of which another project's image would be the first.
  assert.deepEqual(ids(await all("images", `project_id=${own.id}&limit=1`, 1)), [mine]);
});
