// S1 413 over limit: the contract's request rate, counted per project, or per user without one.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { assertFault, assertNoContent, assertRateLimited, assertRequestId } from "./answers.ts";
import { projectId, resourceId, startWorker, type Answer } from "./harness.ts";
import { imageItem, Project } from "./project.ts";

const LIMIT = 5;
const PERIOD = 10;
const worker = await startWorker({
  bindings: { rateLimiter: { limit: LIMIT, period: PERIOD } },
  vars: { RATE_LIMIT_PERIOD_SECONDS: String(PERIOD) },
});
after(() => worker.stop());

/** The binding counts in fixed windows: a window must not end while a test counts. */
async function withinOneWindow<T>(steps: () => Promise<T>): Promise<T> {
  const window = PERIOD * 1000;
  const left = window - (Date.now() % window);
  if (left < 4000) await sleep(left + 20);
  const at = Math.floor(Date.now() / window);
  const result = await steps();
  assert.equal(Math.floor(Date.now() / window), at, "this machine was too slow to count within one window");
  return result;
}

const statuses = (answers: Answer[]): number[] => answers.map(({ status }) => status);

async function times(count: number, request: () => Promise<Answer>): Promise<Answer[]> {
  const answers: Answer[] = [];
  for (let at = 0; at < count; at += 1) answers.push(await request());
  return answers;
}

test("S1 413: the first request above the limit", async () => {
  const project = new Project(worker);
  const server = await project.server();
  const image = await project.image();
  await withinOneWindow(async () => {
    const path = project.serverItem(server, "nope");
    assert.deepEqual(statuses(await times(LIMIT, () => project.delete(path))), Array(LIMIT).fill(404));
    assertRateLimited(await project.delete(path), PERIOD);
    // Every operation is limited, and none of them is performed.
    assertRateLimited(await project.delete(project.serverItem(server, "key1")), PERIOD);
    assertRateLimited(await project.delete(imageItem(image, "key1")), PERIOD);
    const token = await project.as("member");
    assertRateLimited(await worker.request("GET", `/v2.1/servers/${server}/metadata`, { token }), PERIOD);
  });
  assert.deepEqual(await worker.metadata("servers", server), { key1: "value1", key2: "value2" });
  assert.deepEqual(await worker.metadata("images", image), { key1: "value1", key2: "value2" });
});

test("requests are answered again after the period", async () => {
  const project = new Project(worker);
  const image = await project.image();
  await withinOneWindow(async () => {
    const answers = await times(LIMIT + 1, () => project.delete(imageItem(image, "nope")));
    assertRateLimited(answers.at(-1) as Answer, PERIOD);
  });
  await sleep(PERIOD * 1000);
  assertNoContent(await project.delete(imageItem(image, "key1")));
});

test("the limit is the project's: its users share it, and another project has its own", async () => {
  const project = new Project(worker);
  const other = new Project(worker);
  const path = imageItem(resourceId(), "key1");
  const [member, reader] = [await project.as("member"), await project.as("reader")];
  await other.as("member");
  await withinOneWindow(async () => {
    await times(LIMIT, () => project.delete(path, { token: member }));
    assertRateLimited(await project.delete(path, { token: reader }), PERIOD);
    assertFault(await other.delete(path), 404, "itemNotFound", "Image not found.");
  });
});

test("a token without a project is counted by its user", async () => {
  const [one, two] = [projectId(), projectId()];
  const first = await worker.token({ user: one, project: null, roles: ["reader"] });
  const second = await worker.token({ user: one, project: null, roles: ["member"] });
  const other = await worker.token({ user: two, project: null, roles: ["reader"] });
  const request = (token: string) => (): Promise<Answer> => worker.request("DELETE", imageItem(resourceId(), "key1"), { token });
  await withinOneWindow(async () => {
    assert.deepEqual(statuses(await times(LIMIT, request(first))), Array(LIMIT).fill(404));
    assertRateLimited(await request(second)(), PERIOD);
    assert.equal((await request(other)()).status, 404);
  });
});

