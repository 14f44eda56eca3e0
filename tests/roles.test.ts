// The contract's role table: role × owner of the resource × operation.
import assert from "node:assert/strict";
import { after, test } from "node:test";

import { assertFault, assertMismatch, assertNoContent } from "./answers.ts";
import { resourceId, startWorker, type Answer } from "./harness.ts";
import { imageItem, Project } from "./project.ts";

const worker = await startWorker();
after(() => worker.stop());

const both = { key1: "value1", key2: "value2" };

const serverPolicy = (answer: Answer): void =>
  assertFault(answer, 403, "forbidden", "Policy doesn't allow os_compute_api:server-metadata:delete to be performed.");
const noServer = (id: string, answer: Answer): void =>
  assertFault(answer, 404, "itemNotFound", `Instance ${id} could not be found.`);
const noImage = (answer: Answer): void => assertFault(answer, 404, "itemNotFound", "Image not found.");
const imageForbidden = (id: string, answer: Answer): void =>
  assertFault(answer, 403, "forbidden", `Not authorized for image ${id}.`);

const NO_ACCESS = [[], ["service"], ["wizard"], ["service", "wizard"]];
const READERS = [["reader"], ["reader", "service"]];
const MEMBERS = [["member"], ["manager"], ["member", "service"], ["reader", "member"]];
const ADMINS = [["admin"], ["admin", "service"], ["reader", "admin"]];

for (const roles of [...NO_ACCESS, ...READERS, ...MEMBERS, ...ADMINS]) {
  const shown = `[${roles.join()}]`;
  const noAccess = NO_ACCESS.includes(roles);
  const reads = READERS.includes(roles);
  const admin = ADMINS.includes(roles);
  const changes = admin || MEMBERS.includes(roles);

  test(`roles ${shown}, a server of the own project: ${changes ? "204" : "403"}`, async () => {
    const project = new Project(worker);
    const token = await project.as(...roles);
    for (const path of [`/v2/${project.id}/servers`, "/v2.1/servers", "/servers"]) {
      const id = await project.server();
      const answer = await project.delete(`${path}/${id}/metadata/key1`, { token });
      if (changes) assertNoContent(answer);
      else serverPolicy(answer);
      assert.deepEqual(await worker.metadata("servers", id), changes ? { key2: "value2" } : both);
    }
  });

  test(`roles ${shown}, a locked server of the own project: ${admin ? "204" : changes ? "409" : "403"}`, async () => {
    const project = new Project(worker);
    const id = await project.server({ locked: true });
    const answer = await project.delete(project.serverItem(id, "key1"), { token: await project.as(...roles) });
    if (admin) assertNoContent(answer);
    else if (changes) assertFault(answer, 409, "conflictingRequest", `Instance ${id} is locked`);
    else serverPolicy(answer);
  });

  test(`roles ${shown}, another project's server: ${admin ? "204" : "404"}`, async () => {
    const project = new Project(worker);
    const other = new Project(worker);
    const token = await project.as(...roles);
    for (const path of ["/servers", "/v2/servers", "/v2.1/servers", `/v2.1/${project.id}/servers`]) {
      const id = await other.server();
      const answer = await project.delete(`${path}/${id}/metadata/key1`, { token });
      if (admin) assertNoContent(answer);
      else noServer(id, answer);
      assert.deepEqual(await worker.metadata("servers", id), admin ? { key2: "value2" } : both);
    }
  });

  test(`roles ${shown}, another project's id in the URL: 400`, async () => {
    const project = new Project(worker);
    const other = new Project(worker);
    const server = await other.server();
    const image = await other.image({ visibility: "public" });
    const token = await project.as(...roles);
    assertMismatch(await project.delete(other.serverItem(server, "key1"), { token }), other.id, project.id);
    const onImage = await project.delete(`/v2.1/${other.id}/images/${image}/metadata/key1`, { token });
    assertMismatch(onImage, other.id, project.id);
  });

  test(`roles ${shown}, an image of the own project: ${changes ? "204" : reads ? "403" : "404"}`, async () => {
    const project = new Project(worker);
    const id = await project.image();
    const answer = await project.delete(imageItem(id, "key1"), { token: await project.as(...roles) });
    if (changes) assertNoContent(answer);
    else if (reads) imageForbidden(id, answer);
    else noImage(answer);
    assert.deepEqual(await worker.metadata("images", id), changes ? { key2: "value2" } : both);
  });

  test(`roles ${shown}, another project's private image: ${admin ? "204" : "404"}`, async () => {
    const project = new Project(worker);
    const id = await new Project(worker).image();
    const answer = await project.delete(imageItem(id, "key1"), { token: await project.as(...roles) });
    if (admin) assertNoContent(answer);
    else noImage(answer);
    assert.deepEqual(await worker.metadata("images", id), admin ? { key2: "value2" } : both);
  });

  for (const visibility of ["public", "community", "shared"]) {
    test(`roles ${shown}, another project's ${visibility} image: ${admin ? "204" : noAccess ? "404" : "403"}`, async () => {
      const project = new Project(worker);
      const id = await new Project(worker).image({ visibility, members: [project.id] });
      const answer = await project.delete(imageItem(id, "key1"), { token: await project.as(...roles) });
      if (admin) assertNoContent(answer);
      else if (noAccess) noImage(answer);
      else imageForbidden(id, answer);
      assert.deepEqual(await worker.metadata("images", id), admin ? { key2: "value2" } : both);
    });
  }

  test(`roles ${shown}, what may be read: ${noAccess ? "nothing" : "the own project's, and visible images"}`, async () => {
    const project = new Project(worker);
    const other = new Project(worker);
    const token = await project.as(...roles);
    const get = async (path: string): Promise<number> => (await worker.request("GET", path, { token })).status;
    assert.equal(await get(`/servers/${await project.server()}/metadata/key1`), noAccess ? 403 : 200);
    assert.equal(await get(`/servers/${await other.server()}/metadata/key1`), admin ? 200 : 404);
    assert.equal(await get(`/images/${await project.image()}/metadata/key1`), noAccess ? 404 : 200);
    assert.equal(await get(`/images/${await other.image()}/metadata/key1`), admin ? 200 : 404);
    const visible = await other.image({ visibility: "public" });
    assert.equal(await get(`/images/${visible}/metadata/key1`), noAccess ? 404 : 200);
  });

  const registers = admin || roles.includes("service");
  test(`roles ${shown}, the registry: ${registers ? "read, change" : "403"}`, async () => {
    const project = new Project(worker);
    const token = await project.as(...roles);
    for (const [kind, name] of [
      ["servers", "server"],
      ["images", "image"],
    ] as const) {
      const id = resourceId();
      const path = `/registry/${kind}/${id}`;
      const body = { [name]: { project_id: project.id, metadata: both } };
      const answers = async (): Promise<Answer[]> => [
        await worker.request("PUT", path, { token, body }),
        await worker.request("GET", path, { token }),
        await worker.request("DELETE", path, { token }),
      ];
      if (registers) {
        assert.deepEqual(
          (await answers()).map((answer) => answer.status),
          [201, 200, 204],
        );
        continue;
      }
      // Refused whether the record exists or not, for the caller's own project too.
      const unknown = await answers();
      await worker.request("PUT", path, { token: await worker.registrar(), body });
      for (const [at, answer] of [...unknown, ...(await answers())].entries()) {
        const operation = ["update", "show", "delete"][at % 3];
        assertFault(answer, 403, "forbidden", `Policy doesn't allow registry:${operation} to be performed.`);
      }
      assert.deepEqual(await worker.metadata(kind, id), both);
    }
  });
}

