// S2: Delete server metadata item, one test for each condition of its response codes.
import assert from "node:assert/strict";
import { after, test } from "node:test";

import { assertFault, assertMismatch, assertNoContent, assertUnauthorized, assertUnknownPath, assertVersion } from "./answers.ts";
import { projectId, resourceId, startWorker } from "./harness.ts";
import { Project } from "./project.ts";

const worker = await startWorker();
after(() => worker.stop());

const itemNotFound = "Metadata item was not found";

test("S2 204: normal end", async () => {
  const project = new Project(worker);
  const id = await project.server();
  const answer = await project.delete(project.serverItem(id, "key1"));
  assertNoContent(answer);
  assertVersion(answer, null);
  assert.deepEqual(await worker.metadata("servers", id), { key2: "value2" });
});

test("S2 204: the execution example, to the letter", async () => {
  const project = "e4ee5a9bdf934e35b62c8b995152feee";
  const server = "5ec95878-b74d-40f2-be61-c3c1ae5e5b19";
  const token = await worker.token({ token: "870466f60fd3461abbcf1f2f16ffc30f", project, roles: ["member"] });
  await worker.putServer(server, { project_id: project, metadata: { sample_key: "sample_value" } });
  const answer = await worker.request("DELETE", `/v2/${project}/servers/${server}/metadata/sample_key`, {
    headers: [
      ["User-Agent", "curl/7.35.0"],
      ["Host", "localhost:8774"],
      ["Accept", "*/*"],
      ["X-Auth-Token", token],
    ],
  });
  assertNoContent(answer);
  assert.deepEqual(await worker.metadata("servers", server), {});
});

test("S2 204: a client that accepts gzip, deflate and compress", async () => {
  const project = new Project(worker);
  const id = await project.server();
  const answer = await project.delete(project.serverItem(id, "key1"), {
    headers: { "Accept-Encoding": "gzip, deflate, compress", Accept: "application/json" },
  });
  assertNoContent(answer);
  assert.equal(answer.headers.get("Content-Encoding"), null);
});

test("S2 204: an item whose value is empty", async () => {
  const project = new Project(worker);
  const id = await project.server({ metadata: { empty: "" } });
  assertNoContent(await project.delete(project.serverItem(id, "empty")));
  assert.deepEqual(await worker.metadata("servers", id), {});
});

test("S2 204: HTTP request body none, so one that is sent is not read", async () => {
  const project = new Project(worker);
  const id = await project.server();
  const withLength = await project.delete(project.serverItem(id, "key1"), {
    headers: { "Content-Type": "application/json" },
    body: "{bad",
  });
  assertNoContent(withLength);
  assertNoContent(await project.delete(project.serverItem(id, "key2"), { body: "{bad", chunked: true }));
});

test("S2 204: metadata_key of 255 characters; 404: of 256", async () => {
  const project = new Project(worker);
  const longest = "k".repeat(255);
  const id = await project.server({ metadata: { [longest]: "v" } });
  assertFault(await project.delete(project.serverItem(id, `${longest}k`)), 404, "itemNotFound", itemNotFound);
  assertNoContent(await project.delete(project.serverItem(id, longest)));
});

for (const state of ["active", "paused", "suspended", "stopped"]) {
  test(`S2 204: instance status is ${state.toUpperCase()}`, async () => {
    const project = new Project(worker);
    const id = await project.server({ vm_state: state });
    assertNoContent(await project.delete(project.serverItem(id, "key1")));
    assert.deepEqual(await worker.metadata("servers", id), { key2: "value2" });
  });
}

test("S2 400: project is not found", async () => {
  const project = new Project(worker);
  const id = await project.server();
  const other = projectId();
  const answer = await project.delete(`/v2/${other}/servers/${id}/metadata/key1`);
  assertMismatch(answer, other, project.id);
  assertVersion(answer, null);
  assert.deepEqual(await worker.metadata("servers", id), { key1: "value1", key2: "value2" });
});

test("S2 400: the error execution example, to the letter", async () => {
  await worker.token({
    token: "5ea07aa3793a43c3b5d0988d1253c01d",
    project: "cb8aa2a2c7244af5aab1fa7881ba7f4c",
    roles: ["member"],
  });
  const answer = await worker.request(
    "DELETE",
    "/v2/cb8aa2a2c7244af5aab1fa7881ba7f4/servers/df82dc3f-98e0-4f68-8b75-db8aee7905ab/metadata/key1",
    {
      headers: [
        ["User-Agent", "curl/7.35.0"],
        ["Host", "192.168.56.250:8774"],
        ["X-Auth-Token", "5ea07aa3793a43c3b5d0988d1253c01d"],
        ["Content-type", "application/json"],
        ["Accept", "application/json"],
      ],
    },
  );
  assert.equal(answer.status, 400);
  assert.equal(
    answer.text,
    `{"badRequest": {"message": "Malformed request URL: URL's project_id 'cb8aa2a2c7244af5aab1fa7881ba7f4' doesn't match Context's project_id 'cb8aa2a2c7244af5aab1fa7881ba7f4c'", "code": 400}}`,
  );
  assert.equal(answer.bytes.length, 187);
  assert.equal(answer.headers.get("Content-Length"), "187");
  assert.equal(answer.headers.get("Content-Type"), "application/json; charset=UTF-8");
});

