// The contract's "Faults", and the headers that every answer has.
import assert from "node:assert/strict";
import { after, test } from "node:test";

import {
  assertFault,
  assertFaultHeaders,
  assertMethodNotAllowed,
  assertNoContent,
  assertRequestId,
  assertTooLarge,
  assertUnauthorized,
  assertUnknownPath,
  assertVersion,
} from "./answers.ts";
import { projectId, resourceId, startWorker, type RequestOptions } from "./harness.ts";
import { imageItem, Project } from "./project.ts";

const worker = await startWorker();
after(() => worker.stop());

const id = resourceId();
const ITEM = "DELETE, GET, HEAD, OPTIONS, PUT";
const ALL = "GET, HEAD, OPTIONS, POST, PUT";
const READ = "GET, HEAD, OPTIONS";
const METHODS = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"];

const KNOWN_PATHS: [string, string][] = [
  ...["", "/v2", "/v2.1", "/v2/ab12", "/v2.1/ab12"].flatMap((prefix): [string, string][] =>
    ["servers", "images"].flatMap((kind): [string, string][] => [
      [`${prefix}/${kind}/${id}/metadata/key1`, ITEM],
      [`${prefix}/${kind}/${id}/metadata`, ALL],
      [`${prefix}/${kind}/${id}`, READ],
    ]),
  ),
  [`/registry/servers/${id}`, ITEM],
  [`/registry/images/${id}`, ITEM],
];
const VERSION_DOCUMENTS = ["/", "/v2", "/v2/", "/v2.1", "/v2.1/"];

for (const [path, allow] of KNOWN_PATHS) {
  const shown = path.replace(id, "{id}");

  test(`405: a method that ${shown} does not support, with those it does in Allow`, async () => {
    const token = await worker.token({ project: "ab12", roles: ["admin"] });
    for (const method of METHODS.filter((name) => !allow.split(", ").includes(name))) {
      assertMethodNotAllowed(await worker.request(method, path, { token }), allow);
    }
  });

  test(`OPTIONS on ${shown} is 204 with Allow, without a token`, async () => {
    const answer = await worker.request("OPTIONS", path);
    assert.equal(answer.status, 204);
    assert.equal(answer.text, "");
    assert.deepEqual(answer.headers.all("Allow"), [allow]);
    assertRequestId(answer);
  });
}

for (const path of VERSION_DOCUMENTS) {
  test(`the version document ${path} needs no token, and is 405 for other methods`, async () => {
    const answer = await worker.request("GET", path);
    assert.equal(answer.status, 200);
    assert.deepEqual(answer.headers.all("Content-Type"), ["application/json"]);
    assertRequestId(answer);
    answer.json();
    for (const method of ["DELETE", "PATCH", "POST", "PUT"]) {
      assertMethodNotAllowed(await worker.request(method, path), READ);
    }
    const options = await worker.request("OPTIONS", path);
    assert.equal(options.status, 204);
    assert.deepEqual(options.headers.all("Allow"), [READ]);
    assertRequestId(options);
  });
}

test("OPTIONS on an unknown path is 404", async () => {
  for (const path of ["/nothing", "/v2.1/nothing", "/v2/ACME/servers", "/registry/nothing"]) {
    assertUnknownPath(await worker.request("OPTIONS", path));
  }
});

test("404: an unknown path, for every method and Accept header", async () => {
  const token = await new Project(worker).as("admin");
  for (const method of METHODS.filter((name) => name !== "HEAD" && name !== "OPTIONS")) {
    assertUnknownPath(await worker.request(method, "/v2.1/nothing/here", { token }));
  }
  for (const Accept of ["text/html", "text/plain", "application/xml", "image/png", "*/*"]) {
    assertUnknownPath(await worker.request("GET", "/v2/nothing", { token, headers: { Accept } }));
  }
});

test("an unknown method is 405 on a known path", async () => {
  const token = await new Project(worker).as("admin");
  for (const method of ["TRACE", "PROPFIND"]) {
    assertMethodNotAllowed(await worker.request(method, imageItem(id, "key1"), { token }), ITEM);
  }
});

