/** Assertions for the kinds of answers in the contract. */
import assert from "node:assert/strict";

import type { Answer, Worker } from "./harness.ts";

const REQUEST_ID = /^req-[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

export function assertRequestId(answer: Answer): void {
  const ids = answer.headers.all("X-Compute-Request-Id");
  assert.equal(ids.length, 1, "exactly one X-Compute-Request-Id");
  assert.match(ids[0] ?? "", REQUEST_ID);
  assert.deepEqual(answer.headers.all("X-OpenStack-Request-Id"), ids);
}

export function assertNoContent(answer: Answer): void {
  assert.equal(answer.status, 204, answer.text);
  assert.equal(answer.text, "");
  assert.deepEqual(answer.headers.all("Content-Type"), ["application/json"]);
  assertRequestId(answer);
}

/** Asserts a fault byte for byte, spaces and order included, as in S2's error example. */
export function assertFault(answer: Answer, status: number, name: string, message: string): void {
  assert.equal(answer.text, `{"${name}": {"message": ${JSON.stringify(message)}, "code": ${status}}}`);
  assert.equal(answer.status, status);
  assertFaultHeaders(answer);
}

export function assertFaultHeaders(answer: Answer): void {
  assert.deepEqual(answer.headers.all("Content-Type"), ["application/json; charset=UTF-8"]);
  assert.deepEqual(answer.headers.all("Content-Length"), [String(answer.bytes.length)]);
  assertRequestId(answer);
}

export function assertUnauthorized(answer: Answer, worker: Worker): void {
  assert.equal(
    answer.text,
    '{"error": {"code": 401, "title": "Unauthorized", "message": "The request you have made requires authentication."}}',
  );
  assert.equal(answer.status, 401);
  assert.deepEqual(answer.headers.all("Content-Type"), ["application/json"]);
  assert.deepEqual(answer.headers.all("WWW-Authenticate"), [`Keystone uri="${worker.url}"`]);
  assertRequestId(answer);
  assertVersion(answer, null);
}

/** Asserts the version headers; `null` for answers without any. */
export function assertVersion(answer: Answer, version: string | null): void {
  assert.equal(answer.headers.get("OpenStack-API-Version"), version === null ? null : `compute ${version}`);
  assert.equal(answer.headers.get("X-OpenStack-Nova-API-Version"), version);
  const vary = (answer.headers.get("Vary") ?? "").split(/\s*,\s*/).filter((name) => name !== "");
  assert.deepEqual(
    vary.map((name) => name.toLowerCase()).sort(),
    version === null ? [] : ["openstack-api-version", "x-openstack-nova-api-version"],
  );
}

/** A body over the limit (S1: 413). */
export function assertTooLarge(answer: Answer): void {
  assertFault(answer, 413, "overLimit", "Request is too large. Larger than max_request_body_size (114688).");
  assertVersion(answer, null);
}

export function assertRateLimited(answer: Answer, period: number): void {
  assert.equal(answer.status, 413, answer.text);
  assert.deepEqual(answer.json(), {
    overLimit: { message: "This request was rate-limited.", code: 413, retryAfter: String(period) },
  });
  assert.deepEqual(answer.headers.all("Retry-After"), [String(period)]);
  assertFaultHeaders(answer);
  assertVersion(answer, null);
}

export function assertUnavailable(answer: Answer): void {
  assertFault(answer, 503, "serviceUnavailable", "The metadata store is temporarily unavailable.");
  assert.deepEqual(answer.headers.all("Retry-After"), ["1"]);
}

export function assertServerError(answer: Answer): void {
  assertFault(answer, 500, "computeFault", "The server has either erred or is incapable of performing the requested operation.");
}

export function assertMethodNotAllowed(answer: Answer, allow: string): void {
  assertFault(answer, 405, "badMethod", "The method specified is not allowed for this resource.");
  assert.deepEqual(answer.headers.all("Allow"), [allow]);
  assertVersion(answer, null);
}

export function assertUnknownPath(answer: Answer): void {
  assertFault(answer, 404, "itemNotFound", "The resource could not be found.");
  assertVersion(answer, null);
}

export function assertMismatch(answer: Answer, url: string, token: string): void {
  const message = `Malformed request URL: URL's project_id '${url}' doesn't match Context's project_id '${token}'`;
  assertFault(answer, 400, "badRequest", message);
}
