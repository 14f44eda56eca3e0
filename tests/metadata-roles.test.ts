// The contract's role table for GET, POST and PUT: role × owner of the resource × operation.
import assert from "node:assert/strict";
import { after, test } from "node:test";

import { assertFault, assertMismatch } from "./answers.ts";
import { startWorker, type Answer, type Fields } from "./harness.ts";
import { READS, WRITES, assertDocument, both, make, perform, type Kind, type Operation } from "./operations.ts";
import { Project } from "./project.ts";

const worker = await startWorker();
after(() => worker.stop());

const OPERATIONS = [...READS, ...WRITES];

/** What a role may do in its token's own project. */
const ROLES = [
  { roles: [], reads: false, changes: false, admin: false },
  { roles: ["service"], reads: false, changes: false, admin: false },
  { roles: ["wizard"], reads: false, changes: false, admin: false },
  { roles: ["reader"], reads: true, changes: false, admin: false },
  { roles: ["reader", "service"], reads: true, changes: false, admin: false },
  { roles: ["member"], reads: true, changes: true, admin: false },
  { roles: ["manager"], reads: true, changes: true, admin: false },
  { roles: ["admin"], reads: true, changes: true, admin: true },
];

type Expected = 200 | 403 | 404;

function assertRefused(answer: Answer, expected: Expected, kind: Kind, id: string, operation: Operation): void {
  if (expected === 404) {
    const message = kind === "servers" ? `Instance ${id} could not be found.` : "Image not found.";
    assertFault(answer, 404, "itemNotFound", message);
  } else {
    const policy = `Policy doesn't allow os_compute_api:server-metadata:${operation.right} to be performed.`;
    assertFault(answer, 403, "forbidden", kind === "servers" ? policy : `Not authorized for image ${id}.`);
  }
}

/** Sends each operation to a resource of the owner's and asserts the answer and the items afterwards. */
async function ask(
  caller: { project: Project; token: string },
  owner: Project,
  kind: Kind,
  fields: Fields,
  expected: (operation: Operation) => Expected,
): Promise<void> {
  // Shared by all operations that do not change it.
  const unchanged = await make(owner, kind, fields);
  const prefixes = ["", "/v2", "/v2.1", `/v2/${caller.project.id}`, `/v2.1/${caller.project.id}`];
  for (const [at, operation] of OPERATIONS.entries()) {
    const status = expected(operation);
    const id = status === 200 && WRITES.includes(operation) ? await make(owner, kind, fields) : unchanged;
    // Another prefix for each operation, because roles do not depend on it.
    const answer = await perform(caller.project, `${prefixes[at]}/${kind}/${id}`, operation, { token: caller.token });
    if (status === 200) assertDocument(answer, operation.answer);
    else assertRefused(answer, status, kind, id, operation);
    assert.deepEqual(await worker.metadata(kind, id), status === 200 ? operation.leaves : both);
  }
}

