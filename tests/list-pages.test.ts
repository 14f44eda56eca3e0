// How a list ends: after 100 entries or 1 MiB, with a link whenever there may be more, and without what cannot be read.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { assertUnavailable } from "./answers.ts";
import { projectId, startWorker, type Answer, type Fields, type Worker } from "./harness.ts";
import { KINDS, make, type Kind } from "./operations.ts";
import { newestFirst } from "./newest-first.ts";
import { Project } from "./project.ts";

// Objects that hang or fail when a test says so; otherwise the Worker as it is deployed.
const worker = await startWorker({ entry: "tests/attacks/unlucky-objects.js" });
after(() => worker.stop());

async function setBehaviours(behaviours: { resource?: Record<string, string> }): Promise<void> {
  const answer = await fetch(`${worker.url}/unlucky`, { method: "PUT", body: JSON.stringify(behaviours) });
  assert.equal(answer.status, 200);
}

async function list(project: Project, path: string): Promise<Answer> {
  return worker.request("GET", path.replace(worker.url, ""), { token: await project.as("member") });
}

interface Page {
  ids: string[];
  next: string | undefined;
  bytes: number;
}

async function page(project: Project, kind: Kind, path: string): Promise<Page> {
  const answer = await list(project, path);
  assert.equal(answer.status, 200, answer.text);
  const links = answer.json()[`${kind}_links`];
  if (links !== undefined) assert.equal(links[0].rel, "next");
  return {
    ids: answer.json()[kind].map(({ id }: { id: string }) => id),
    next: links?.[0].href,
    bytes: answer.bytes.length,
  };
}

