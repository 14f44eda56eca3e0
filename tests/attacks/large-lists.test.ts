// Lists of many large records: a page is bounded, nothing is missing on the next ones, and a record that cannot be read
// costs nobody else theirs.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import type { Answer } from "../harness.ts";
import { Project } from "../project.ts";
import { peakMegabytes, residentMegabytes, restartPeak, cpuMilliseconds } from "./process.ts";
import { setBehaviours, startUnlucky, type Behaviour } from "./unlucky.ts";
import { until } from "./until.ts";

const SERVERS = 100;
const ITEMS = 128;
const MAX_PAGE_BYTES = 1_048_576;

/** Nova's largest values: 255 characters, here of four bytes. 100 servers of these make 16 MB. */
const FULL = Object.fromEntries(Array.from({ length: ITEMS }, (_, at) => [`key-${at}`, "😀".repeat(255)]));

const worker = await startUnlucky();
after(() => worker.stop());

const full = new Project(worker);
const small = new Project(worker);

async function fill(project: Project, metadata: Record<string, string>): Promise<void> {
  for (let from = 0; from < SERVERS; from += 10) {
    await Promise.all(Array.from({ length: 10 }, () => project.server({ metadata })));
  }
  await until("the list is complete", async () => (await pages(project, "servers")).length === SERVERS, {
    patience: 60_000,
  });
}

before(async () => {
  await fill(full, FULL);
  await fill(small, {});
});

async function get(project: Project, target: string): Promise<Answer> {
  const answer = await worker.request("GET", target, { token: await project.as("member") });
  assert.equal(answer.status, 200, answer.text.slice(0, 300));
  return answer;
}

/** The ids on all pages. */
async function pages(project: Project, path: string, visit: (page: Answer) => void = () => {}): Promise<string[]> {
  const ids: string[] = [];
  let target: string | undefined = `/v2.1/${path}`;
  while (target !== undefined) {
    const page = await get(project, target);
    visit(page);
    const kind = path.split(/[/?]/)[0] as string;
    const { [kind]: entries, [`${kind}_links`]: links = [] } = page.json();
    ids.push(...entries.map(({ id }: { id: string }) => id));
    const next: { rel: string; href: string } | undefined = links.find(({ rel }: { rel: string }) => rel === "next");
    if (next !== undefined) {
      const { pathname, search } = new URL(next.href);
      target = pathname + search;
    } else target = undefined;
  }
  return ids;
}

test("100 full servers come in pages of at most 1 MiB, each with a link to the next, and none is missing", async () => {
  let largest = 0;
  let count = 0;
  const ids = await pages(full, "servers/detail", ({ bytes }) => {
    count += 1;
    largest = Math.max(largest, bytes.length);
  });
  console.log(`${ids.length} full servers on ${count} pages, the largest of ${largest} bytes`);
  assert.ok(largest <= MAX_PAGE_BYTES, `a page has ${largest} bytes`);
  assert.equal(new Set(ids).size, SERVERS);
  assert.equal(ids.length, SERVERS);
});

test("a brief list of full servers costs no more than three times that of small ones", async () => {
  const cost = async (project: Project): Promise<number> => {
    const costs: number[] = [];
    for (let count = 0; count < 5; count += 1) {
      const before = cpuMilliseconds(worker.pid);
      await get(project, "/v2.1/servers");
      costs.push(cpuMilliseconds(worker.pid) - before);
    }
    return Math.min(...costs);
  };
  const [ofSmall, ofFull] = [await cost(small), await cost(full)];
  console.log(`brief list of ${SERVERS}: ${ofFull.toFixed(1)} ms of CPU for full servers, ${ofSmall.toFixed(1)} for small ones`);
  assert.ok(ofFull < 3 * ofSmall, `${ofFull} ms of CPU, and ${ofSmall} for small servers`);
});

