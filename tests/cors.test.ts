// CORS_ORIGINS: which web pages may call this API from a browser, and what they may send and read.
import assert from "node:assert/strict";
import { after, test } from "node:test";

import { assertFault, assertNoContent } from "./answers.ts";
import { resourceId, startWorker, type Answer } from "./harness.ts";
import { Project } from "./project.ts";

const PAGE = "https://dashboard.example";
const OTHER_PAGE = "http://localhost:8080";

const worker = await startWorker({
  vars: { CORS_ORIGINS: `${PAGE}, ${OTHER_PAGE}` },
  bindings: { rateLimiter: { limit: 1, period: 60 } },
});
after(() => worker.stop());

/** What a page has to be able to read, because it is sent. */
const SENT = ["X-OpenStack-Request-Id", "X-Compute-Request-Id", "OpenStack-API-Version", "Retry-After", "WWW-Authenticate"];

function list(answer: Answer, header: string): string[] {
  return (answer.headers.get(header) ?? "").split(", ").filter((name) => name !== "");
}

function assertReadable(answer: Answer, page: string): void {
  assert.deepEqual(answer.headers.all("Access-Control-Allow-Origin"), [page]);
  assert.equal(answer.headers.get("Access-Control-Allow-Credentials"), null);
  for (const name of SENT) assert.ok(list(answer, "Access-Control-Expose-Headers").includes(name), name);
  assert.ok(list(answer, "Vary").includes("Origin"));
}

function assertUnreadable(answer: Answer): void {
  const names = answer.headers.list.map(([name]) => name.toLowerCase());
  assert.deepEqual(
    names.filter((name) => name.startsWith("access-control-")),
    [],
  );
}

test("a page that is named may read an answer, its fault and its headers", async () => {
  const project = new Project(worker);
  const id = await project.server();
  const token = await project.as("member");
  const path = `/v2.1/${project.id}/servers/${id}/metadata/key1`;
  const headers = { Origin: PAGE, "OpenStack-API-Version": "compute 2.38" };
  const deleted = await worker.request("DELETE", path, { token, headers });
  assertNoContent(deleted);
  assertReadable(deleted, PAGE);
  assert.ok(list(deleted, "Vary").includes("OpenStack-API-Version"));

  // Each header that it may read is one that is really there.
  const limited = await worker.request("DELETE", path, { token, headers: { Origin: OTHER_PAGE } });
  assert.equal(limited.status, 413);
  assertReadable(limited, OTHER_PAGE);
  assert.equal(limited.headers.get("Retry-After"), "60");
  const unauthorized = await worker.request("DELETE", path, { headers });
  assert.equal(unauthorized.status, 401);
  assert.ok(unauthorized.headers.get("WWW-Authenticate"));
  assertReadable(unauthorized, PAGE);
});

test("a page that is not named is answered, but may not read it", async () => {
  for (const origin of [
    "https://elsewhere.example",
    `${PAGE}.elsewhere.example`,
    "http://dashboard.example",
    `${PAGE}:8443`,
    PAGE.toUpperCase(),
    `${PAGE}, ${OTHER_PAGE}`,
    "null",
    "*",
    "",
  ]) {
    const answer = await worker.request("GET", "/", { headers: { Origin: origin } });
    assert.equal(answer.status, 200);
    assertUnreadable(answer);
    // A cache may not give this answer to a page that is named.
    assert.ok(list(answer, "Vary").includes("Origin"), origin);
  }
  assertUnreadable(await worker.request("GET", "/"));
});

test("a preflight needs no token, and says which methods and headers there are", async () => {
  for (const [path, methods] of [
    [`/v2.1/servers/${resourceId()}/metadata/key1`, "DELETE, GET, HEAD, OPTIONS, PUT"],
    [`/images/${resourceId()}/metadata`, "GET, HEAD, OPTIONS, POST, PUT"],
    ["/v2.1/servers/detail", "GET, HEAD, OPTIONS"],
    ["/", "GET, HEAD, OPTIONS"],
  ] as const) {
    const headers = { Origin: PAGE, "Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "x-auth-token" };
    const answer = await worker.request("OPTIONS", path, { headers });
    assert.equal(answer.status, 204);
    assert.deepEqual(answer.headers.all("Access-Control-Allow-Origin"), [PAGE]);
    assert.deepEqual(answer.headers.all("Access-Control-Allow-Methods"), [methods]);
    assert.match(answer.headers.get("Access-Control-Max-Age") ?? "", /^\d+$/);
    const allowed = list(answer, "Access-Control-Allow-Headers").map((name) => name.toLowerCase());
    for (const name of [
      "x-auth-token",
      "content-type",
      "openstack-api-version",
      "x-openstack-nova-api-version",
      "x-openstack-request-id",
    ]) {
      assert.ok(allowed.includes(name), name);
    }
    for (const name of SENT.slice(0, 3)) assert.ok(allowed.includes(name.toLowerCase()), name);
    assertUnreadable(await worker.request("OPTIONS", path, { headers: { ...headers, Origin: "https://elsewhere.example" } }));
  }
});

test("a preflight of an unknown path is a 404 that the page may read", async () => {
  const headers = { Origin: PAGE, "Access-Control-Request-Method": "GET" };
  const answer = await worker.request("OPTIONS", "/flavors", { headers });
  assert.equal(answer.status, 404);
  assertReadable(answer, PAGE);
  assert.equal(answer.headers.get("Access-Control-Allow-Methods"), null);
});

test("without CORS_ORIGINS no answer says anything to pages, nor depends on them", async () => {
  const plain = await startWorker();
  try {
    for (const method of ["GET", "OPTIONS"]) {
      const headers = { Origin: PAGE, "Access-Control-Request-Method": "GET" };
      const answer = await plain.request(method, "/", { headers });
      assertUnreadable(answer);
      assert.equal(answer.headers.get("Vary"), null);
    }
  } finally {
    await plain.stop();
  }
});

test("CORS_ORIGINS=* is a bad setting, because a page acts with somebody's token", async () => {
  const open = await startWorker({ vars: { CORS_ORIGINS: "*" } });
  try {
    const answer = await open.request("GET", `/servers/${resourceId()}`, { token: "garbage", headers: { Origin: PAGE } });
    const message = "The server has either erred or is incapable of performing the requested operation.";
    assertFault(answer, 500, "computeFault", message);
    assertUnreadable(answer);
  } finally {
    await open.stop();
  }
});
