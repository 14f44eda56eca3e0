// Lists whose records hang, fail or are slow: what can be read is answered before the request's deadline, the links lead
// past what cannot, and an outage is a 503 instead of an empty page.
import assert from "node:assert/strict";
import { after, afterEach, test } from "node:test";

import { assertUnavailable } from "../answers.ts";
import type { Answer, Fields } from "../harness.ts";
import { lineOf } from "../log-lines.ts";
import { Project } from "../project.ts";
import { setBehaviours, startUnlucky, type Behaviour } from "./unlucky.ts";
import { until } from "./until.ts";

const DEADLINE_MS = 4_000;

const worker = await startUnlucky({ vars: { REQUEST_DEADLINE_MS: String(DEADLINE_MS) } });
after(() => worker.stop());
afterEach(() => setBehaviours(worker, {}));

async function get(project: Project, path: string): Promise<Answer> {
  return project.worker.request("GET", path, { token: await project.as("member") });
}

interface Page {
  ids: string[];
  next: string | undefined;
}

async function page(project: Project, path: string): Promise<Page> {
  const answer = await get(project, path);
  assert.equal(answer.status, 200, `${path}: ${answer.text}`);
  const { servers, servers_links: links } = answer.json();
  return {
    ids: servers.map(({ id }: { id: string }) => id),
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

/** Registers many, some at a time; the newest first, as lists are. */
async function makeMany(project: Project, count: number, fields: (at: number) => Fields = () => ({})): Promise<string[]> {
  const made: string[] = new Array(count);
  let next = 0;
  const work = async (): Promise<void> => {
    for (let at = next++; at < count; at = next++) {
      const created = new Date(Date.UTC(2026, 0, 1) + (count - at) * 60_000).toISOString();
      made[at] = await project.server({ created, ...fields(at) });
    }
  };
  await Promise.all(Array.from({ length: 10 }, work));
  return made;
}

/** Waits until a list has so many. */
async function listed(project: Project, path: string, count: number): Promise<void> {
  const isComplete = async (): Promise<boolean> => (await pages(project, path)).flat().length === count;
  await until("the list is complete", isComplete, { patience: 60_000 });
}

/** Registers servers, of which the first ones are out of luck. */
async function withUnlucky(behaviour: Behaviour, unlucky: number, count: number): Promise<[Project, string[]]> {
  const project = new Project(worker);
  const made = await makeMany(project, count);
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
    const made = await makeMany(project, 3);
    await listed(project, "/v2.1/servers", 3);
    await setBehaviours(hurried, { resource: { [`server:${made[1]}`]: "hangs" } });
    for (const path of ["/v2.1/servers", "/v2.1/servers/detail"]) {
      assert.deepEqual(await pages(project, path), [[made[0], made[2]]], path);
    }
  } finally {
    await hurried.stop();
  }
});

test("a search among slow records ends before the deadline, and its links lead to what it is looking for", async () => {
  const project = new Project(worker);
  const made = await makeMany(project, 52, (at) => (at === 51 ? { vm_state: "error" } : {}));
  await listed(project, "/v2.1/servers", 52);
  // Five at a time, ten times: more than the deadline.
  await setBehaviours(worker, { resource: { "*": 500 } });
  const found = await pages(project, "/v2.1/servers/detail?status=ERROR&limit=5");
  assert.deepEqual(found.flat(), [made[51]]);
  assert.ok(found.length > 1, "all was read on one page");
});

test("a marker whose object hangs is a 503 before the deadline", async () => {
  const [project, [marker]] = await withUnlucky("hangs", 1, 2);
  const answer = await get(project, `/v2.1/servers?marker=${marker}`);
  assertUnavailable(answer);
  assert.ok(answer.milliseconds < DEADLINE_MS - 1_000, `${answer.milliseconds} ms`);
  assert.match(String((await lineOf(worker, answer))["detail"]), /^the marker's object did not reply in time/);
});

for (const [name, behaviour] of [
  ["fail", "throws"],
  ["hang", "hangs"],
] as const satisfies [string, Behaviour][]) {
  test(`the newest servers ${name}: a list of one entry a page has all others`, async () => {
    const [project, made] = await withUnlucky(behaviour, 3, 5);
    assert.deepEqual((await pages(project, "/v2.1/servers?limit=1")).flat(), made.slice(3));
  });
}

test("a page after a place in the list is a 503 when no record replies any more, not an empty page", async () => {
  const project = new Project(worker);
  await makeMany(project, 52);
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

test("more records in a row than are asked for after a failure: a 503, and no wrong end of the list", async () => {
  const [project, made] = await withUnlucky("throws", 27, 30);
  assertUnavailable(await get(project, "/v2.1/servers?limit=1"));
  assert.deepEqual((await pages(project, "/v2.1/servers")).flat(), made.slice(27));
});