test("16 lists of full servers at once: memory stays bounded, and others are served meanwhile", async () => {
  const before = residentMegabytes(worker.pid);
  restartPeak(worker.pid);
  let isOver = false;
  const lists = Promise.all(Array.from({ length: 16 }, () => get(full, "/v2.1/servers/detail"))).finally(() => {
    isOver = true;
  });
  const waits: number[] = [];
  while (!isOver) waits.push((await get(small, "/v2.1/servers?limit=1")).milliseconds);
  await lists;
  const growth = peakMegabytes(worker.pid) - before;
  const longest = Math.max(...waits);
  console.log(
    `16 lists at once: ${growth.toFixed(0)} MB more at the peak, the longest of ${waits.length} waits ${longest.toFixed(0)} ms`,
  );
  assert.ok(growth < 400, `${growth.toFixed(0)} MB more at the peak`);
  assert.ok(longest < 5_000, `another one waited ${longest.toFixed(0)} ms`);
});

for (const [name, behaviour, cause] of [
  ["fails", "throws", /left out.*out of luck/],
  ["hangs", "hangs", /left out.*in time/],
] as const satisfies [string, Behaviour, RegExp][]) {
  test(`a server that ${name} is left out of lists, the others are listed, and the log says so`, async () => {
    const { project, unlucky, others } = await withUnlucky(behaviour);
    try {
      for (const path of ["servers", "servers/detail", "servers?name=web", "servers?limit=4"]) {
        assert.deepEqual((await pages(project, path)).toSorted(), others.toSorted(), path);
      }
    } finally {
      await setBehaviours(worker, {});
    }
    const errors = worker.logs().filter((line) => line.includes('"level":"error"') && cause.test(line));
    assert.ok(errors.length > 0, `no line says that ${unlucky} was left out`);
  });

  test(`five servers in a row that ${name.replace(/s$/, "")} end no list of one entry a page`, async () => {
    const { project, all } = await withUnlucky(behaviour, [1, 2, 3, 4, 5], 7);
    try {
      assert.deepEqual(await pages(project, "servers?limit=1"), [all[0], all[6]]);
    } finally {
      await setBehaviours(worker, {});
    }
  });

  test(`a server that ${name} ends no list of one entry a page`, async () => {
    const { project, others } = await withUnlucky(behaviour);
    try {
      assert.deepEqual((await pages(project, "servers?limit=1")).toSorted(), others.toSorted());
    } finally {
      await setBehaviours(worker, {});
    }
  });
}

/** Servers of a project, newest first, of which these have no luck. */
async function withUnlucky(
  behaviour: Behaviour,
  which = [2],
  count = 5,
): Promise<Record<"all" | "unlucky" | "others", string[]> & { project: Project }> {
  const project = new Project(worker);
  const created = (at: number): string => new Date(Date.now() - at * 60_000).toISOString();
  const server = (at: number): Promise<string> => project.server({ name: "web", metadata: {}, created: created(at) });
  const servers = await Promise.all(Array.from({ length: count }, (_, at) => server(at)));
  await until("the list is complete", async () => (await pages(project, "servers")).length === servers.length);
  const unlucky = servers.filter((_, at) => which.includes(at));
  await setBehaviours(worker, { resource: Object.fromEntries(unlucky.map((id) => [`server:${id}`, behaviour])) });
  return { project, all: servers, unlucky, others: servers.filter((id) => !unlucky.includes(id)) };
}

test("twelve dead images hide no living one", async () => {
  const project = new Project(worker);
  const created = (minutes: number): string => new Date(Date.now() - minutes * 60_000).toISOString();
  const living = await project.image({ created: created(60) });
  const dead = await Promise.all(Array.from({ length: 12 }, (_, at) => project.image({ created: created(at) })));
  await until("the list is complete", async () => (await pages(project, "images")).length === dead.length + 1);
  const statuses = ["deleted", "killed", "pending_delete"];
  await Promise.all(dead.map((id, at) => worker.putImage(id, { status: statuses[at % statuses.length] })));
  for (const path of ["images?limit=1", "images/detail?limit=1", "images?limit=5", "images"]) {
    assert.deepEqual(await pages(project, path), [living], path);
  }
});
