// The contract's "Order of the checks": each test breaks two rules at once, and the earlier one answers.
import assert from "node:assert/strict";
import { after, test } from "node:test";

import {
  assertFault,
  assertMethodNotAllowed,
  assertMismatch,
  assertRateLimited,
  assertRequestId,
  assertTooLarge,
  assertUnauthorized,
  assertUnknownPath,
} from "./answers.ts";
import { projectId, resourceId, startWorker, type Answer } from "./harness.ts";
import { imageItem, Project } from "./project.ts";

const worker = await startWorker();
after(() => worker.stop());

const tooLarge = "x".repeat(114_689);
const malformedVersion = { "X-OpenStack-Nova-API-Version": "garbage" };
const unsupportedVersion = { "X-OpenStack-Nova-API-Version": "3.0" };
const imagesAreGone = { "X-OpenStack-Nova-API-Version": "2.39" };
const xml = { "Content-Type": "application/xml" };
const json = { "Content-Type": "application/json" };

function item(project: Project, kind: "servers" | "images", id: string, key = "key1"): string {
  return `/v2.1/${project.id}/${kind}/${id}/metadata/${key}`;
}

function assertMalformedVersion(answer: Answer): void {
  const message = "API Version String garbage is of invalid format. Must be of format MajorNum.MinorNum.";
  assertFault(answer, 400, "badRequest", message);
}

function assertUnsupportedVersion(answer: Answer): void {
  const message = "Version 3.0 is not supported by the API. Minimum is 2.1 and maximum is 2.104.";
  assertFault(answer, 406, "computeFault", message);
}

function assertUnsupportedMediaType(answer: Answer): void {
  assertFault(answer, 415, "badMediaType", "Unsupported Content-Type");
}

test("1 before 2: a version document is answered for a body of any size", async () => {
  const answer = await worker.request("GET", "/", { body: tooLarge });
  assert.equal(answer.status, 200);
  assertRequestId(answer);
});

test("1 before 2: OPTIONS on a known path is answered for a body of any size", async () => {
  const answer = await worker.request("OPTIONS", imageItem(resourceId(), "key1"), { body: tooLarge });
  assert.equal(answer.status, 204);
  assert.equal(answer.headers.get("Allow"), "DELETE, GET, HEAD, OPTIONS, PUT");
});

test("1 before 3: a wrong method on a version document is 405 without a token", async () => {
  assertMethodNotAllowed(await worker.request("DELETE", "/v2.1/"), "GET, HEAD, OPTIONS");
});

test("1 before 3: OPTIONS on an unknown path is 404 without a token", async () => {
  assertUnknownPath(await worker.request("OPTIONS", "/nothing"));
});

test("1 before 5: OPTIONS ignores the version", async () => {
  const answer = await worker.request("OPTIONS", `/v2.1/servers/${resourceId()}`, { headers: malformedVersion });
  assert.equal(answer.status, 204);
});

test("2 before 3: a body over the limit is 413 without a token", async () => {
  for (const method of ["DELETE", "GET", "PUT", "POST"]) {
    assertTooLarge(await worker.request(method, imageItem(resourceId(), "key1"), { body: tooLarge }));
  }
});

test("2 before 4: a body over the limit is 413 on an unknown path", async () => {
  const token = await new Project(worker).as("member");
  assertTooLarge(await worker.request("DELETE", "/nothing", { token, body: tooLarge }));
});

test("3 before 4: an unknown path is 401 without a token", async () => {
  assertUnauthorized(await worker.request("DELETE", "/nothing"), worker);
});

test("3 before 4: a wrong method is 401 without a token", async () => {
  assertUnauthorized(await worker.request("POST", imageItem(resourceId(), "key1")), worker);
});

test("3 before 5: a malformed version is 401 without a token", async () => {
  const path = `/v2.1/servers/${resourceId()}/metadata/key1`;
  assertUnauthorized(await worker.request("DELETE", path, { headers: malformedVersion }), worker);
});

