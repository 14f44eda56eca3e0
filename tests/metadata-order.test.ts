// The contract's "Order of the checks" for steps that DELETE does not have: each test breaks two rules at once, and
// the earlier one answers.
import assert from "node:assert/strict";
import { after, test } from "node:test";

import { assertFault, assertMismatch, assertTooLarge, assertUnauthorized, assertUnknownPath } from "./answers.ts";
import { projectId, resourceId, startWorker, type Answer, type Fields, type RequestOptions } from "./harness.ts";
import { KINDS, WRITES, both, make, type Kind, type Operation } from "./operations.ts";
import { Project } from "./project.ts";

const worker = await startWorker();
after(() => worker.stop());

const tooLarge = "x".repeat(114_689);
const json = { "Content-Type": "application/json" };
const xml = { "Content-Type": "application/xml" };
const version = (text: string): Record<string, string> => ({ "X-OpenStack-Nova-API-Version": text });
const tooMany = Object.fromEntries(Array.from({ length: 129 }, (_, at) => [`q${at}`, "1"]));

const UNSUPPORTED = "Version 3.0 is not supported by the API. Minimum is 2.1 and maximum is 2.104.";

/** Creates a resource whose state allows no change. */
const BLOCKED: Record<Kind, Fields> = {
  servers: { locked: true, vm_state: "error", task_state: "deleting", launched: false },
  images: { status: "saving" },
};

const assertBad = (answer: Answer, message: string): void => assertFault(answer, 400, "badRequest", message);
const assertMalformed = (answer: Answer): void => assertBad(answer, "Malformed request body");
const assertKeyMismatch = (answer: Answer): void => assertBad(answer, "Request body and URI mismatch");
const assertNoResource = (answer: Answer): void => assertFault(answer, 404, "itemNotFound", "The resource could not be found.");
const assertUnsupported = (answer: Answer): void => assertFault(answer, 406, "computeFault", UNSUPPORTED);

function assertMissing(answer: Answer, operation: Operation): void {
  assertBad(answer, `'${operation.path === "metadata" ? "metadata" : "meta"}' is a required property`);
}

function assertNotThere(answer: Answer, kind: Kind, id: string): void {
  const message = kind === "servers" ? `Instance ${id} could not be found.` : "Image not found.";
  assertFault(answer, 404, "itemNotFound", message);
}

function assertRole(answer: Answer, kind: Kind, id: string, operation: Operation): void {
  const policy = `Policy doesn't allow os_compute_api:server-metadata:${operation.right} to be performed.`;
  assertFault(answer, 403, "forbidden", kind === "servers" ? policy : `Not authorized for image ${id}.`);
}

