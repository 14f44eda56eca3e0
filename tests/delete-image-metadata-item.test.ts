// S1: Delete image metadata item, one test for each of its response codes.
import assert from "node:assert/strict";
import { after, test } from "node:test";

import {
  assertFault,
  assertMethodNotAllowed,
  assertMismatch,
  assertNoContent,
  assertRateLimited,
  assertServerError,
  assertTooLarge,
  assertUnauthorized,
  assertUnavailable,
  assertVersion,
} from "./answers.ts";
import { projectId, resourceId, startWorker, type Fields } from "./harness.ts";
import { imageItem, Project } from "./project.ts";

const worker = await startWorker();
after(() => worker.stop());

const both = { key1: "value1", key2: "value2" };

test("S1 204: success", async () => {
  const project = new Project(worker);
  const id = await project.image();
  const answer = await project.delete(imageItem(id, "key1"));
  assertNoContent(answer);
  assertVersion(answer, null);
  assert.deepEqual(await worker.metadata("images", id), { key2: "value2" });
});

test("S1 204: the example request, verbatim", async () => {
  const token = "f064c46a782c444cb4ba4b6434288f7c";
  const project = new Project(worker);
  await worker.token({ token, project: project.id, roles: ["member"] });
  const id = await project.image();
  const answer = await worker.request("DELETE", imageItem(id, "key1"), {
    headers: [
      ["X-Auth-Token", token],
      ["Content-Type", "application/json"],
      ["Accept", "application/json"],
    ],
  });
  assertNoContent(answer);
  assert.deepEqual(await worker.metadata("images", id), { key2: "value2" });
});

test("S1 204: this operation does not accept a request body; one that is sent is ignored", async () => {
  const project = new Project(worker);
  const id = await project.image();
  assertNoContent(await project.delete(imageItem(id, "key1"), { body: "{bad" }));
  assertNoContent(await project.delete(imageItem(id, "key2"), { body: "{bad", chunked: true }));
});

for (const status of ["active", "deactivated"]) {
  test(`S1 204: the image is ${status}`, async () => {
    const project = new Project(worker);
    const id = await project.image({ status });
    assertNoContent(await project.delete(imageItem(id, "key1")));
  });
}

test("S1 400: a general error, the URL names another project", async () => {
  const project = new Project(worker);
  const id = await project.image();
  const other = projectId();
  assertMismatch(await project.delete(`/v2/${other}/images/${id}/metadata/key1`), other, project.id);
  assert.deepEqual(await worker.metadata("images", id), both);
});

test("S1 401: unauthorized", async () => {
  const project = new Project(worker);
  const id = await project.image();
  assertUnauthorized(await worker.request("DELETE", imageItem(id, "key1")), worker);
  assertUnauthorized(await project.delete(imageItem(id, "key1"), { token: projectId() }), worker);
  const expired = await worker.token({ project: project.id, roles: ["member"], expiresIn: -1 });
  assertUnauthorized(await project.delete(imageItem(id, "key1"), { token: expired }), worker);
  assert.deepEqual(await worker.metadata("images", id), both);
});

test("S1 403: forbidden, a reader of the image's own project", async () => {
  const project = new Project(worker);
  const id = await project.image();
  const answer = await project.delete(imageItem(id, "key1"), { token: await project.as("reader") });
  assertFault(answer, 403, "forbidden", `Not authorized for image ${id}.`);
  assert.deepEqual(await worker.metadata("images", id), both);
});

for (const visibility of ["public", "community"]) {
  test(`S1 403: forbidden, a ${visibility} image of another project`, async () => {
    const project = new Project(worker);
    const id = await new Project(worker).image({ visibility });
    const answer = await project.delete(imageItem(id, "key1"));
    assertFault(answer, 403, "forbidden", `Not authorized for image ${id}.`);
    assert.deepEqual(await worker.metadata("images", id), both);
  });
}

test("S1 403: forbidden, an image shared with the caller's project", async () => {
  const project = new Project(worker);
  const id = await new Project(worker).image({ visibility: "shared", members: [project.id] });
  const answer = await project.delete(imageItem(id, "key1"));
  assertFault(answer, 403, "forbidden", `Not authorized for image ${id}.`);
  assert.deepEqual(await worker.metadata("images", id), both);
});

test("N 404: the image does not exist", async () => {
  const answer = await new Project(worker).delete(imageItem(resourceId(), "key1"));
  assertFault(answer, 404, "itemNotFound", "Image not found.");
});