test("S2 400: project is not found, and the caller is an admin", async () => {
  const project = new Project(worker);
  const owner = new Project(worker);
  const id = await owner.server();
  const token = await project.as("admin");
  assertMismatch(await project.delete(owner.serverItem(id, "key1"), { token }), owner.id, project.id);
  assert.deepEqual(await worker.metadata("servers", id), { key1: "value1", key2: "value2" });
});

test("S2 400: a token without a project is None in the message", async () => {
  const project = new Project(worker);
  const id = await project.server();
  const token = await worker.token({ project: null, roles: ["admin"] });
  assertMismatch(await project.delete(project.serverItem(id, "key1"), { token }), project.id, "None");
});

test("S2 401: unauthorized, no token", async () => {
  const project = new Project(worker);
  const id = await project.server();
  assertUnauthorized(await worker.request("DELETE", project.serverItem(id, "key1")), worker);
  assert.deepEqual(await worker.metadata("servers", id), { key1: "value1", key2: "value2" });
});

test("S2 401: unauthorized, unknown token", async () => {
  const project = new Project(worker);
  const id = await project.server();
  assertUnauthorized(await project.delete(project.serverItem(id, "key1"), { token: "ajk3adjiown02" }), worker);
});

test("S2 401: unauthorized, expired token", async () => {
  const project = new Project(worker);
  const id = await project.server();
  const token = await worker.token({ project: project.id, roles: ["member"], expiresIn: -1 });
  assertUnauthorized(await project.delete(project.serverItem(id, "key1"), { token }), worker);
});

for (const roles of [["reader"], ["service"], []]) {
  test(`S2 403: not authorized to perform the requested action, roles [${roles.join()}]`, async () => {
    const project = new Project(worker);
    const id = await project.server();
    const answer = await project.delete(project.serverItem(id, "key1"), { token: await project.as(...roles) });
    const message = "Policy doesn't allow os_compute_api:server-metadata:delete to be performed.";
    assertFault(answer, 403, "forbidden", message);
    assert.deepEqual(await worker.metadata("servers", id), { key1: "value1", key2: "value2" });
  });
}

test("S2 404: specified the instance id that not found", async () => {
  const project = new Project(worker);
  const id = resourceId();
  const answer = await project.delete(project.serverItem(id, "key1"));
  assertFault(answer, 404, "itemNotFound", `Instance ${id} could not be found.`);
});

test("S2 404: the instance belongs to another project", async () => {
  const project = new Project(worker);
  const id = await new Project(worker).server();
  const answer = await project.delete(project.serverItem(id, "key1"));
  assertFault(answer, 404, "itemNotFound", `Instance ${id} could not be found.`);
  assert.deepEqual(await worker.metadata("servers", id), { key1: "value1", key2: "value2" });
});

test("S2 404: the instance has been removed", async () => {
  const project = new Project(worker);
  const id = await project.server();
  await worker.request("DELETE", `/registry/servers/${id}`, { token: await worker.registrar() });
  const answer = await project.delete(project.serverItem(id, "key1"));
  assertFault(answer, 404, "itemNotFound", `Instance ${id} could not be found.`);
});

test("S2 404: not found a specified project", async () => {
  const project = new Project(worker);
  const id = await project.server();
  assertUnknownPath(await project.delete(`/v2/no-such-project/servers/${id}/metadata/key1`));
});

test("S2 404: specified metadata item is not found", async () => {
  const project = new Project(worker);
  const id = await project.server();
  const answer = await project.delete(project.serverItem(id, "key3"));
  assertFault(answer, 404, "itemNotFound", itemNotFound);
  assertVersion(answer, null);
  assert.deepEqual(await worker.metadata("servers", id), { key1: "value1", key2: "value2" });
});

test("S2 404: the item has been deleted before", async () => {
  const project = new Project(worker);
  const id = await project.server();
  assertNoContent(await project.delete(project.serverItem(id, "key1")));
  assertFault(await project.delete(project.serverItem(id, "key1")), 404, "itemNotFound", itemNotFound);
});

