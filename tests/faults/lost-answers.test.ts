// Each change is made exactly once and answered with its outcome, although the runtime lost the first reply.
import assert from "node:assert/strict";
import { after, test } from "node:test";

import { assertFault, assertNoContent, assertUnavailable } from "../answers.ts";
import { resourceId, type Answer, type Fields } from "../harness.ts";
import { imageItem, Project } from "../project.ts";
import { tally } from "./tally.ts";
import { named, rowsWritten, tries } from "./tries.ts";
import { startWorkerd } from "../workerd.ts";

const worker = await startWorkerd({ faults: true });
after(() => worker.stop());

interface Change {
  name: string;
  /** The items before. */
  server?: Fields | null;
  image?: Fields;
  method: string;
  path: (project: Project, id: string) => string;
  body?: object;
  status: number;
  /** The items afterwards; null when the record is deleted. */
  left: Record<string, string> | null;
}

const two = { key1: "value1", key2: "value2" };
const registry = (_: Project, id: string): string => `/registry/servers/${id}`;
const all = (_: Project, id: string): string => `/v2.1/servers/${id}/metadata`;

const CHANGES: Change[] = [
  {
    name: "DELETE of a server's item",
    method: "DELETE",
    path: (project, id) => project.serverItem(id, "key1"),
    status: 204,
    left: { key2: "value2" },
  },
  {
    name: "DELETE of an image's item",
    image: {},
    method: "DELETE",
    path: (_, id) => imageItem(id, "key1"),
    status: 204,
    left: { key2: "value2" },
  },
  {
    name: "POST of items",
    method: "POST",
    path: all,
    body: { metadata: { key1: "new" } },
    status: 200,
    left: { ...two, key1: "new" },
  },
  { name: "PUT of all items", method: "PUT", path: all, body: { metadata: { key3: "new" } }, status: 200, left: { key3: "new" } },
  {
    name: "PUT of an item",
    method: "PUT",
    path: (project, id) => project.serverItem(id, "key1"),
    body: { meta: { key1: "new" } },
    status: 200,
    left: { ...two, key1: "new" },
  },
  {
    name: "registry PUT of a new record",
    server: null,
    method: "PUT",
    path: registry,
    body: { server: { project_id: "ace", metadata: two } },
    status: 201,
    left: two,
  },
  {
    name: "registry PUT of a known record",
    method: "PUT",
    path: registry,
    body: { server: { locked: true } },
    status: 200,
    left: two,
  },
  { name: "registry DELETE", method: "DELETE", path: registry, status: 204, left: null },
];

async function resource(project: Project, change: Change): Promise<string> {
  if (change.image !== undefined) return project.image(change.image);
  return change.server === null ? resourceId() : project.server(change.server ?? {});
}

async function send(project: Project, change: Change, id: string, headers: Record<string, string>): Promise<Answer> {
  const token = await (change.path === registry ? worker.registrar() : project.as("member"));
  const body = change.body === undefined ? {} : { body: change.body };
  return worker.request(change.method, change.path(project, id), { token, headers, ...body });
}

const itemsOf = (change: Change, id: string): Promise<Record<string, string> | null> =>
  worker.metadata(change.image === undefined ? "servers" : "images", id);

for (const change of CHANGES) {
  for (const fault of ["object-lost", "object-unreached"]) {
    test(`${change.name}: ${change.status} and made once, ${fault === "object-lost" ? "its first reply lost" : "its first call lost"}`, async () => {
      const project = new Project(worker);
      const id = await resource(project, change);
      const { id: operation, headers } = named(fault);
      const answer = await send(project, change, id, headers);
      assert.equal(answer.status, change.status, answer.text);
      assert.deepEqual(await itemsOf(change, id), change.left);
      const seen = await tries(worker, operation, 2);
      assert.deepEqual(
        seen.map(({ retry }) => retry),
        [false, true],
      );
      tally("answers lost", 1);
    });
  }

  test(`${change.name}: the outcome survives a kill before the retry`, async () => {
    const project = new Project(worker);
    const id = await resource(project, change);
    const operation = named("object-lost-for-good");
    assertUnavailable(await send(project, change, id, operation.headers));
    await worker.restart();
    const again = await send(project, change, id, named("", operation.id).headers);
    assert.equal(again.status, change.status, again.text);
    assert.deepEqual(await itemsOf(change, id), change.left);
    tally("answers lost", 1);
  });
}