test("4 before 5: an unknown path is 404 with a malformed version", async () => {
  const project = new Project(worker);
  assertUnknownPath(await project.delete("/v2.1/nothing", { headers: malformedVersion }));
});

test("4 before 5: a wrong method is 405 with an unsupported version", async () => {
  const project = new Project(worker);
  const path = item(project, "servers", resourceId());
  const token = await project.as("member");
  const answer = await worker.request("POST", path, { token, headers: unsupportedVersion });
  assertMethodNotAllowed(answer, "DELETE, GET, HEAD, OPTIONS, PUT");
});

test("4 before 6: a wrong method is 405 with an unsupported content type", async () => {
  const project = new Project(worker);
  const token = await project.as("member");
  const answer = await worker.request("POST", imageItem(resourceId(), "key1"), { token, headers: xml, body: "<a/>" });
  assertMethodNotAllowed(answer, "DELETE, GET, HEAD, OPTIONS, PUT");
});

test("4 before 8: an unknown path below another project is 404", async () => {
  const project = new Project(worker);
  assertUnknownPath(await project.delete(`/v2.1/${projectId()}/nothing`));
});

test("5 before 6: an unsupported version is 406 with an unsupported content type", async () => {
  const project = new Project(worker);
  const path = item(project, "servers", await project.server());
  const options = { headers: { ...xml, ...unsupportedVersion }, body: "<a/>" };
  assertUnsupportedVersion(await project.delete(path, options));
});

test("5 before 6: a malformed version is 400 with an unsupported content type", async () => {
  const project = new Project(worker);
  const path = item(project, "servers", await project.server());
  const options = { headers: { ...xml, ...malformedVersion }, body: "<a/>" };
  assertMalformedVersion(await project.delete(path, options));
});

test("5 before 8: a malformed version is 400 below another project", async () => {
  const project = new Project(worker);
  const path = `/v2.1/${projectId()}/servers/${resourceId()}/metadata/key1`;
  assertMalformedVersion(await project.delete(path, { headers: malformedVersion }));
});

test("6 before 7: an unsupported content type is 415 with a body that is not JSON", async () => {
  const project = new Project(worker);
  const path = item(project, "servers", await project.server());
  const token = await project.as("member");
  assertUnsupportedMediaType(await worker.request("PUT", path, { token, headers: xml, body: "{bad" }));
});

test("6 before 8: an unsupported content type is 415 below another project", async () => {
  const project = new Project(worker);
  const path = `/v2/${projectId()}/servers/${resourceId()}/metadata/key1`;
  assertUnsupportedMediaType(await project.delete(path, { headers: xml }));
});

test("7 before 8: a body that is not JSON is 400 below another project", async () => {
  const project = new Project(worker);
  const path = `/v2/${projectId()}/servers/${resourceId()}/metadata/key1`;
  const token = await project.as("member");
  const answer = await worker.request("PUT", path, { token, headers: json, body: "{bad" });
  assertFault(answer, 400, "badRequest", "Malformed request body");
});

test("8 before 10: another project's image path is 400 beyond 2.38", async () => {
  const project = new Project(worker);
  const other = projectId();
  const path = `/v2.1/${other}/images/${resourceId()}/metadata/key1`;
  assertMismatch(await project.delete(path, { headers: imagesAreGone }), other, project.id);
});

test("8 before 11: another project before the schema", async () => {
  const project = new Project(worker);
  const other = projectId();
  const path = `/v2/${other}/servers/${resourceId()}/metadata/key1`;
  const token = await project.as("member");
  assertMismatch(await worker.request("PUT", path, { token, body: { x: 1 } }), other, project.id);
});

test("8 before 12: another project before the existence of the server", async () => {
  const project = new Project(worker);
  const owner = new Project(worker);
  const id = await owner.server();
  assertMismatch(await project.delete(owner.serverItem(id, "key1")), owner.id, project.id);
});