test("a request that an earlier check refuses is not counted", async () => {
  const project = new Project(worker);
  const image = await project.image();
  const path = imageItem(image, "key1");
  const token = await project.as("member");
  const server = `/v2.1/servers/${resourceId()}/metadata/key1`;
  await withinOneWindow(async () => {
    await times(LIMIT, () => worker.request("DELETE", path));
    await times(LIMIT, () => project.delete("/nothing"));
    await times(LIMIT, () => worker.request("POST", path, { token }));
    await times(LIMIT, () => project.delete(path, { headers: { "Content-Type": "application/xml" } }));
    await times(LIMIT, () => project.delete(server, { headers: { "X-OpenStack-Nova-API-Version": "3.0" } }));
    await times(LIMIT, () => project.delete(`/v2/${projectId()}/images/${image}/metadata/key1`));
    assertNoContent(await project.delete(path));
  });
});

test("the registry is exempt from the rate limit", async () => {
  const project = new Project(worker);
  const token = await project.as("admin");
  const path = `/registry/images/${resourceId()}`;
  const body = { image: { project_id: project.id } };
  const answers = await times(LIMIT * 3, () => worker.request("PUT", path, { token, body }));
  assert.deepEqual(statuses(answers), [201, ...Array<number>(LIMIT * 3 - 1).fill(200)]);
  // Registry requests do not use up the project's limit.
  await withinOneWindow(async () => {
    await times(LIMIT * 2, () => worker.request("GET", path, { token }));
    assert.equal((await project.delete(imageItem(resourceId(), "key1"))).status, 404);
  });
});

test("version documents and OPTIONS are not limited", async () => {
  for (const answer of await times(LIMIT * 3, () => worker.request("GET", "/"))) {
    assert.equal(answer.status, 200);
    assertRequestId(answer);
  }
  const options = await times(LIMIT * 3, () => worker.request("OPTIONS", imageItem(resourceId(), "key1")));
  assert.deepEqual(statuses(options), Array(LIMIT * 3).fill(204));
});

test("without the binding there is no limit", async () => {
  const unlimited = await startWorker();
  try {
    const project = new Project(unlimited);
    const path = imageItem(resourceId(), "key1");
    const answers = await times(100, () => project.delete(path));
    assert.deepEqual(statuses(answers), Array(100).fill(404));
  } finally {
    await unlimited.stop();
  }
});

test("RATE_LIMIT_STATUS=429 changes the status and nothing else", async () => {
  const modern = await startWorker({
    bindings: { rateLimiter: { limit: LIMIT, period: PERIOD } },
    vars: { RATE_LIMIT_PERIOD_SECONDS: String(PERIOD), RATE_LIMIT_STATUS: "429" },
  });
  try {
    await withinOneWindow(async () => {
      const project = new Project(modern);
      const path = imageItem(resourceId(), "key1");
      const answers = await times(LIMIT + 1, () => project.delete(path));
      assert.deepEqual(statuses(answers), [...Array(LIMIT).fill(404), 429]);
      const limited = answers[LIMIT] as Answer;
      assert.deepEqual(limited.json(), {
        overLimit: { message: "This request was rate-limited.", code: 429, retryAfter: String(PERIOD) },
      });
      assert.deepEqual(limited.headers.all("Retry-After"), [String(PERIOD)]);
    });
    // The status of a body that is too large does not change.
    const project = new Project(modern);
    const body = "x".repeat(114_689);
    assert.equal((await project.delete(imageItem(resourceId(), "key1"), { body })).status, 413);
  } finally {
    await modern.stop();
  }
});

for (const brokenRateLimiter of ["throws", "rejects"] as const) {
  test(`a binding that ${brokenRateLimiter} does not limit, and is logged`, async () => {
    const open = await startWorker({ bindings: { brokenRateLimiter } });
    try {
      const project = new Project(open);
      const id = await project.server();
      assertNoContent(await project.delete(project.serverItem(id, "key1")));
      const answers = await times(LIMIT * 2, () => project.delete(project.serverItem(id, "key1")));
      assert.deepEqual(statuses(answers), Array(LIMIT * 2).fill(404));
      for (let wait = 0; wait < 40 && !open.logs().some((line) => line.includes("the rate limiter failed")); wait += 1) {
        await sleep(50);
      }
      assert.ok(open.logs().some((line) => line.includes("the rate limiter failed")));
    } finally {
      await open.stop();
    }
  });
}
