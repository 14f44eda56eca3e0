/**
 * Lists for clients that look a name up first: at most 60 seconds behind, and never showing a resource to a
 * project that may not see it.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { assertFault, assertVersion } from "./answers.ts";
import { projectId, resourceId, startWorker, type Answer, type Worker } from "./harness.ts";
import { Project } from "./project.ts";

let worker: Worker;

before(async () => {
  worker = await startWorker();
});
after(() => worker.stop());

type Kind = "servers" | "images";

async function list(project: Project, path: string, role = "member"): Promise<Answer> {
  return worker.request("GET", `/v2.1/${project.id}/${path}`, { token: await project.as(role) });
}

function ids(answer: Answer, kind: Kind): string[] {
  assert.equal(answer.status, 200, answer.text);
  return answer.json()[kind].map((entry: { id: string }) => entry.id);
}

/** Waits until a list has exactly these names; the contract allows 60 seconds. */
async function settled(project: Project, path: string, expected: string[]): Promise<Answer> {
  const kind = path.startsWith("servers") ? "servers" : "images";
  // P: a list is right within 60 seconds.
  for (const patience = Date.now() + 60_000; ; ) {
    const answer = await list(project, path);
    const found = ids(answer, kind);
    if (Date.now() > patience || JSON.stringify(found.toSorted()) === JSON.stringify(expected.toSorted())) {
      assert.deepEqual(found.toSorted(), expected.toSorted());
      return answer;
    }
    await sleep(50);
  }
}

test("a server is found by its name, in brief and in detail", async () => {
  const project = new Project(worker);
  const web = await project.server({ name: "web" });
  const db = await project.server({ name: "db" });
  await settled(project, "servers", [web, db]);

  const brief = await settled(project, "servers?name=web", [web]);
  assertVersion(brief, "2.1");
  assert.deepEqual(brief.json().servers[0], {
    id: web,
    name: "web",
    links: [
      { rel: "self", href: `${worker.url}/v2.1/${project.id}/servers/${web}` },
      { rel: "bookmark", href: `${worker.url}/servers/${web}` },
    ],
  });

  const detailed = await settled(project, "servers/detail?name=web", [web]);
  const shown = await worker.request("GET", `/v2.1/${project.id}/servers/${web}`, {
    token: await project.as("member"),
  });
  assert.deepEqual(detailed.json().servers[0], shown.json().server);
});

test("a server's name is looked for as a part, and with ^ and $ at the ends", async () => {
  const project = new Project(worker);
  const web1 = await project.server({ name: "web-1" });
  const web10 = await project.server({ name: "web-10" });
  const other = await project.server({ name: "my-web-1" });
  await settled(project, "servers", [web1, web10, other]);
  for (const [pattern, expected] of [
    ["web-1", [web1, web10, other]],
    ["%5Eweb-1", [web1, web10]],
    ["web-1%24", [web1, other]],
    ["%5Eweb-1%24", [web1]],
    ["%5Eweb%5C-1%24", [web1]],
    ["WEB-1", []],
    ["", [web1, web10, other]],
  ] as const) {
    await settled(project, `servers?name=${pattern}`, [...expected]);
  }
});

test("renaming, moving and deleting a server reach the lists", async () => {
  const [one, other] = [new Project(worker), new Project(worker)];
  const id = await one.server({ name: "before" });
  await settled(one, "servers?name=before", [id]);
  await worker.putServer(id, { name: "after" });
  await settled(one, "servers?name=after", [id]);
  await settled(one, "servers?name=before", []);
  await worker.putServer(id, { project_id: other.id });
  // At once, whatever the index still has: the record decides.
  assert.deepEqual(ids(await list(one, "servers"), "servers"), []);
  await settled(other, "servers", [id]);
  await worker.request("DELETE", `/registry/servers/${id}`, { token: await one.as("admin") });
  assert.deepEqual(ids(await list(other, "servers"), "servers"), []);
  await settled(other, "servers", []);
});

test("an admin's list is that of the token's project, although an admin sees more", async () => {
  const [own, other] = [new Project(worker), new Project(worker)];
  const mine = await own.server();
  await other.server();
  await settled(own, "servers", [mine]);
  assert.deepEqual(ids(await list(own, "servers", "admin"), "servers"), [mine]);
});

test("images: the project's own, the public ones and those shared with it", async () => {
  const [own, other] = [new Project(worker), new Project(worker)];
  const name = `image-${projectId()}`;
  const fields = { name };
  const mine = await own.image(fields);
  const open = await other.image({ ...fields, visibility: "public" });
  const shared = await other.image({ ...fields, visibility: "shared", members: [own.id] });
  await other.image({ ...fields, visibility: "private" });
  await other.image({ ...fields, visibility: "community" });
  await own.image({ ...fields, status: "deleted" });
  await settled(own, `images?name=${name}`, [mine, open, shared]);
  await settled(own, `images/detail?name=${name}`, [mine, open, shared]);

  await worker.putImage(shared, { members: [] });
  assert.deepEqual(ids(await list(own, `images?name=${name}`), "images").includes(shared), false);
  await worker.putImage(open, { visibility: "private" });
  await settled(own, `images?name=${name}`, [mine]);
});