test("S2 404: the item is another server's", async () => {
  const project = new Project(worker);
  const id = await project.server({ metadata: { mine: "1" } });
  const other = await project.server({ metadata: { theirs: "1" } });
  assertFault(await project.delete(project.serverItem(id, "theirs")), 404, "itemNotFound", itemNotFound);
  assert.deepEqual(await worker.metadata("servers", other), { theirs: "1" });
});

test("S2 404: an image's id names no instance, nor an instance's id an image", async () => {
  const project = new Project(worker);
  const image = await project.image();
  const server = await project.server();
  const noServer = await project.delete(project.serverItem(image, "key1"));
  assertFault(noServer, 404, "itemNotFound", `Instance ${image} could not be found.`);
  const noImage = await project.delete(`/v2/${project.id}/images/${server}/metadata/key1`);
  assertFault(noImage, 404, "itemNotFound", "Image not found.");
});

for (const role of ["member", "manager"]) {
  test(`S2 409: specified instance has been locked, caller is a ${role}`, async () => {
    const project = new Project(worker);
    const id = await project.server({ locked: true });
    const answer = await project.delete(project.serverItem(id, "key1"), { token: await project.as(role) });
    assertFault(answer, 409, "conflictingRequest", `Instance ${id} is locked`);
    assertVersion(answer, null);
    assert.deepEqual(await worker.metadata("servers", id), { key1: "value1", key2: "value2" });
  });
}

test("N 204: specified instance has been locked, caller is an admin", async () => {
  const project = new Project(worker);
  const id = await project.server({ locked: true });
  assertNoContent(await project.delete(project.serverItem(id, "key1"), { token: await project.as("admin") }));
  assert.deepEqual(await worker.metadata("servers", id), { key2: "value2" });
});

test("S2 204: specified instance has been unlocked again", async () => {
  const project = new Project(worker);
  const id = await project.server({ locked: true });
  await worker.putServer(id, { locked: false });
  assertNoContent(await project.delete(project.serverItem(id, "key1")));
});

for (const state of [
  "building",
  "rescued",
  "resized",
  "soft-delete",
  "error",
  "shelved",
  "shelved_offloaded",
  "a state nobody knows",
  "ACTIVE",
]) {
  test(`S2 409: instance status is invalid, ${state}`, async () => {
    const project = new Project(worker);
    const id = await project.server({ vm_state: state });
    const message = `Cannot 'delete metadata' instance ${id} while it is in vm_state ${state}`;
    assertFault(await project.delete(project.serverItem(id, "key1")), 409, "conflictingRequest", message);
    // N: an admin passes the lock only.
    const asAdmin = await project.delete(project.serverItem(id, "key1"), { token: await project.as("admin") });
    assertFault(asAdmin, 409, "conflictingRequest", message);
    assert.deepEqual(await worker.metadata("servers", id), { key1: "value1", key2: "value2" });
  });
}

test("P 404: instance status is deleted, for an admin too", async () => {
  const project = new Project(worker);
  const id = await project.server({ vm_state: "deleted" });
  for (const role of ["member", "admin"]) {
    const answer = await project.delete(project.serverItem(id, "key1"), { token: await project.as(role) });
    assertFault(answer, 404, "itemNotFound", `Instance ${id} could not be found.`);
  }
  assert.deepEqual(await worker.metadata("servers", id), { key1: "value1", key2: "value2" });
});

for (const task of ["rebooting", "deleting", "resize_prep", "a task nobody knows"]) {
  test(`S2 409: instance task status is not None, ${task}`, async () => {
    const project = new Project(worker);
    const id = await project.server({ task_state: task });
    const message = `Cannot 'delete metadata' instance ${id} while it is in task_state ${task}`;
    assertFault(await project.delete(project.serverItem(id, "key1")), 409, "conflictingRequest", message);
    const asAdmin = await project.delete(project.serverItem(id, "key1"), { token: await project.as("admin") });
    assertFault(asAdmin, 409, "conflictingRequest", message);
    assert.deepEqual(await worker.metadata("servers", id), { key1: "value1", key2: "value2" });
  });
}

test("S2 204: instance task status is None again", async () => {
  const project = new Project(worker);
  const id = await project.server({ task_state: "rebooting" });
  await worker.putServer(id, { task_state: null });
  assertNoContent(await project.delete(project.serverItem(id, "key1")));
});

test("N 409: the instance was never launched", async () => {
  const project = new Project(worker);
  const id = await project.server({ launched: false });
  const message = `Instance ${id} is in an invalid state for 'delete metadata'`;
  assertFault(await project.delete(project.serverItem(id, "key1")), 409, "conflictingRequest", message);
  assert.deepEqual(await worker.metadata("servers", id), { key1: "value1", key2: "value2" });
});