for (const kind of KINDS) {
  for (const operation of WRITES) {
    const name = `${kind}, ${operation.name}`;
    const project = new Project(worker);
    const path = (id: string, prefix = `/v2.1/${project.id}`): string => `${prefix}/${kind}/${id}/${operation.path}`;
    const send = async (target: string, options: RequestOptions): Promise<Answer> =>
      worker.request(operation.method, target, { token: await project.as("member"), ...options });
    // The operation's body with another key, which only PUT of one item refuses.
    const mismatch = { meta: { other: "x" } };
    // Callers that may read but not change.
    const asReader = async (): Promise<RequestOptions> => ({ token: await project.as("reader") });

    test(`${name}, 2 before 4: a body that is too large is 413 on an unknown path`, async () => {
      assertTooLarge(await send(`/v2.1/${kind}/${resourceId()}/nothing`, { headers: json, body: tooLarge }));
    });

    test(`${name}, 2 before 5 and 6: a body that is too large is 413 before the version and the content type`, async () => {
      const headers = { ...xml, ...version("garbage") };
      assertTooLarge(await send(path(resourceId()), { headers, body: tooLarge }));
    });

    test(`${name}, 3 before 7: a body that is not JSON is 401 without a token`, async () => {
      const answer = await worker.request(operation.method, path(resourceId()), { headers: json, body: "{bad" });
      assertUnauthorized(answer, worker);
    });

    test(`${name}, 3 before 7: a chunked body that is too large is 401 without a token`, async () => {
      const options = { headers: json, body: tooLarge, chunked: true };
      assertUnauthorized(await worker.request(operation.method, path(resourceId()), options), worker);
    });

    test(`${name}, 4 before 7: an unknown path is 404 with a body that is not JSON`, async () => {
      assertUnknownPath(await send(`${path(resourceId())}/more/still`, { headers: json, body: "{bad" }));
    });

    test(`${name}, 5 before 7: an unsupported version is 406 with a body that is not JSON`, async () => {
      const headers = { ...json, ...version("3.0") };
      assertUnsupported(await send(path(await make(project, kind)), { headers, body: "{bad" }));
      assertUnsupported(await send(path(await make(project, kind)), { headers, body: tooLarge, chunked: true }));
    });

    test(`${name}, 6 before 7: an unsupported content type is 415 with a body that is not JSON`, async () => {
      for (const options of [{ body: "{bad" }, { body: tooLarge, chunked: true }]) {
        const answer = await send(path(await make(project, kind)), { headers: xml, ...options });
        assertFault(answer, 415, "badMediaType", "Unsupported Content-Type");
      }
    });

    test(`${name}, 7 before 8: a body that is not JSON is 400 below another project`, async () => {
      assertMalformed(await send(path(resourceId(), `/v2.1/${projectId()}`), { headers: json, body: "{bad" }));
    });

    test(`${name}, 7 before 12: a body that is not JSON is 400 for an unknown resource`, async () => {
      assertMalformed(await send(path(resourceId()), { headers: json, body: "{bad" }));
    });

    test(`${name}, 7 before 13: a body that is not JSON is 400 for a reader`, async () => {
      const answer = await send(path(await make(project, kind)), { headers: json, body: "{bad", ...(await asReader()) });
      assertMalformed(answer);
    });

    test(`${name}, 8 before 11: another project is 400 before the schema`, async () => {
      const other = projectId();
      assertMismatch(await send(path(resourceId(), `/v2.1/${other}`), { body: { x: 1 } }), other, project.id);
    });

    test(`${name}, 11 before 12: the schema's 400 for an unknown resource`, async () => {
      for (const id of [resourceId(), "not-a-uuid", await make(new Project(worker), kind)]) {
        assertMissing(await send(path(id), { body: { x: 1 } }), operation);
      }
    });

    test(`${name}, 11 before 13: the schema's 400 for a reader`, async () => {
      assertMissing(await send(path(await make(project, kind)), { body: { x: 1 }, ...(await asReader()) }), operation);
    });

    test(`${name}, 12 before 13: an unknown resource is 404 for a reader`, async () => {
      for (const id of [resourceId(), await make(new Project(worker), kind)]) {
        assertNotThere(await send(path(id), { body: operation.body ?? {}, ...(await asReader()) }), kind, id);
      }
    });

    const blocked = BLOCKED[kind];

    test(`${name}, 12 before 15: another project's resource is 404, whatever its state`, async () => {
      const id = await make(new Project(worker), kind, blocked);
      assertNotThere(await send(path(id), { body: operation.body ?? {} }), kind, id);
    });

    test(`${name}, 13 before 15: a reader is 403, whatever the resource's state`, async () => {
      const id = await make(project, kind, blocked);
      assertRole(await send(path(id), { body: operation.body ?? {}, ...(await asReader()) }), kind, id, operation);
    });

    if (operation.path === "metadata") {
      test(`${name}, 11 before 16: the schema before the quota`, async () => {
        assertBad(
          await send(path(await make(project, kind)), { body: { metadata: tooMany, x: 1 } }),
          "Additional properties are not allowed ('x' was unexpected)",
        );
      });

      test(`${name}, 12 before 16: an unknown resource is 404 with more items than allowed`, async () => {
        const id = resourceId();
        assertNotThere(await send(path(id), { body: { metadata: tooMany } }), kind, id);
      });

      test(`${name}, 13 before 16: a reader is 403 for the role, not for the quota`, async () => {
        const id = await make(project, kind);
        assertRole(await send(path(id), { body: { metadata: tooMany }, ...(await asReader()) }), kind, id, operation);
      });

      test(`${name}, 15 before 16: a state that allows no change before the quota`, async () => {
        const id = await make(project, kind, blocked);
        const answer = await send(path(id), { body: { metadata: tooMany } });
        const message = `Cannot 'update metadata' image ${id} while it is in status saving`;
        assertFault(answer, 409, "conflictingRequest", kind === "servers" ? `Instance ${id} is locked` : message);
      });
    } else {
      test(`${name}, 7 before 11: a body that is not JSON before a key mismatch`, async () => {
        assertMalformed(await send(path(await make(project, kind)), { headers: json, body: '{"meta": {"other": "x"}' }));
      });

      test(`${name}: the schema before a key mismatch`, async () => {
        const answer = await send(path(await make(project, kind)), { body: { meta: { other: 1 } } });
        assertBad(answer, "Invalid input for field/attribute other. Value: 1. 1 is not of type 'string'");
      });

      const when = kind === "servers" ? "after" : "before";
      test(`${name}: a key mismatch ${when} the existence of the resource`, async () => {
        for (const id of [resourceId(), "not-a-uuid", await make(new Project(worker), kind)]) {
          const answer = await send(path(id), { body: mismatch });
          if (kind === "servers") assertNotThere(answer, kind, id);
          else assertKeyMismatch(answer);
        }
      });

      test(`${name}: a key mismatch ${when} the role`, async () => {
        const id = await make(project, kind);
        const answer = await send(path(id), { body: mismatch, ...(await asReader()) });
        if (kind === "servers") assertRole(answer, kind, id, operation);
        else assertKeyMismatch(answer);
      });

      test(`${name}: a key mismatch before the states`, async () => {
        assertKeyMismatch(await send(path(await make(project, kind, blocked)), { body: mismatch }));
      });

      test(`${name}: a key mismatch before the quota`, async () => {
        const metadata = Object.fromEntries(Object.entries(tooMany).slice(1));
        assertKeyMismatch(await send(path(await make(project, kind, { metadata })), { body: mismatch }));
      });

      test(`${name}, 15 before 16: a state that allows no change before the quota`, async () => {
        const metadata = Object.fromEntries(Object.entries(tooMany).slice(1));
        const id = await make(project, kind, { ...blocked, metadata });
        const answer = await send(path(id), { body: operation.body ?? {} });
        assert.equal(answer.status, 409, answer.text);
      });
    }
  }
}