test("a role in one project grants nothing in another: images stay their project's", async () => {
  const project = new Project(worker);
  const other = new Project(worker);
  const id = await project.image({ visibility: "shared", members: [other.id] });
  imageForbidden(id, await other.delete(imageItem(id, "key1")));
  assertNoContent(await project.delete(imageItem(id, "key1")));
});

for (const roles of [[], ["reader"], ["member"], ["manager"], ["service"], ["admin"]]) {
  test(`a token without a project and roles [${roles.join()}]: servers 403`, async () => {
    const id = await new Project(worker).server();
    const token = await worker.token({ project: null, roles });
    for (const path of ["/servers", "/v2/servers", "/v2.1/servers"]) {
      serverPolicy(await worker.request("DELETE", `${path}/${id}/metadata/key1`, { token }));
    }
    assert.deepEqual(await worker.metadata("servers", id), both);
  });

  test(`a token without a project and roles [${roles.join()}]: registry 403`, async () => {
    const project = new Project(worker);
    const id = await project.server();
    const token = await worker.token({ project: null, roles });
    const path = `/registry/servers/${id}`;
    const put = await worker.request("PUT", path, { token, body: { server: { project_id: project.id } } });
    assertFault(put, 403, "forbidden", "Policy doesn't allow registry:update to be performed.");
    const get = await worker.request("GET", path, { token });
    assertFault(get, 403, "forbidden", "Policy doesn't allow registry:show to be performed.");
    const remove = await worker.request("DELETE", path, { token });
    assertFault(remove, 403, "forbidden", "Policy doesn't allow registry:delete to be performed.");
    assert.deepEqual(await worker.metadata("servers", id), both);
  });
}

for (const roles of [[], ["reader"], ["member"], ["manager"], ["service"]]) {
  test(`a token without a project and roles [${roles.join()}]: images 404, public ones too`, async () => {
    const token = await worker.token({ project: null, roles });
    for (const visibility of ["private", "public"]) {
      const id = await new Project(worker).image({ visibility });
      noImage(await worker.request("DELETE", imageItem(id, "key1"), { token }));
      noImage(await worker.request("DELETE", imageItem(id, "nope"), { token }));
      assert.deepEqual(await worker.metadata("images", id), both);
    }
  });
}

test("a system admin is an admin for images", async () => {
  const id = await new Project(worker).image();
  const token = await worker.token({ project: null, roles: ["admin"] });
  assertNoContent(await worker.request("DELETE", imageItem(id, "key1"), { token }));
  assert.deepEqual(await worker.metadata("images", id), { key2: "value2" });
});