test("8 before 9 before 10: the project, then the rate, then the version of images", async () => {
  const limited = await startWorker({
    bindings: { rateLimiter: { limit: 1, period: 60 } },
    vars: { RATE_LIMIT_PERIOD_SECONDS: "60" },
  });
  try {
    const project = new Project(limited);
    const path = `/v2.1/images/${resourceId()}/metadata/key1`;
    const other = projectId();
    const mismatch = `/v2.1/${other}/images/${resourceId()}/metadata/key1`;
    // The binding counts by minutes of the clock: of three requests, at least two are in one minute.
    const answers = [];
    for (let count = 0; count < 3; count += 1) {
      answers.push(await project.delete(path, { headers: imagesAreGone }));
      assertMismatch(await project.delete(mismatch), other, project.id);
    }
    const refused = answers.find((answer) => answer.status === 413);
    assert.ok(refused, "none of three requests was refused");
    assertRateLimited(refused, 60);
    const first = answers[0];
    assert.ok(first);
    assertFault(first, 404, "itemNotFound", "The resource could not be found.");
  } finally {
    await limited.stop();
  }
});

test("10 before 11: an image path beyond 2.38 is 404 with a body against the schema", async () => {
  const project = new Project(worker);
  const path = item(project, "images", await project.image());
  const token = await project.as("member");
  const answer = await worker.request("PUT", path, { token, headers: { ...json, ...imagesAreGone }, body: '{"x": 1}' });
  assertFault(answer, 404, "itemNotFound", "The resource could not be found.");
});

test("10 before 12: an unknown image beyond 2.38 is 404 as a path", async () => {
  const project = new Project(worker);
  const answer = await project.delete(item(project, "images", resourceId()), { headers: imagesAreGone });
  assertFault(answer, 404, "itemNotFound", "The resource could not be found.");
});

test("11 before 12: a body against the schema is 400 on an unknown server", async () => {
  const project = new Project(worker);
  const token = await project.as("member");
  const path = project.serverItem(resourceId(), "key1");
  const answer = await worker.request("PUT", path, { token, body: { x: 1 } });
  assertFault(answer, 400, "badRequest", "'meta' is a required property");
});

test("12 before 13: an unknown server is 404 for a reader", async () => {
  const project = new Project(worker);
  const id = resourceId();
  const answer = await project.delete(project.serverItem(id, "key1"), { token: await project.as("reader") });
  assertFault(answer, 404, "itemNotFound", `Instance ${id} could not be found.`);
});

test("12 before 13: another project's server is 404 for a reader", async () => {
  const project = new Project(worker);
  const id = await new Project(worker).server();
  const answer = await project.delete(project.serverItem(id, "key1"), { token: await project.as("reader") });
  assertFault(answer, 404, "itemNotFound", `Instance ${id} could not be found.`);
});

test("12 before 15: another project's locked server is 404", async () => {
  const project = new Project(worker);
  const id = await new Project(worker).server({ locked: true });
  const answer = await project.delete(project.serverItem(id, "key1"));
  assertFault(answer, 404, "itemNotFound", `Instance ${id} could not be found.`);
});

test("13 before 14, servers: an unknown key is 403 for a reader", async () => {
  const project = new Project(worker);
  const id = await project.server();
  const answer = await project.delete(project.serverItem(id, "nope"), { token: await project.as("reader") });
  const message = "Policy doesn't allow os_compute_api:server-metadata:delete to be performed.";
  assertFault(answer, 403, "forbidden", message);
});

test("13 before 15, servers: a locked server is 403 for a reader", async () => {
  const project = new Project(worker);
  const id = await project.server({ locked: true });
  const answer = await project.delete(project.serverItem(id, "key1"), { token: await project.as("reader") });
  const message = "Policy doesn't allow os_compute_api:server-metadata:delete to be performed.";
  assertFault(answer, 403, "forbidden", message);
});