test("HEAD answers as GET without a body", async () => {
  const project = new Project(worker);
  const server = await project.server();
  const token = await project.as("member");
  const base = `/v2.1/${project.id}/servers/${server}`;
  const paths = [`${base}/metadata/key1`, `${base}/metadata`, base, `${base}/metadata/nope`, "/v2.1/nothing", "/", "/v2"];
  for (const path of paths) {
    const get = await worker.request("GET", path, { token });
    const head = await worker.request("HEAD", path, { token });
    assert.equal(head.status, get.status, path);
    assert.equal(head.text, "", path);
    assert.equal(head.headers.get("Content-Type"), get.headers.get("Content-Type"), path);
    assertVersion(head, get.headers.get("X-OpenStack-Nova-API-Version"));
    assertRequestId(head);
  }
  const unauthorized = await worker.request("HEAD", base);
  assert.equal(unauthorized.status, 401);
  assert.equal(unauthorized.text, "");
  assert.equal(unauthorized.headers.get("WWW-Authenticate"), `Keystone uri="${worker.url}"`);
});

test("HEAD of an item that exists is 200", async () => {
  const project = new Project(worker);
  const server = await project.server();
  const token = await project.as("reader");
  const answer = await worker.request("HEAD", project.serverItem(server, "key1"), { token });
  assert.equal(answer.status, 200);
  assert.equal(answer.text, "");
});

test("413: a Content-Length over 114,688 bytes, any method", async () => {
  const token = await new Project(worker).as("member");
  for (const [method, path] of [
    ["DELETE", imageItem(id, "key1")],
    ["GET", imageItem(id, "key1")],
    ["PUT", imageItem(id, "key1")],
    ["POST", `/images/${id}/metadata`],
  ] as const) {
    assertTooLarge(await worker.request(method, path, { token, body: "x".repeat(114_689) }));
  }
});

test("413: Content-Length is checked before the body is read", async () => {
  const token = await new Project(worker).as("member");
  const headers = { "Content-Length": "1000000000000" };
  assertTooLarge(await worker.request("DELETE", imageItem(id, "key1"), { token, headers }));
});

test("413: a chunked PUT or POST is counted while it is read", async () => {
  const project = new Project(worker);
  const server = await project.server();
  const token = await project.as("member");
  const headers = { "Content-Type": "application/json" };
  const body = JSON.stringify({ meta: { key1: "x".repeat(114_688) } });
  const options = { token, headers, body, chunked: true };
  for (const prefix of ["/v2", "/v2.1"]) {
    const all = `${prefix}/${project.id}/servers/${server}/metadata`;
    assertTooLarge(await worker.request("PUT", `${all}/key1`, options));
    assertTooLarge(await worker.request("POST", all, options));
  }
  assert.deepEqual(await worker.metadata("servers", server), { key1: "value1", key2: "value2" });
});

test("a body of exactly 114,688 bytes is not 413", async () => {
  const project = new Project(worker);
  const server = await project.server();
  const body = "x".repeat(114_688);
  assertNoContent(await project.delete(project.serverItem(server, "key1"), { body }));
});

for (const type of [
  "application/xml",
  "text/html",
  "application/x-www-form-urlencoded",
  "multipart/form-data; boundary=x",
  "application/octet-stream",
  "Application/JSON",
  "TEXT/PLAIN",
  "application/json2",
  "application/jsonp; application/json",
  "json",
  "application/vnd.openstack.compute+xml",
]) {
  test(`415: Content-Type ${type}`, async () => {
    const project = new Project(worker);
    const server = await project.server();
    const image = await project.image();
    const headers = { "Content-Type": type };
    const path = `/v2.1/${project.id}/servers/${server}/metadata/key1`;
    const answer = await project.delete(path, { headers });
    assertFault(answer, 415, "badMediaType", "Unsupported Content-Type");
    assertVersion(answer, "2.1");
    const onImage = await project.delete(imageItem(image, "key1"), { headers, body: "<a/>" });
    assertFault(onImage, 415, "badMediaType", "Unsupported Content-Type");
    const token = await project.as("member");
    const onGet = await worker.request("GET", path, { token, headers });
    assertFault(onGet, 415, "badMediaType", "Unsupported Content-Type");
    assert.deepEqual(await worker.metadata("servers", server), { key1: "value1", key2: "value2" });
  });
}

