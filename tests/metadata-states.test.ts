// Step 15 for POST and PUT: a server's lock and states, an image's status. Reading is allowed in each of them.
import assert from "node:assert/strict";
import { after, test } from "node:test";

import { assertFault } from "./answers.ts";
import { startWorker, type Answer } from "./harness.ts";
import { READS, WRITES, assertDocument, both, perform, type Operation } from "./operations.ts";
import { imageItem, Project } from "./project.ts";

const worker = await startWorker();
after(() => worker.stop());

function assertConflict(answer: Answer, message: string): void {
  assertFault(answer, 409, "conflictingRequest", message);
}

/** Sends each read to the resource: what may not be changed may still be read. */
async function assertReadable(project: Project, resource: string): Promise<void> {
  for (const operation of READS) assertDocument(await perform(project, resource, operation), operation.answer);
}

for (const operation of WRITES) {
  test(`${operation.name}: a locked server is 409, and an admin passes`, async () => {
    const project = new Project(worker);
    const id = await project.server({ locked: true });
    const resource = `/v2.1/${project.id}/servers/${id}`;
    for (const role of ["member", "manager"]) {
      const answer = await perform(project, resource, operation, { token: await project.as(role) });
      assertConflict(answer, `Instance ${id} is locked`);
    }
    assert.deepEqual(await worker.metadata("servers", id), both);
    await assertReadable(project, resource);
    const answer = await perform(project, resource, operation, { token: await project.as("admin") });
    assertDocument(answer, operation.answer);
    assert.deepEqual(await worker.metadata("servers", id), operation.leaves);
  });

  test(`${operation.name}: an admin of another project passes the lock`, async () => {
    const id = await new Project(worker).server({ locked: true });
    const project = new Project(worker);
    const answer = await perform(project, `/servers/${id}`, operation, { token: await project.as("admin") });
    assertDocument(answer, operation.answer);
  });

  for (const state of ["active", "paused", "suspended", "stopped"]) {
    test(`${operation.name}: vm_state ${state} allows it`, async () => {
      const project = new Project(worker);
      const id = await project.server({ vm_state: state });
      assertDocument(await perform(project, `/v2.1/${project.id}/servers/${id}`, operation), operation.answer);
      assert.deepEqual(await worker.metadata("servers", id), operation.leaves);
    });
  }

  for (const state of [
    "building",
    "error",
    "rescued",
    "shelved",
    "shelved_offloaded",
    "resized",
    "soft-delete",
    "a state nobody knows",
    "ACTIVE",
    "",
  ]) {
    test(`${operation.name}: vm_state ${state || "(empty)"} is 409, for an admin too`, async () => {
      const project = new Project(worker);
      const id = await project.server({ vm_state: state });
      const resource = `/v2.1/${project.id}/servers/${id}`;
      for (const role of ["member", "admin"]) {
        const answer = await perform(project, resource, operation, { token: await project.as(role) });
        assertConflict(answer, `Cannot 'update metadata' instance ${id} while it is in vm_state ${state}`);
      }
      assert.deepEqual(await worker.metadata("servers", id), both);
      await assertReadable(project, resource);
    });
  }

  for (const task of ["rebooting", "deleting", "resize_prep", "image_snapshot", "a task nobody knows"]) {
    test(`${operation.name}: task_state ${task} is 409, for an admin too`, async () => {
      const project = new Project(worker);
      const id = await project.server({ task_state: task });
      const resource = `/v2.1/${project.id}/servers/${id}`;
      for (const role of ["member", "admin"]) {
        const answer = await perform(project, resource, operation, { token: await project.as(role) });
        assertConflict(answer, `Cannot 'update metadata' instance ${id} while it is in task_state ${task}`);
      }
      assert.deepEqual(await worker.metadata("servers", id), both);
      await assertReadable(project, resource);
      await worker.putServer(id, { task_state: null });
      assertDocument(await perform(project, resource, operation), operation.answer);
    });
  }

  test(`${operation.name}: a server that was never launched is 409, for an admin too`, async () => {
    const project = new Project(worker);
    const id = await project.server({ launched: false });
    const resource = `/v2.1/${project.id}/servers/${id}`;
    for (const role of ["member", "admin"]) {
      const answer = await perform(project, resource, operation, { token: await project.as(role) });
      assertConflict(answer, `Instance ${id} is in an invalid state for 'update metadata'`);
    }
    assert.deepEqual(await worker.metadata("servers", id), both);
    await assertReadable(project, resource);
  });

  for (const status of ["active", "deactivated"]) {
    test(`${operation.name}: an image that is ${status} allows it`, async () => {
      const project = new Project(worker);
      const id = await project.image({ status });
      assertDocument(await perform(project, `/v2.1/${project.id}/images/${id}`, operation), operation.answer);
      assert.deepEqual(await worker.metadata("images", id), operation.leaves);
    });
  }

  for (const status of ["queued", "saving", "uploading", "importing"]) {
    test(`${operation.name}: an image that is ${status} is 409, for an admin too`, async () => {
      const project = new Project(worker);
      const id = await project.image({ status });
      const resource = `/v2.1/${project.id}/images/${id}`;
      for (const role of ["member", "admin"]) {
        const answer = await perform(project, resource, operation, { token: await project.as(role) });
        assertConflict(answer, `Cannot 'update metadata' image ${id} while it is in status ${status}`);
      }
      assert.deepEqual(await worker.metadata("images", id), both);
      await assertReadable(project, resource);
    });
  }
}

