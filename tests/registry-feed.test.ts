// PUT /registry/feed with MAX_FEED_AGE_SECONDS: changes wait for a control plane that has fallen silent, reads go on.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { assertFault, assertMethodNotAllowed, assertNoContent, assertUnauthorized } from "./answers.ts";
import { startWorker, type Answer, type Worker } from "./harness.ts";
import { both, KINDS, make, perform, READS, resourcePath, WRITES } from "./operations.ts";
import { Project } from "./project.ts";
import { assertInvalid, RegistryClient } from "./registry-client.ts";

const MAX_AGE = 60;
/** Seconds for which an isolate may believe what it knows of the last report. */
const BELIEVED = 5;

const worker = await startWorker({ vars: { MAX_FEED_AGE_SECONDS: String(MAX_AGE) } });
after(() => worker.stop());

const seconds = (count: number): string => new Date(Date.now() + count * 1_000).toISOString();

function report(of: Worker, observed_at: unknown): Promise<Answer> {
  return new RegistryClient(of).request("PUT", "/registry/feed", { body: { feed: { observed_at } } });
}

function assertStale(answer: Answer): void {
  assertFault(answer, 503, "serviceUnavailable", "The control plane has not reported in time.");
  assert.deepEqual(answer.headers.all("Retry-After"), ["1"]);
}

/** Repeats a change until it has this status. The client may be told an older state for as long as it is believed. */
async function until(status: number, change: () => Promise<Answer>): Promise<Answer> {
  for (const patience = Date.now() + (BELIEVED + 10) * 1_000; ; await sleep(200)) {
    const answer = await change();
    if (answer.status === status || Date.now() > patience) {
      assert.equal(answer.status, status, answer.text);
      return answer;
    }
  }
}

test("the feed: changes are 503 until the control plane has reported and when it falls silent; reads go on", async () => {
  const project = new Project(worker);
  const id = await project.server();
  let count = 0;
  const change = async (): Promise<Answer> => {
    count += 1;
    const options = { token: await project.as("member"), body: { meta: { key1: `value ${count}` } } };
    return worker.request("PUT", `/servers/${id}/metadata/key1`, options);
  };
  const reads = async (): Promise<void> => {
    for (const kind of KINDS) {
      const resource = resourcePath("/v2.1", project, kind, await make(project, kind));
      for (const operation of READS) assert.equal((await perform(project, resource, operation)).status, 200);
    }
  };
  // It has never reported.
  for (const kind of KINDS) {
    const resource = resourcePath("/v2.1", project, kind, await make(project, kind));
    for (const operation of WRITES) assertStale(await perform(project, resource, operation));
    assertStale(await project.delete(`${resource}/metadata/key1`));
    assert.deepEqual(await worker.metadata(kind, resource.split("/").at(-1) ?? ""), both);
  }
  // The registry goes on, and so do reads.
  await reads();

  // One report that was old when it came.
  assertNoContent(await report(worker, seconds(-2 * MAX_AGE)));
  await sleep(BELIEVED * 1_000);
  assertStale(await change());

  const left = 15;
  assertNoContent(await report(worker, seconds(left - MAX_AGE)));
  await until(200, change);
  // An older one that comes late takes nothing back.
  assertNoContent(await report(worker, seconds(-2 * MAX_AGE)));
  await sleep(BELIEVED * 1_000);
  assert.equal((await change()).status, 200);
  // Silence.
  await sleep(left * 1_000);
  assertStale(await until(503, change));
  await reads();
  assertNoContent(await report(worker, seconds(0)));
  await until(200, change);
});

test("the feed's report outlives a restart", async () => {
  const restarted = await startWorker({ vars: { MAX_FEED_AGE_SECONDS: "3600" } });
  try {
    const project = new Project(restarted);
    const id = await project.server();
    assertNoContent(await report(restarted, seconds(0)));
    await restarted.restart();
    assertNoContent(await project.delete(`/servers/${id}/metadata/key1`));
  } finally {
    await restarted.stop();
  }
});

test("without MAX_FEED_AGE_SECONDS a report is taken and changes wait for nobody", async () => {
  const plain = await startWorker();
  try {
    const project = new Project(plain);
    const id = await project.server();
    assertNoContent(await project.delete(`/servers/${id}/metadata/key1`));
    assertNoContent(await report(plain, seconds(-86_400)));
    assertNoContent(await project.delete(`/servers/${id}/metadata/key2`));
  } finally {
    await plain.stop();
  }
});

test("the feed: 400 names the field, and nothing is reported by it", async () => {
  const registry = new RegistryClient(worker);
  for (const [body, field] of [
    [null, "body"],
    [[], "body"],
    [{}, "feed"],
    [{ feed: null }, "feed"],
    [{ feed: {} }, "feed.observed_at"],
    [{ feed: { observed_at: null } }, "feed.observed_at"],
    [{ feed: { observed_at: "yesterday" } }, "feed.observed_at"],
    [{ feed: { observed_at: "2099-01-01T00:00:00Z" } }, "feed.observed_at"],
    [{ feed: { observed_at: seconds(0), x: 1 } }, "feed.x"],
    [{ feed: { observed_at: seconds(0) }, x: 1 }, "x"],
  ] as const) {
    const headers = { "Content-Type": "application/json" };
    assertInvalid(await registry.request("PUT", "/registry/feed", { headers, body: JSON.stringify(body) }), field);
  }
  const malformed = await registry.request("PUT", "/registry/feed", { body: "{bad" });
  assertFault(malformed, 400, "badRequest", "Malformed request body");
});

test("the feed is the control plane's: 401, 403 and 405", async () => {
  const body = { feed: { observed_at: seconds(0) } };
  assertUnauthorized(await worker.request("PUT", "/registry/feed", { body }), worker);
  for (const role of ["reader", "member", "manager"]) {
    const answer = await worker.request("PUT", "/registry/feed", { token: await new Project(worker).as(role), body });
    assertFault(answer, 403, "forbidden", "Policy doesn't allow registry:update to be performed.");
  }
  for (const method of ["GET", "POST", "DELETE"]) {
    assertMethodNotAllowed(await new RegistryClient(worker).request(method, "/registry/feed"), "OPTIONS, PUT");
  }
});