test("an image's name must match exactly", async () => {
  const project = new Project(worker);
  const id = await project.image({ name: "ubuntu" });
  await settled(project, "images?name=ubuntu", [id]);
  await settled(project, "images?name=ubunt", []);
});

test("pages: newest first, limit, marker and the link to the next", async () => {
  const project = new Project(worker);
  const created: string[] = [];
  for (let day = 1; day <= 5; day += 1) {
    created.unshift(await project.server({ name: "paged", created: `2026-01-0${day}T00:00:00Z` }));
  }
  await settled(project, "servers", created);
  assert.deepEqual(ids(await list(project, "servers"), "servers"), created);

  const seen: string[] = [];
  let path: string | undefined = "servers?name=paged&limit=2";
  for (let pages = 1; path !== undefined; pages += 1) {
    assert.ok(pages <= 3);
    const page: Answer = await list(project, path);
    seen.push(...ids(page, "servers"));
    const next: string | undefined = page.json().servers_links?.[0].href;
    path = next?.replace(`${worker.url}/v2.1/${project.id}/`, "");
  }
  assert.deepEqual(seen, created);

  assert.deepEqual(ids(await list(project, `servers?marker=${created[2]}`), "servers"), created.slice(3));
  assert.deepEqual(ids(await list(project, `servers?marker=${created[4]}`), "servers"), []);
  assert.deepEqual(ids(await list(project, "servers?limit=0"), "servers"), []);
});

test("entries that are not shown do not shorten a page", async () => {
  const project = new Project(worker);
  const name = `image-${projectId()}`;
  const kept = await project.image({ name, created: "2026-01-01T00:00:00Z" });
  const gone: string[] = [];
  for (let day = 2; day <= 4; day += 1) {
    gone.push(await project.image({ name, created: `2026-01-0${day}T00:00:00Z` }));
  }
  await settled(project, `images?name=${name}`, [kept, ...gone]);
  for (const id of gone) await worker.putImage(id, { status: "deleted" });
  assert.deepEqual(ids(await list(project, `images?name=${name}&limit=1`), "images"), [kept]);
});

test("400: an unknown or invisible marker, and a limit that is not a number", async () => {
  const [own, other] = [new Project(worker), new Project(worker)];
  const foreign = await other.server();
  for (const marker of [resourceId(), foreign, "nothing"]) {
    const answer = await list(own, `servers?marker=${marker}`);
    assertFault(answer, 400, "badRequest", `marker [${marker}] not found`);
  }
  const answer = await list(own, "servers?limit=many");
  assert.equal(answer.status, 400);
  assert.match(answer.json().badRequest.message, /^Invalid input for query parameters limit\. Value: many\. /);
});

test("without a role or a project: servers 403, images empty", async () => {
  const project = new Project(worker);
  await project.server();
  await project.image({ visibility: "public" });
  const unscoped = await worker.token({ project: null, roles: ["member"] });
  for (const token of [await project.as("service"), unscoped]) {
    for (const [path, right] of [
      ["servers", "index"],
      ["servers/detail", "detail"],
    ]) {
      const answer = await worker.request("GET", `/v2.1/${path}`, { token });
      const message = `Policy doesn't allow os_compute_api:servers:${right} to be performed.`;
      assertFault(answer, 403, "forbidden", message);
    }
    const images = await worker.request("GET", "/v2.1/images", { token });
    assert.deepEqual(images.json(), { images: [] });
  }
});

test("a pending index update is delivered after a restart", async () => {
  const restarted = await startWorker();
  try {
    const project = new Project(restarted);
    const created: string[] = [];
    for (let count = 0; count < 10; count += 1) created.push(await project.server());
    await restarted.restart();
    for (let tries = 0; ; tries += 1) {
      const answer = await restarted.request("GET", "/servers", { token: await project.as("member") });
      const found = ids(answer, "servers");
      if (found.length === created.length) break;
      assert.ok(tries < 1_200, `after 60 seconds the list names ${found.length} of ${created.length}`);
      await sleep(50);
    }
  } finally {
    await restarted.stop();
  }
});

test("a new name reaches every list, although the lists are still being told of the old one", async () => {
  const owner = new Project(worker);
  const members = Array.from({ length: 300 }, () => projectId()).toSorted();
  const [before, after] = [`before-${projectId()}`, `after-${projectId()}`];
  const id = await owner.image({ name: before, visibility: "shared", members });
  const last = new Project(worker, members.at(-1));
  // The first one has just been told, the last one not yet.
  await settled(new Project(worker, members[0]), `images?name=${before}`, [id]);
  await worker.putImage(id, { name: after });
  for (const member of [last, new Project(worker, members[0]), owner]) {
    await settled(member, `images?name=${after}`, [id]);
    await settled(member, `images?name=${before}`, []);
  }
});

test("a state change is shown in the list at once, because entries come from the record", async () => {
  const project = new Project(worker);
  const id = await project.server({ name: "quiet" });
  await settled(project, "servers", [id]);
  await worker.putServer(id, { vm_state: "stopped", locked: true });
  const detail = await list(project, "servers/detail");
  assert.equal(detail.json().servers[0].status, "SHUTOFF");
});
