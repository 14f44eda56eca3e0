// Lists whose records hang, fail or are slow: what can be read is answered before the request's deadline, the links lead
// past what cannot, and an outage is a 503 instead of an empty page.
import assert from "node:assert/strict";
import { after, afterEach, test } from "node:test";

import { assertUnavailable } from "../answers.ts";
import type { Answer, Fields } from "../harness.ts";
import { lineOf } from "../log-lines.ts";
import { KINDS, make, type Kind } from "../operations.ts";
import { newestFirst } from "../newest-first.ts";
import { Project } from "../project.ts";
import { setBehaviours, startUnlucky, type Behaviour } from "./unlucky.ts";
import { until } from "./until.ts";

const DEADLINE_MS = 4_000;

const worker = await startUnlucky({ vars: { REQUEST_DEADLINE_MS: String(DEADLINE_MS) } });
after(() => worker.stop());
afterEach(() => setBehaviours(worker, {}));

/** Asks as the project's member, or as the control plane. */
async function get(project: Project, path: string): Promise<Answer> {
  const isRegistry = path.includes("/registry/");
  const token = isRegistry ? await project.worker.registrar() : await project.as("member");
  return project.worker.request("GET", path, { token });
}

interface Page {
  ids: string[];
  next: string | undefined;
}

async function page(project: Project, path: string): Promise<Page> {
  const answer = await get(project, path);
  assert.equal(answer.status, 200, `${path}: ${answer.text}`);
  const kind = path.includes("images") ? "images" : "servers";
  const { [kind]: entries, [`${kind}_links`]: links } = answer.json();
  return {
    ids: entries.map(({ id }: { id: string }) => id),
    next: links?.[0].href.replace(project.worker.url, ""),
  };
}

/** The ids of each page. */
async function pages(project: Project, path: string): Promise<string[][]> {
  const all: string[][] = [];
  for (let next: string | undefined = path; next !== undefined; ) {
    assert.ok(all.length < 100, "the links never end");
    const found: Page = await page(project, next);
    all.push(found.ids);
    next = found.next;
  }
  return all;
}

/** Registers many, the newest first. */
async function makeMany(
  project: Project,
  kind: Kind,
  count: number,
  fields: (at: number) => Fields = () => ({}),
): Promise<string[]> {
  return newestFirst(count, (at, created) => make(project, kind, { created, ...fields(at) }));
}

/** Waits until a list has so many. */
async function listed(project: Project, path: string, count: number): Promise<void> {
  const isComplete = async (): Promise<boolean> => (await pages(project, path)).flat().length === count;
  await until("the list is complete", isComplete, { patience: 60_000 });
}

/** Registers servers, of which the first ones are out of luck. */
async function withUnlucky(behaviour: Behaviour, unlucky: number, count: number): Promise<[Project, string[]]> {
  const project = new Project(worker);
  const made = await makeMany(project, "servers", count);
  await listed(project, "/v2.1/servers", count);
  await behaveAll(made.slice(0, unlucky), behaviour);
  return [project, made];
}

async function behaveAll(servers: (string | undefined)[], behaviour: Behaviour): Promise<void> {
  await setBehaviours(worker, { resource: Object.fromEntries(servers.map((id) => [`server:${id}`, behaviour])) });
}

test("a server that hangs is left out although the deadline of requests is as short as 2 s", async () => {
  const hurried = await startUnlucky({ vars: { REQUEST_DEADLINE_MS: "2000" } });
  try {
    const project = new Project(hurried);
    const made = await makeMany(project, "servers", 3);
    await listed(project, "/v2.1/servers", 3);
    await setBehaviours(hurried, { resource: { [`server:${made[1]}`]: "hangs" } });
    for (const path of ["/v2.1/servers", "/v2.1/servers/detail", `/registry/servers?project_id=${project.id}`]) {
      assert.deepEqual(await pages(project, path), [[made[0], made[2]]], path);
    }
  } finally {
    await hurried.stop();
  }
});

test("a search among slow records ends before the deadline, and its links lead to what it is looking for", async () => {
  const project = new Project(worker);
  const made = await makeMany(project, "servers", 52, (at) => (at === 51 ? { vm_state: "error" } : {}));
  await listed(project, "/v2.1/servers", 52);
  // Five at a time, ten times: more than the deadline.
  await setBehaviours(worker, { resource: { "*": 500 } });
  const found = await pages(project, "/v2.1/servers/detail?status=ERROR&limit=5");
  assert.deepEqual(found.flat(), [made[51]]);
  assert.ok(found.length > 1, "all was read on one page");
});