for (const type of [
  "application/json",
  "application/json; charset=utf-8",
  "application/json;charset=latin1",
  "text/plain",
  "text/plain; charset=us-ascii",
  "application/vnd.openstack.compute+json",
]) {
  test(`Content-Type ${type} is not 415`, async () => {
    const project = new Project(worker);
    const server = await project.server();
    const headers = { "Content-Type": type };
    assertNoContent(await project.delete(project.serverItem(server, "key1"), { headers }));
  });
}

test("faults are JSON for every Accept header", async () => {
  const project = new Project(worker);
  const server = await project.server({ locked: true });
  for (const Accept of ["text/html", "application/xml", "text/plain;q=1", ""]) {
    const answer = await project.delete(project.serverItem(server, "key1"), { headers: { Accept } });
    assertFault(answer, 409, "conflictingRequest", `Instance ${server} is locked`);
  }
});

test("each answer has a new request id, and the client's own is not adopted", async () => {
  const project = new Project(worker);
  const own = `req-${resourceId()}`;
  const seen = new Set<string>();
  for (let count = 0; count < 20; count += 1) {
    const headers = { "X-OpenStack-Request-Id": own, "X-Compute-Request-Id": own };
    const answer = await project.delete(imageItem(resourceId(), "key1"), { headers });
    assertRequestId(answer);
    seen.add(answer.headers.get("X-Compute-Request-Id") ?? "");
  }
  assert.equal(seen.size, 20);
  assert.ok(!seen.has(own));
});

test("401: WWW-Authenticate names this service's own origin", async () => {
  assertUnauthorized(await worker.request("DELETE", imageItem(id, "key1")), worker);
  const answer = await worker.request("DELETE", imageItem(id, "key1"), { headers: { Host: "compute.example.com" } });
  assert.equal(answer.status, 401);
  assert.equal(answer.headers.get("WWW-Authenticate"), 'Keystone uri="http://compute.example.com"');
});

test("a fault is valid JSON for every URL that its message quotes", async () => {
  const project = new Project(worker);
  const token = await project.as("member");
  const name = 'a"b\\c\n<é>';
  const answer = await worker.request("DELETE", project.serverItem(encodeURIComponent(name), "key1"), { token });
  assert.equal(answer.status, 404);
  assert.deepEqual(answer.json(), { itemNotFound: { message: `Instance ${name} could not be found.`, code: 404 } });
  assertFaultHeaders(answer);
});

test("repeated request headers are accepted", async () => {
  const project = new Project(worker);
  const server = await project.server();
  const headers: RequestOptions["headers"] = [
    ["Accept", "application/json"],
    ["Accept", "text/html"],
    ["X-Roles", "admin"],
    ["X-Roles", "service"],
  ];
  assertNoContent(await project.delete(project.serverItem(server, "key1"), { headers }));
});

test("no header reveals internals", async () => {
  const project = new Project(worker);
  const server = await project.server();
  const known = new Set([
    "allow",
    "cache-control",
    "connection",
    "content-length",
    "content-type",
    "date",
    "openstack-api-version",
    "retry-after",
    "vary",
    "www-authenticate",
    "x-compute-request-id",
    "x-content-type-options",
    "x-openstack-nova-api-version",
    "x-openstack-request-id",
  ]);
  const answers = [
    await project.delete(`/v2.1/servers/${server}/metadata/key1`),
    await project.delete(`/v2.1/servers/${server}/metadata/key1`),
    await project.delete("/nothing"),
    await project.delete(`/v2/${projectId()}/servers/${server}/metadata/key1`),
    await worker.request("DELETE", "/nothing"),
    await worker.request("GET", "/"),
  ];
  for (const answer of answers) {
    for (const [name] of answer.headers.list) assert.ok(known.has(name.toLowerCase()), name);
  }
});