async function pages(project: Project, kind: Kind, path: string): Promise<Page[]> {
  const all: Page[] = [];
  for (let next: string | undefined = path; next !== undefined; next = all.at(-1)?.next) {
    assert.ok(all.length < 200, "the links never end");
    all.push(await page(project, kind, next));
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

/** Waits until the registry lists so many, which it does by the same lists. */
async function known(project: Project, kind: Kind, count: number): Promise<void> {
  for (const patience = Date.now() + 60_000; ; await sleep(100)) {
    let [found, path] = [0, `/registry/${kind}?project_id=${project.id}`];
    while (path !== "") {
      const answer = await worker.request("GET", path, { token: await worker.registrar() });
      found += answer.json()[kind].length;
      path = (answer.json()[`${kind}_links`]?.[0].href ?? "").replace(worker.url, "");
    }
    if (found === count) return;
    assert.ok(Date.now() < patience, `after 60 seconds ${found} of ${count} are listed`);
  }
}

test("a page has at most 100 entries, whatever the limit, and a link to the rest", async () => {
  const project = new Project(worker);
  const made = await makeMany(project, "servers", 105);
  await known(project, "servers", 105);
  for (const query of ["", "?limit=1000", "?limit=99999999999999999999"]) {
    const [first, second, ...others] = await pages(project, "servers", `/v2.1/servers${query}`);
    assert.deepEqual(others, []);
    assert.deepEqual(first?.ids, made.slice(0, 100));
    assert.deepEqual(second?.ids, made.slice(100));
  }
  // What else was asked for holds on the next page, too.
  const filtered = await pages(project, "servers", `/v2.1/${project.id}/servers/detail?name=&limit=60&status=ACTIVE`);
  assert.deepEqual(
    filtered.map(({ ids }) => ids.length),
    [60, 45],
  );
  assert.deepEqual(
    filtered.flatMap(({ ids }) => ids),
    made,
  );
  assert.ok(filtered[0]?.next?.startsWith(`${worker.url}/v2.1/${project.id}/servers/detail?`), filtered[0]?.next);
});

for (const kind of KINDS) {
  test(`${kind}: a page of full documents ends at 1 MiB, and none is lost between pages`, async () => {
    const project = new Project(worker);
    const metadata = { big: "v".repeat(300_000) };
    const made = await makeMany(project, kind, 8, () => ({ metadata }));
    await known(project, kind, 8);
    const found = await pages(project, kind, `/v2.1/${kind}/detail`);
    const own = found.map(({ ids }) => ids.filter((id) => made.includes(id)));
    assert.deepEqual(own.flat(), made);
    for (const { ids, bytes } of found) {
      assert.ok(ids.length <= 3, `${ids.length} on one page`);
      assert.ok(bytes < 1_048_576 + 1_000, `${bytes} bytes`);
    }
    // In brief none of that is read: all are on one page.
    const brief = await page(project, kind, `/v2.1/${kind}`);
    assert.deepEqual(
      brief.ids.filter((id) => made.includes(id)),
      made,
    );
    assert.ok(brief.bytes < 100_000, `${brief.bytes} bytes`);
  });
}

test("a document that is larger than a page is a page of its own", async () => {
  const project = new Project(worker);
  const metadata = { big: "v".repeat(1_000_000) };
  const made = await makeMany(project, "servers", 3, () => ({ metadata, attributes: { k: "v".repeat(48_000) } }));
  await known(project, "servers", 3);
  const found = await pages(project, "servers", "/v2.1/servers/detail");
  assert.deepEqual(
    found.map(({ ids }) => ids).filter((ids) => ids.length > 0),
    made.map((id) => [id]),
  );
});

test("a search that stopped before it had found enough has a link, and the link leads to what it is looking for", async () => {
  const project = new Project(worker);
  // The oldest one, behind more records than one answer asks for.
  const made = await makeMany(project, "servers", 620, (at) => (at === 619 ? { vm_state: "error" } : {}));
  await known(project, "servers", 620);
  const [first, ...others] = await pages(project, "servers", "/v2.1/servers?status=ERROR&limit=5");
  assert.deepEqual(first?.ids, []);
  assert.ok(first.next !== undefined, "no link, although there is more");
  assert.deepEqual(
    others.flatMap(({ ids }) => ids),
    [made[619]],
  );
  // By its name it is found at once.
  await worker.putServer(made[619] ?? "", { name: "needle" });
  for (const patience = Date.now() + 60_000; ; await sleep(50)) {
    const { ids } = await page(project, "servers", "/v2.1/servers?name=^needle$");
    if (ids.length > 0) {
      assert.deepEqual(ids, [made[619]]);
      break;
    }
    assert.ok(Date.now() < patience, "the list never had the name");
  }
});

test("the place where a search stopped is good although the server there is gone meanwhile", async () => {
  const project = new Project(worker);
  const made = await makeMany(project, "servers", 5);
  await known(project, "servers", 5);
  const first = await page(project, "servers", "/v2.1/servers?limit=2");
  assert.deepEqual(first.ids, made.slice(0, 2));
  // Its link names the last entry, as N's does. One that is soft-deleted is not listed, but a marker.
  await worker.putServer(made[1] ?? "", { vm_state: "soft-delete" });
  assert.deepEqual(
    (await pages(project, "servers", first.next ?? "")).flatMap(({ ids }) => ids),
    made.slice(2),
  );
});

test("twelve dead images do not hide the living one behind them", async () => {
  const project = new Project(worker);
  const name = `image-${projectId()}`;
  const made = await makeMany(project, "images", 13, (at) => ({ name, status: at === 12 ? "active" : "deleted" }));
  await known(project, "images", 13);
  for (const query of ["", "&limit=1", "&limit=5"]) {
    const found = await pages(project, "images", `/v2.1/images?name=${name}${query}`);
    assert.deepEqual(
      found.flatMap(({ ids }) => ids),
      [made[12]],
      query,
    );
  }
});

test("soft-deleted servers are shown one by one, but not in lists without changes-since or changes-before, as N", async () => {
  const project = new Project(worker);
  const [newest, id, oldest] = await makeMany(project, "servers", 3, (at) => (at === 1 ? { vm_state: "soft-delete" } : {}));
  await known(project, "servers", 3);
  assert.equal((await list(project, `/v2.1/servers/${id}`)).json().server.status, "SOFT_DELETED");
  for (const query of ["", "?status=SOFT_DELETED&status=ACTIVE", "?name=", "?limit=2"]) {
    assert.deepEqual(
      (await pages(project, "servers", `/v2.1/servers${query}`)).flatMap(({ ids }) => ids),
      [newest, oldest],
      query,
    );
  }
  assert.deepEqual((await page(project, "servers", "/v2.1/servers?status=SOFT_DELETED")).ids, []);
});

for (const behaviour of ["hangs", "throws"]) {
  for (const kind of KINDS) {
    test(`${kind}: one whose object ${behaviour} is left out, the rest is answered in time, and the log says so`, async () => {
      const project = new Project(worker);
      const made = await makeMany(project, kind, 3);
      await known(project, kind, 3);
      const broken = `${kind === "servers" ? "server" : "image"}:${made[1]}`;
      await setBehaviours({ resource: { [broken]: behaviour } });
      try {
        for (const path of [`/v2.1/${kind}`, `/v2.1/${kind}/detail`]) {
          const answer = await list(project, path);
          assert.equal(answer.status, 200, answer.text);
          const ids = answer.json()[kind].map(({ id }: { id: string }) => id);
          assert.deepEqual(
            ids.filter((id: string) => made.includes(id)),
            [made[0], made[2]],
          );
          assert.ok(answer.milliseconds < 8_000, `${answer.milliseconds} ms`);
          assert.match((await logged(worker, answer)).detail ?? "", /^records are left out: .+ \(1 of \d+\)$/);
        }
      } finally {
        await setBehaviours({});
      }
      const healed = await page(project, kind, `/v2.1/${kind}`);
      assert.deepEqual(
        healed.ids.filter((id) => made.includes(id)),
        made,
      );
    });
  }
}

test("a list of which nothing can be read is a 503, not an empty one", async () => {
  const project = new Project(worker);
  await project.server();
  await known(project, "servers", 1);
  await setBehaviours({ resource: { "*": "throws" } });
  try {
    assertUnavailable(await list(project, "/v2.1/servers"));
  } finally {
    await setBehaviours({});
  }
});

/** The log line of an answer; it arrives a moment later. */
async function logged(of: Worker, answer: Answer): Promise<{ detail?: string }> {
  const id = answer.headers.get("X-OpenStack-Request-Id") ?? "";
  for (const patience = Date.now() + 10_000; ; await sleep(50)) {
    const line = of.logs().find((printed) => printed.includes(id) && printed.startsWith("{"));
    if (line !== undefined) return JSON.parse(line);
    assert.ok(Date.now() < patience, "there is no log line");
  }
}