for (const operation of WRITES) {
  test(`images, ${operation.name}, 7 before 10: a body that is not JSON is 400 beyond 2.38`, async () => {
    const project = new Project(worker);
    const token = await project.as("member");
    const path = `/v2.1/images/${await project.image()}/${operation.path}`;
    const headers = { ...json, ...version("2.39") };
    assertMalformed(await worker.request(operation.method, path, { token, headers, body: "{bad" }));
  });

  test(`images, ${operation.name}, 8 before 10: another project is 400 beyond 2.38`, async () => {
    const project = new Project(worker);
    const other = projectId();
    const token = await project.as("member");
    const path = `/v2.1/${other}/images/${resourceId()}/${operation.path}`;
    const options = { token, headers: version("2.39"), body: operation.body ?? {} };
    assertMismatch(await worker.request(operation.method, path, options), other, project.id);
  });

  test(`images, ${operation.name}, 10 before 11: 404 beyond 2.38 with a body against the schema`, async () => {
    const project = new Project(worker);
    const token = await project.as("member");
    const path = `/v2.1/images/${await project.image()}/${operation.path}`;
    const options = { token, headers: version("2.39"), body: { x: 1 } };
    assertNoResource(await worker.request(operation.method, path, options));
  });

  test(`servers, ${operation.name}, 15: locked, then vm_state, then task_state, then never launched`, async () => {
    const project = new Project(worker);
    const id = await project.server({ locked: true, vm_state: "error", task_state: "rebooting", launched: false });
    const token = await project.as("member");
    const send = (): Promise<Answer> =>
      worker.request(operation.method, `/servers/${id}/${operation.path}`, { token, body: operation.body ?? {} });
    for (const [message, mended] of [
      [`Instance ${id} is locked`, { locked: false }],
      [`Cannot 'update metadata' instance ${id} while it is in vm_state error`, { vm_state: "active" }],
      [`Cannot 'update metadata' instance ${id} while it is in task_state rebooting`, { task_state: null }],
      [`Instance ${id} is in an invalid state for 'update metadata'`, { launched: true }],
    ] as const) {
      assertFault(await send(), 409, "conflictingRequest", message);
      assert.deepEqual(await worker.metadata("servers", id), both);
      await worker.putServer(id, mended);
    }
    assert.equal((await send()).status, 200);
  });

  test(`images, ${operation.name}, 13 before 15: another project's image that is still being written is 403`, async () => {
    const project = new Project(worker);
    const id = await new Project(worker).image({ visibility: "public", status: "queued" });
    const options = { token: await project.as("member"), body: operation.body ?? {} };
    const answer = await worker.request(operation.method, `/images/${id}/${operation.path}`, options);
    assertFault(answer, 403, "forbidden", `Not authorized for image ${id}.`);
  });
}