for (const [what, fields] of [
  ["private", () => ({ visibility: "private" })],
  ["shared with somebody else", () => ({ visibility: "shared", members: [projectId()] })],
  ["private, its members left over", (project) => ({ visibility: "private", members: [project.id] })],
] satisfies [string, (project: Project) => Fields][]) {
  test(`N 404: another project's image, ${what}`, async () => {
    const project = new Project(worker);
    const id = await new Project(worker).image(fields(project));
    const answer = await project.delete(imageItem(id, "key1"));
    assertFault(answer, 404, "itemNotFound", "Image not found.");
    assert.deepEqual(await worker.metadata("images", id), both);
  });
}

for (const status of ["deleted", "pending_delete", "killed"]) {
  test(`N 404: the image is ${status}`, async () => {
    const project = new Project(worker);
    const id = await project.image({ status });
    for (const role of ["member", "admin"]) {
      const answer = await project.delete(imageItem(id, "key1"), { token: await project.as(role) });
      assertFault(answer, 404, "itemNotFound", "Image not found.");
    }
    assert.deepEqual(await worker.metadata("images", id), both);
  });
}

test("N 404: the key does not exist", async () => {
  const project = new Project(worker);
  const id = await project.image();
  assertFault(await project.delete(imageItem(id, "key3")), 404, "itemNotFound", "Invalid metadata key");
  assertNoContent(await project.delete(imageItem(id, "key1")));
  assertFault(await project.delete(imageItem(id, "key1")), 404, "itemNotFound", "Invalid metadata key");
});

for (const field of ["name", "owner", "status", "visibility", "id"]) {
  test(`N 404: the image's own field ${field} is not a metadata item`, async () => {
    const project = new Project(worker);
    const id = await project.image({ name: "an image" });
    assertFault(await project.delete(imageItem(id, field)), 404, "itemNotFound", "Invalid metadata key");
  });
}

for (const method of ["POST", "PATCH"]) {
  test(`S1 405: bad method, ${method}`, async () => {
    const project = new Project(worker);
    const id = await project.image();
    const answer = await worker.request(method, imageItem(id, "key1"), { token: await project.as("member") });
    assertMethodNotAllowed(answer, "DELETE, GET, HEAD, OPTIONS, PUT");
  });
}

for (const status of ["queued", "saving", "uploading", "importing", "an unknown status"]) {
  test(`S1 409: conflicting request, the image is ${status}`, async () => {
    const project = new Project(worker);
    const id = await project.image({ status });
    const message = `Cannot 'delete metadata' image ${id} while it is in status ${status}`;
    for (const role of ["member", "admin"]) {
      const answer = await project.delete(imageItem(id, "key1"), { token: await project.as(role) });
      assertFault(answer, 409, "conflictingRequest", message);
    }
    assert.deepEqual(await worker.metadata("images", id), both);
  });
}

test("S1 413: over limit, a body larger than the limit", async () => {
  const project = new Project(worker);
  const id = await project.image();
  assertTooLarge(await project.delete(imageItem(id, "key1"), { body: "x".repeat(114_689) }));
  assert.deepEqual(await worker.metadata("images", id), both);
  assertNoContent(await project.delete(imageItem(id, "key1"), { body: "x".repeat(114_688) }));
});

test("S1 413: over limit, too many requests", async () => {
  const limited = await startWorker({
    bindings: { rateLimiter: { limit: 1, period: 60 } },
    vars: { RATE_LIMIT_PERIOD_SECONDS: "60" },
  });
  try {
    const project = new Project(limited);
    const id = await project.image();
    // The binding counts by minutes of the clock: of three requests, at least two are in one minute.
    const answers = [];
    for (const key of ["key1", "key2", "key1"]) answers.push(await project.delete(imageItem(id, key)));
    const refused = answers.find((answer) => answer.status === 413);
    assert.ok(refused, "none of three requests was refused");
    assertRateLimited(refused, 60);
  } finally {
    await limited.stop();
  }
});

test("S1 500: API fault, without its cause", async () => {
  const broken = await startWorker({ vars: { TOKEN_CACHE_SECONDS: "soon" } });
  try {
    const project = new Project(broken);
    assertServerError(await project.delete(imageItem(resourceId(), "key1")));
  } finally {
    await broken.stop();
  }
});

test("S1 503: service unavailable, the metadata store does not answer", async () => {
  const faulty = await startWorker({ faults: true, vars: { REQUEST_DEADLINE_MS: "1000" } });
  try {
    const project = new Project(faulty);
    const id = await project.image();
    assertUnavailable(await project.delete(imageItem(id, "key1"), { headers: { "X-Fault": "object-hang" } }));
  } finally {
    await faulty.stop();
  }
});