test("14 before 13, images: an unknown key is 404 and a known one 403 for a reader", async () => {
  const project = new Project(worker);
  const id = await project.image();
  const token = await project.as("reader");
  const unknown = await project.delete(imageItem(id, "nope"), { token });
  assertFault(unknown, 404, "itemNotFound", "Invalid metadata key");
  const known = await project.delete(imageItem(id, "key1"), { token });
  assertFault(known, 403, "forbidden", `Not authorized for image ${id}.`);
});

test("14 before 13, images: an unknown key is 404 and a known one 403 for another project", async () => {
  const project = new Project(worker);
  const id = await new Project(worker).image({ visibility: "public" });
  const unknown = await project.delete(imageItem(id, "nope"));
  assertFault(unknown, 404, "itemNotFound", "Invalid metadata key");
  const known = await project.delete(imageItem(id, "key1"));
  assertFault(known, 403, "forbidden", `Not authorized for image ${id}.`);
});

test("13 before 15, images: an image that is still being written is 403 for another project", async () => {
  const project = new Project(worker);
  const id = await new Project(worker).image({ visibility: "public", status: "saving" });
  const answer = await project.delete(imageItem(id, "key1"));
  assertFault(answer, 403, "forbidden", `Not authorized for image ${id}.`);
});

test("14 before 15, servers: an unknown key of a locked server is 404", async () => {
  const project = new Project(worker);
  const id = await project.server({ locked: true, vm_state: "error", task_state: "rebooting", launched: false });
  const answer = await project.delete(project.serverItem(id, "nope"));
  assertFault(answer, 404, "itemNotFound", "Metadata item was not found");
});

test("14 before 15, images: an unknown key of an image that is still being written is 404", async () => {
  const project = new Project(worker);
  const id = await project.image({ status: "saving" });
  const answer = await project.delete(imageItem(id, "nope"));
  assertFault(answer, 404, "itemNotFound", "Invalid metadata key");
});

test("15: locked, then vm_state, then task_state, then never launched", async () => {
  const project = new Project(worker);
  const id = await project.server({ locked: true, vm_state: "error", task_state: "rebooting", launched: false });
  const expected = [
    `Instance ${id} is locked`,
    `Cannot 'delete metadata' instance ${id} while it is in vm_state error`,
    `Cannot 'delete metadata' instance ${id} while it is in task_state rebooting`,
    `Instance ${id} is in an invalid state for 'delete metadata'`,
  ];
  const mended = [{ locked: false }, { vm_state: "active" }, { task_state: null }, { launched: true }];
  for (const [at, message] of expected.entries()) {
    assertFault(await project.delete(project.serverItem(id, "key1")), 409, "conflictingRequest", message);
    await worker.putServer(id, mended[at] ?? {});
  }
  assert.equal((await project.delete(project.serverItem(id, "key1"))).status, 204);
});

test("15: an admin passes the lock but not the vm_state", async () => {
  const project = new Project(worker);
  const id = await project.server({ locked: true, vm_state: "error" });
  const answer = await project.delete(project.serverItem(id, "key1"), { token: await project.as("admin") });
  const message = `Cannot 'delete metadata' instance ${id} while it is in vm_state error`;
  assertFault(answer, 409, "conflictingRequest", message);
});

test("15 before 16: more items than a locked server may have are 409", async () => {
  const project = new Project(worker);
  const id = await project.server({ locked: true });
  const metadata = Object.fromEntries(Array.from({ length: 129 }, (_, at) => [`q${at}`, "1"]));
  const token = await project.as("member");
  const path = `/v2/${project.id}/servers/${id}/metadata`;
  const answer = await worker.request("PUT", path, { token, body: { metadata } });
  assertFault(answer, 409, "conflictingRequest", `Instance ${id} is locked`);
});