for (const path of ["/v2.1/servers", "/registry/servers"]) {
  test(`${path}: a marker whose object hangs is a 503 before the deadline`, async () => {
    const [project, [marker]] = await withUnlucky("hangs", 1, 2);
    const scope = path.startsWith("/registry") ? `&project_id=${project.id}` : "";
    const answer = await get(project, `${path}?marker=${marker}${scope}`);
    assertUnavailable(answer);
    assert.ok(answer.milliseconds < DEADLINE_MS - 1_000, `${answer.milliseconds} ms`);
    assert.match(String((await lineOf(worker, answer))["detail"]), /^the marker's object did not reply in time/);
  });
}

for (const [name, behaviour] of [
  ["fail", "throws"],
  ["hang", "hangs"],
] as const satisfies [string, Behaviour][]) {
  test(`the newest servers ${name}: a list of one entry a page has all others`, async () => {
    const [project, made] = await withUnlucky(behaviour, 3, 5);
    for (const path of ["/v2.1/servers?limit=1", `/registry/servers?project_id=${project.id}&limit=1`]) {
      const found = await pages(project, path);
      assert.deepEqual(found.flat(), made.slice(3), path);
    }
  });

  for (const kind of KINDS) {
    test(`registry: the ${kind} that ${name} are left out, the others are on their pages, and the log says so`, async () => {
      const project = new Project(worker);
      const made = await makeMany(project, kind, 6);
      const path = `/registry/${kind}?project_id=${project.id}`;
      await listed(project, path, 6);
      const object = (at: number): string => `${kind === "servers" ? "server" : "image"}:${made[at]}`;
      await setBehaviours(worker, { resource: { [object(1)]: behaviour, [object(4)]: behaviour } });
      const others = [made[0], made[2], made[3], made[5]];
      for (const limit of [1, 2, 3, 100]) {
        assert.deepEqual((await pages(project, `${path}&limit=${limit}`)).flat(), others, `limit=${limit}`);
      }
      const line = await lineOf(worker, await get(project, path));
      assert.match(String(line["detail"]), /^records are left out: .+ \(2 of 6\)$/);
    });
  }
}

test("a page after a place in the list is a 503 when no record replies any more, not an empty page", async () => {
  const project = new Project(worker);
  await makeMany(project, "servers", 52);
  await listed(project, "/v2.1/servers", 52);
  const { ids, next } = await page(project, "/v2.1/servers?status=ERROR&limit=5");
  assert.deepEqual(ids, []);
  assert.match(next ?? "", /marker=\d+\./);
  await setBehaviours(worker, { resource: { "*": "throws" } });
  assertUnavailable(await get(project, next ?? ""));
});

test("a page is a 503 when none of its records replies, although its marker's does", async () => {
  const [project, [first, ...others]] = await withUnlucky("throws", 0, 4);
  const { ids, next } = await page(project, "/v2.1/servers?limit=1");
  assert.deepEqual(ids, [first]);
  await behaveAll(others, "throws");
  assertUnavailable(await get(project, next ?? ""));
});

test("a record that cannot be read is left out where it is the last page's only one", async () => {
  const [project, made] = await withUnlucky("throws", 0, 3);
  await behaveAll(made.slice(2), "throws");
  assert.deepEqual((await pages(project, "/v2.1/servers?limit=1")).flat(), made.slice(0, 2));
  assert.deepEqual((await pages(project, "/v2.1/servers?limit=2")).flat(), made.slice(0, 2));
});

test("more records in a row than are asked for after a failure: a 503, and no wrong end of the list", async () => {
  const [project, made] = await withUnlucky("throws", 27, 30);
  assertUnavailable(await get(project, "/v2.1/servers?limit=1"));
  assert.deepEqual((await pages(project, "/v2.1/servers")).flat(), made.slice(27));
});

test("registry: a list of which nothing can be read is a 503, not an empty one", async () => {
  const [project] = await withUnlucky("throws", 3, 3);
  assertUnavailable(await get(project, `/registry/servers?project_id=${project.id}`));
});

test("registry: among hundreds of images that are shared with a project, its own one is found by the links", async () => {
  const [own, other] = [new Project(worker), new Project(worker)];
  const mine = await own.image({ created: "2025-01-01T00:00:00Z" });
  const shared = { visibility: "shared", members: [own.id] };
  await makeMany(other, "images", 510, () => shared);
  await listed(own, "/v2.1/images", 511);
  const path = `/registry/images?project_id=${own.id}`;
  // A page is searched for among 500 records.
  assert.deepEqual(await pages(own, path), [[], [mine]]);
  assert.deepEqual(await pages(own, `${path}&limit=1`), [[], [mine]]);
  // 25 at a time, 21 times: more than the deadline.
  await setBehaviours(worker, { resource: { "*": 400 } });
  assert.deepEqual((await pages(own, path)).flat(), [mine]);
});