/** Another client's change between the change and its retry, which the retry must neither undo nor see. */
const MEANWHILE: { change: string; other: Omit<Change, "name">; answered: unknown }[] = [
  {
    change: "DELETE of a server's item",
    other: {
      method: "PUT",
      path: (project, id) => project.serverItem(id, "key1"),
      body: { meta: { key1: "again" } },
      status: 200,
      left: { ...two, key1: "again" },
    },
    answered: undefined,
  },
  {
    change: "PUT of an item",
    other: { method: "DELETE", path: (project, id) => project.serverItem(id, "key1"), status: 204, left: { key2: "value2" } },
    answered: { meta: { key1: "new" } },
  },
  {
    change: "POST of items",
    other: { method: "PUT", path: all, body: { metadata: { other: "1" } }, status: 200, left: { other: "1" } },
    answered: { metadata: { ...two, key1: "new" } },
  },
  {
    change: "PUT of all items",
    other: { method: "POST", path: all, body: { metadata: { other: "1" } }, status: 200, left: { key3: "new", other: "1" } },
    answered: { metadata: { key3: "new" } },
  },
  {
    change: "registry DELETE",
    other: {
      method: "PUT",
      path: registry,
      body: { server: { project_id: "ace", metadata: { other: "1" } } },
      status: 201,
      left: { other: "1" },
    },
    answered: undefined,
  },
  {
    change: "registry PUT of a new record",
    other: { method: "DELETE", path: registry, status: 204, left: null },
    answered: "a record",
  },
];

for (const { change: name, other, answered } of MEANWHILE) {
  test(`${name}: a retry is told the first outcome and keeps what ${other.method} changed since`, async () => {
    const change = CHANGES.find((change) => change.name === name) as Change;
    const project = new Project(worker);
    const id = await resource(project, change);
    const operation = named("object-lost-for-good");
    assertUnavailable(await send(project, change, id, operation.headers));
    const between = await send(project, { name, ...other }, id, {});
    assert.equal(between.status, other.status, between.text);
    const again = await send(project, change, id, named("", operation.id).headers);
    assert.equal(again.status, change.status, again.text);
    if (answered === "a record") assert.deepEqual(again.json().server.metadata, two);
    else if (answered !== undefined) assert.deepEqual(again.json(), answered);
    assert.deepEqual(await itemsOf(change, id), other.left);
    tally("answers lost", 1);
  });
}

for (const name of ["POST of items", "PUT of all items", "registry PUT of a known record"]) {
  test(`${name}: a retry is told the first reply after many changes, a removal and a kill`, async () => {
    const project = new Project(worker);
    const change = CHANGES.find((change) => change.name === name) as Change;
    const id = await resource(project, change);
    const operation = named("object-lost-for-good");
    assertUnavailable(await send(project, change, id, operation.headers));
    const asked = async (other: Omit<Change, "name" | "left">): Promise<void> => {
      const answer = await send(project, { name: "", left: null, ...other }, id, {});
      assert.equal(answer.status, other.status, answer.text);
    };
    const item = (): string => project.serverItem(id, "key1");
    const other = { metadata: { key1: "replaced", fourth: "4" }, locked: false };
    await asked({ method: "PUT", path: registry, body: { server: other }, status: 200 });
    await asked({ method: "PUT", path: all, body: { metadata: { key1: "once more", key3: "overwritten" } }, status: 200 });
    await asked({ method: "DELETE", path: item, status: 204 });
    await asked({ method: "DELETE", path: registry, status: 204 });
    await asked({
      method: "PUT",
      path: registry,
      body: { server: { project_id: project.id, observed_at: new Date().toISOString() } },
      status: 201,
    });
    await asked({ method: "POST", path: all, body: { metadata: { fifth: "5" } }, status: 200 });
    await worker.restart();
    const again = await send(project, change, id, named("", operation.id).headers);
    assert.equal(again.status, change.status, again.text);
    const { metadata, server } = again.json();
    assert.deepEqual(metadata ?? server.metadata, change.left);
    if (change.path === registry) assert.equal(server.locked, true);
    assert.deepEqual(await itemsOf(change, id), { fifth: "5" });
    tally("answers lost", 1);
  });
}

test("concurrent DELETEs of one key, every reply lost: one 204, the others 404", async () => {
  const project = new Project(worker);
  const id = await project.server();
  const path = project.serverItem(id, "key1");
  await project.as("member");
  const answers = await Promise.all(
    Array.from({ length: 32 }, () => project.delete(path, { headers: { "X-Fault": "object-lost" } })),
  );
  const gone = answers.filter(({ status }) => status === 204);
  assert.equal(gone.length, 1);
  for (const answer of answers.filter((answer) => answer !== gone[0])) {
    assertFault(answer, 404, "itemNotFound", "Metadata item was not found");
  }
  tally("answers lost", 32);
});