for (const operation of [...READS, ...WRITES]) {
  test(`${operation.name}: a server in vm_state deleted is 404, for an admin too, and kept in the registry`, async () => {
    const project = new Project(worker);
    const id = await project.server({ vm_state: "deleted" });
    for (const role of ["reader", "member", "admin"]) {
      const token = await project.as(role);
      const answer = await perform(project, `/v2.1/${project.id}/servers/${id}`, operation, { token });
      assertFault(answer, 404, "itemNotFound", `Instance ${id} could not be found.`);
    }
    assert.deepEqual(await worker.metadata("servers", id), both);
    // The control plane's word decides: should it be there again, it is answered again.
    await worker.putServer(id, { vm_state: "active" });
    assertDocument(await perform(project, `/v2.1/${project.id}/servers/${id}`, operation), operation.answer);
  });
}

for (const status of ["deleted", "pending_delete", "killed"]) {
  for (const operation of [...READS, ...WRITES]) {
    test(`${operation.name}: an image that is ${status} is 404, for an admin too`, async () => {
      const project = new Project(worker);
      const id = await project.image({ status, visibility: "public" });
      for (const role of ["member", "admin"]) {
        const answer = await perform(project, `/images/${id}`, operation, { token: await project.as(role) });
        assertFault(answer, 404, "itemNotFound", "Image not found.");
      }
      assert.deepEqual(await worker.metadata("images", id), both);
    });
  }
}

// Glance keeps the names that begin with os_glance_ for itself.
const reserved: Operation[] = [
  { name: "POST", method: "POST", path: "metadata", body: { metadata: { a: "1", os_glance_x: "2" } } },
  { name: "PUT of all items", method: "PUT", path: "metadata", body: { metadata: { a: "1", os_glance_x: "2" } } },
  { name: "PUT of one item", method: "PUT", path: "metadata/os_glance_x", body: { meta: { os_glance_x: "2" } } },
].map((operation) => ({ ...operation, right: "", answer: {}, leaves: {} }));

for (const operation of reserved) {
  for (const role of ["member", "admin"]) {
    test(`images, ${operation.name}: a name that begins with os_glance_ is 403 for the role ${role}`, async () => {
      const project = new Project(worker);
      const there = { os_glance_x: "there", key1: "value1" };
      for (const metadata of [both, there]) {
        const id = await project.image({ metadata });
        const answer = await perform(project, `/v2.1/images/${id}`, operation, { token: await project.as(role) });
        assertFault(answer, 403, "forbidden", `Not authorized for image ${id}.`);
        assert.deepEqual(await worker.metadata("images", id), metadata);
      }
    });
  }

  test(`servers, ${operation.name}: a name that begins with os_glance_ is a name as any other`, async () => {
    const project = new Project(worker);
    const id = await project.server();
    assert.equal((await perform(project, `/v2.1/servers/${id}`, operation)).status, 200);
    assert.equal((await worker.metadata("servers", id))?.["os_glance_x"], "2");
  });
}

test("images, DELETE: an item whose name begins with os_glance_ is 403, and 404 when it is not there", async () => {
  const project = new Project(worker);
  const metadata = { os_glance_x: "there" };
  const id = await project.image({ metadata });
  for (const role of ["member", "admin"]) {
    const token = await project.as(role);
    const there = await project.delete(imageItem(id, "os_glance_x"), { token });
    assertFault(there, 403, "forbidden", `Not authorized for image ${id}.`);
    const nowhere = await project.delete(imageItem(id, "os_glance_y"), { token });
    assertFault(nowhere, 404, "itemNotFound", "Invalid metadata key");
  }
  assert.deepEqual(await worker.metadata("images", id), metadata);
});

test("images, PUT of all items: names that begin with os_glance_ stay, although it leaves them out", async () => {
  const project = new Project(worker);
  const id = await project.image({ metadata: { os_glance_x: "there", key1: "value1" } });
  for (const role of ["member", "admin"]) {
    for (const metadata of [{ [`by-${role}`]: "1" }, {}]) {
      const token = await project.as(role);
      const answer = await worker.request("PUT", `/images/${id}/metadata`, { token, body: { metadata } });
      assertDocument(answer, { metadata: { ...metadata, os_glance_x: "there" } });
      assert.deepEqual(await worker.metadata("images", id), { ...metadata, os_glance_x: "there" });
    }
  }
  const server = await project.server({ metadata: { os_glance_x: "there" } });
  const token = await project.as("member");
  const answer = await worker.request("PUT", `/servers/${server}/metadata`, { token, body: { metadata: {} } });
  assertDocument(answer, { metadata: {} });
});

test("images: names that only look like Glance's own are not reserved, and all names may be read", async () => {
  const project = new Project(worker);
  const id = await project.image({ metadata: { os_glance_x: "there" } });
  const token = await project.as("member");
  for (const key of ["os_glanc", "OS_GLANCE_X", "x_os_glance_", "os-glance_x"]) {
    const answer = await worker.request("PUT", imageItem(id, key), { token, body: { meta: { [key]: "v" } } });
    assertDocument(answer, { meta: { [key]: "v" } });
  }
  const item = await worker.request("GET", imageItem(id, "os_glance_x"), { token });
  assertDocument(item, { meta: { os_glance_x: "there" } });
});