test("images, 13 before 15: a reserved name of an image that is still being written is 403", async () => {
  const project = new Project(worker);
  const id = await project.image({ status: "queued" });
  const options = { token: await project.as("member"), body: { meta: { os_glance_x: "1" } } };
  const answer = await worker.request("PUT", `/images/${id}/metadata/os_glance_x`, options);
  assertFault(answer, 403, "forbidden", `Not authorized for image ${id}.`);
});

for (const path of ["metadata", "metadata/key1", "metadata/nope"]) {
  const strict = version("2.102");
  const unexpected = "Additional properties are not allowed ('x' was unexpected)";

  test(`GET ${path}, 8 before 11: another project before the query`, async () => {
    const project = new Project(worker);
    const other = projectId();
    const target = `/v2.1/${other}/servers/${resourceId()}/${path}?x=1`;
    const answer = await worker.request("GET", target, { token: await project.as("reader"), headers: strict });
    assertMismatch(answer, other, project.id);
  });

  test(`GET ${path}, 10 before 11: images are 404 beyond 2.38 with any query`, async () => {
    const project = new Project(worker);
    const target = `/v2.1/images/${await project.image()}/${path}?x=1`;
    assertNoResource(await worker.request("GET", target, { token: await project.as("reader"), headers: strict }));
  });

  test(`GET ${path}, 11 before 12, 13 and 14: the query before existence, role and key`, async () => {
    const project = new Project(worker);
    const servers = [resourceId(), "not-a-uuid", await new Project(worker).server(), await project.server()];
    for (const role of ["reader", "service"]) {
      for (const id of servers) {
        const options = { token: await project.as(role), headers: strict };
        assertBad(await worker.request("GET", `/v2.1/servers/${id}/${path}?x=1`, options), unexpected);
      }
    }
  });

  test(`GET ${path}, 6 before 11: an unsupported content type is 415 before the query`, async () => {
    const project = new Project(worker);
    const options = { token: await project.as("reader"), headers: { ...xml, ...strict } };
    const answer = await worker.request("GET", `/v2.1/servers/${await project.server()}/${path}?x=1`, options);
    assertFault(answer, 415, "badMediaType", "Unsupported Content-Type");
  });
}