test("an overloaded object is not retried: 503 with Retry-After, nothing changed", async () => {
  const project = new Project(worker);
  const id = await project.server();
  const operation = named("object-overloaded");
  assertUnavailable(await project.delete(project.serverItem(id, "key1"), operation));
  assert.equal((await tries(worker, operation.id, 1)).length, 1);
  assert.deepEqual(await worker.metadata("servers", id), two);
});

test("a list does not retry an overloaded object either", async () => {
  const project = new Project(worker);
  const id = await project.server();
  const operation = named("object-overloaded");
  const token = await project.as("member");
  // An alarm updates the list.
  for (let waited = 0; waited < 100; waited += 1) {
    const list = await worker.request("GET", "/v2.1/servers", { token });
    if (list.text.includes(id)) break;
  }
  assertUnavailable(await worker.request("GET", "/v2.1/servers", { token, headers: operation.headers }));
  assert.equal((await tries(worker, operation.id, 1)).length, 1);
});

test("an error that is not retryable is not retried: 503, and the client's repetition finds it done", async () => {
  const project = new Project(worker);
  const id = await project.server();
  const operation = named("object-lost-for-good");
  const path = project.serverItem(id, "key1");
  assertUnavailable(await project.delete(path, operation));
  assert.equal((await tries(worker, operation.id, 1)).length, 1);
  assertFault(await project.delete(path), 404, "itemNotFound", "Metadata item was not found");
});

test("replies lost repeatedly: 503 after four tries, made once", async () => {
  const project = new Project(worker);
  const id = await project.server();
  const operation = named("object-lost-each");
  assertUnavailable(await project.delete(project.serverItem(id, "key1"), operation));
  const seen = await tries(worker, operation.id, 4);
  assert.deepEqual(
    seen.map(({ retry }) => retry),
    [false, true, true, true],
  );
  assert.deepEqual(await worker.metadata("servers", id), { key2: "value2" });
});

test("no retry is made past the request's deadline", async () => {
  const deadline = 1000;
  const hasty = await startWorkerd({ faults: true, vars: { REQUEST_DEADLINE_MS: String(deadline) } });
  try {
    const project = new Project(hasty);
    const id = await project.server();
    const operation = named("object-lost-slowly");
    const answer = await project.delete(project.serverItem(id, "key1"), operation);
    assertUnavailable(answer);
    assert.ok(answer.milliseconds < deadline * 2, `${answer.milliseconds} ms`);
    // 400 ms each: the third try is running when the deadline passes, and no fourth follows.
    await new Promise((resolve) => setTimeout(resolve, 1000));
    const seen = await tries(hasty, operation.id, 2);
    assert.ok(seen.length === 2 || seen.length === 3, `${seen.length} tries`);
    const first = seen[0]?.at ?? 0;
    for (const { at } of seen) assert.ok(at - first < deadline, `a try ${at - first} ms after the first`);
  } finally {
    await hasty.stop();
  }
});

test("the pause before a retry is random", async () => {
  const project = new Project(worker);
  const id = await project.server();
  const pauses = new Set<number>();
  for (let count = 0; count < 20; count += 1) {
    const operation = named("object-lost");
    const put = { ...operation, token: await project.as("member"), body: { meta: { key1: String(count) } } };
    assert.equal((await worker.request("PUT", project.serverItem(id, "key1"), put)).status, 200);
    const [first, second] = await tries(worker, operation.id, 2);
    pauses.add((second?.at ?? 0) - (first?.at ?? 0));
  }
  assert.ok(pauses.size >= 5, `pauses of ${[...pauses].join(", ")} ms`);
});

test("a DELETE of an item writes two rows, operation log included, and a retry none", async () => {
  const project = new Project(worker);
  const keys = Array.from({ length: 40 }, (_, at) => `key${at}`);
  const id = await project.server({ metadata: Object.fromEntries(keys.map((key) => [key, "v"])) });
  for (const key of keys) {
    const operation = named("object-lost");
    assertNoContent(await project.delete(project.serverItem(id, key), operation));
    await tries(worker, operation.id, 2);
    assert.deepEqual(await rowsWritten(worker, operation.id), [2, 0]);
  }
});
