// GET /healthcheck, as oslo.middleware answers it: for load balancers, without a token.
import assert from "node:assert/strict";
import { after, test } from "node:test";

import { assertFault, assertMethodNotAllowed, assertRequestId, assertVersion } from "./answers.ts";
import { resourceId, startWorker, type WorkerOptions } from "./harness.ts";

const worker = await startWorker();
after(() => worker.stop());

for (const [accept, type, body] of [
  [undefined, "text/plain; charset=UTF-8", /^OK$/],
  ["*/*", "text/plain; charset=UTF-8", /^OK$/],
  ["text/plain", "text/plain; charset=UTF-8", /^OK$/],
  ["image/png", "text/plain; charset=UTF-8", /^OK$/],
  ["text/html,application/xhtml+xml,*/*;q=0.8", "text/html; charset=UTF-8", /^<!DOCTYPE html>[\s\S]*<p>OK<\/p>/],
  ["application/json", "application/json", /^\{"detailed": false, "reasons": \["OK"\]\}$/],
] as const) {
  test(`a load balancer that accepts ${accept ?? "anything"} is told OK as ${type}`, async () => {
    const headers: Record<string, string> = accept === undefined ? {} : { Accept: accept };
    const answer = await worker.request("GET", "/healthcheck", { headers });
    assert.equal(answer.status, 200);
    assert.deepEqual(answer.headers.all("Content-Type"), [type]);
    assert.match(answer.text, body);
    assertRequestId(answer);
    assertVersion(answer, null);
  });
}

test("HEAD is 204 without a body, whatever is accepted", async () => {
  for (const accept of ["*/*", "application/json", "text/html"]) {
    const answer = await worker.request("HEAD", "/healthcheck", { headers: { Accept: accept } });
    assert.deepEqual([answer.status, answer.text], [204, ""]);
    assertRequestId(answer);
  }
});

test("no token is looked at, and other methods are 405", async () => {
  assert.equal((await worker.request("GET", "/healthcheck", { token: "garbage" })).status, 200);
  for (const method of ["POST", "PUT", "DELETE"]) {
    assertMethodNotAllowed(await worker.request(method, "/healthcheck"), "GET, HEAD, OPTIONS");
  }
  const options = await worker.request("OPTIONS", "/healthcheck");
  assert.equal(options.status, 204);
  assert.deepEqual(options.headers.all("Allow"), ["GET, HEAD, OPTIONS"]);
});

for (const [what, options] of [
  ["a setting is bad", { vars: { METADATA_ITEMS: "many" } }],
  ["the binding TOKENS is missing", { withoutKv: true }],
  ["the objects are missing", { withoutObjects: true }],
] satisfies [string, WorkerOptions][]) {
  test(`503 when ${what}, while other requests are 500`, async () => {
    const broken = await startWorker(options);
    try {
      const answer = await broken.request("GET", "/healthcheck");
      assertFault(answer, 503, "serviceUnavailable", "The service is not configured.");
      const head = await broken.request("HEAD", "/healthcheck");
      assert.deepEqual([head.status, head.text], [503, ""]);
      const other = await broken.request("GET", `/servers/${resourceId()}`, { token: "garbage" });
      assert.equal(other.status, 500);
    } finally {
      await broken.stop();
    }
  });
}