for (const { roles, reads, changes, admin } of ROLES) {
  const name = `roles [${roles.join()}]`;
  const project = new Project(worker);
  const caller = { project, token: await project.as(...roles) };
  const isWrite = (operation: Operation): boolean => WRITES.includes(operation);
  const allowed = (operation: Operation): boolean => (isWrite(operation) ? changes : reads);

  test(`${name}, a server of the own project: ${changes ? "read, change" : reads ? "read" : "403"}`, () =>
    ask(caller, project, "servers", {}, (operation) => (allowed(operation) ? 200 : 403)));

  test(`${name}, another project's server: ${admin ? "read, change" : "404"}`, () =>
    ask(caller, new Project(worker), "servers", {}, () => (admin ? 200 : 404)));

  for (const visibility of ["private", "public", "shared", "community"]) {
    const shown = changes ? "read, change" : reads ? "read, change 403" : "404";
    test(`${name}, a ${visibility} image of the own project: ${shown}`, () =>
      ask(caller, project, "images", { visibility }, (operation) => (allowed(operation) ? 200 : reads ? 403 : 404)));
  }

  for (const [what, fields] of [
    ["private", { visibility: "private" }],
    ["shared with nobody", { visibility: "shared", members: [] }],
    ["shared with somebody else", { visibility: "shared", members: ["ab12"] }],
    ["private, its members left over", { visibility: "private", members: [project.id] }],
  ] satisfies [string, Fields][]) {
    test(`${name}, another project's image, ${what}: ${admin ? "read, change" : "404"}`, () =>
      ask(caller, new Project(worker), "images", fields, () => (admin ? 200 : 404)));
  }

  for (const visibility of ["public", "community", "shared"]) {
    const shown = admin ? "read, change" : reads ? "read, change 403" : "404";
    test(`${name}, another project's ${visibility} image: ${shown}`, () =>
      ask(caller, new Project(worker), "images", { visibility, members: [project.id] }, (operation) =>
        admin || (reads && !isWrite(operation)) ? 200 : reads ? 403 : 404,
      ));
  }

  test(`${name}, another project's id in the URL: 400`, async () => {
    const other = new Project(worker);
    const server = await other.server();
    const image = await other.image({ visibility: "public" });
    for (const operation of OPERATIONS) {
      for (const resource of [`/v2.1/${other.id}/servers/${server}`, `/v2/${other.id}/images/${image}`]) {
        assertMismatch(await perform(project, resource, operation, caller), other.id, project.id);
      }
    }
    assert.deepEqual(await worker.metadata("servers", server), both);
    assert.deepEqual(await worker.metadata("images", image), both);
  });
}

for (const roles of [[], ["reader"], ["member"], ["manager"], ["service"], ["admin"]]) {
  const name = `a token without a project and roles [${roles.join()}]`;
  const admin = roles.includes("admin");
  const token = await worker.token({ project: null, roles });

  test(`${name}: servers 403, whether they exist or not`, async () => {
    const project = new Project(worker);
    const id = await project.server();
    for (const operation of OPERATIONS) {
      for (const resource of [`/v2.1/servers/${id}`, `/servers/${id}`, "/v2/servers/not-a-uuid"]) {
        assertRefused(await perform(project, resource, operation, { token }), 403, "servers", id, operation);
      }
    }
    assert.deepEqual(await worker.metadata("servers", id), both);
  });

  test(`${name}: images ${admin ? "read, change" : "404, public ones too"}`, async () => {
    const project = new Project(worker);
    for (const operation of OPERATIONS) {
      for (const visibility of admin ? ["private"] : ["private", "public", "community"]) {
        const id = await project.image({ visibility });
        const answer = await perform(project, `/v2.1/images/${id}`, operation, { token });
        if (admin) assertDocument(answer, operation.answer);
        else assertRefused(answer, 404, "images", id, operation);
        assert.deepEqual(await worker.metadata("images", id), admin ? operation.leaves : both);
      }
    }
  });

  test(`${name}: a project in the URL is 400, and the message says None`, async () => {
    const project = new Project(worker);
    const server = await project.server();
    const image = await project.image();
    for (const operation of OPERATIONS) {
      for (const resource of [`/v2.1/${project.id}/servers/${server}`, `/v2/${project.id}/images/${image}`]) {
        assertMismatch(await perform(project, resource, operation, { token }), project.id, "None");
      }
    }
  });
}

test("an unknown item: 404 for callers that may read, otherwise the resource's 403 or 404", async () => {
  const project = new Project(worker);
  const [, showItem] = READS;
  assert.ok(showItem);
  const operation = { ...showItem, path: "metadata/nope" };
  const server = await project.server();
  const image = await project.image();
  const reader = { token: await project.as("reader") };
  const noRole = { token: await project.as("service") };
  const onServer = await perform(project, `/servers/${server}`, operation, reader);
  assertFault(onServer, 404, "itemNotFound", "Metadata item was not found");
  const onImage = await perform(project, `/images/${image}`, operation, reader);
  assertFault(onImage, 404, "itemNotFound", "The resource could not be found.");
  assertRefused(await perform(project, `/servers/${server}`, operation, noRole), 403, "servers", server, operation);
  assertRefused(await perform(project, `/images/${image}`, operation, noRole), 404, "images", image, operation);
});
