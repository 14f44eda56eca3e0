// GET of a server or an image: the fields that clients read before they touch its metadata.
import assert from "node:assert/strict";
import { after, test } from "node:test";

import { assertFault, assertMismatch, assertRequestId, assertUnauthorized, assertVersion } from "./answers.ts";
import { projectId, resourceId, startWorker, type Answer } from "./harness.ts";
import { KINDS, PREFIXES, assertDocument, both, make, resourcePath } from "./operations.ts";
import { Project } from "./project.ts";

const worker = await startWorker();
after(() => worker.stop());

const version = (text: string): Record<string, string> => ({ "X-OpenStack-Nova-API-Version": text });
const CREATED = "2026-11-21T12:00:00Z";
/** N's members that nobody has told the edge, from the oldest microversion on, in a state without a progress. */
const NEUTRAL = {
  accessIPv4: "",
  accessIPv6: "",
  addresses: {},
  config_drive: "",
  flavor: { id: "", links: [] },
  hostId: "",
  image: "",
  key_name: null,
  "os-extended-volumes:volumes_attached": [],
  security_groups: [],
  user_id: "",
  "OS-DCF:diskConfig": "MANUAL",
  "OS-EXT-AZ:availability_zone": "",
  "OS-SRV-USG:launched_at": null,
  "OS-SRV-USG:terminated_at": null,
};
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;

async function show(project: Project, path: string, headers: Record<string, string> = {}): Promise<Answer> {
  return worker.request("GET", path, { token: await project.as("reader"), headers });
}

for (const prefix of PREFIXES) {
  const shown = prefix || "no prefix";

  test(`a server below ${shown}: every field that clients read`, async () => {
    const project = new Project(worker);
    const id = await project.server({ name: "web", created: CREATED, power_state: 4, vm_state: "stopped" });
    const path = resourcePath(prefix, project, "servers", id);
    const answer = await show(project, path);
    const { updated } = answer.json().server;
    assert.match(updated, TIME);
    assertDocument(answer, {
      server: {
        id,
        name: "web",
        status: "SHUTOFF",
        tenant_id: project.id,
        metadata: both,
        created: CREATED,
        updated,
        links: [
          { rel: "self", href: worker.url + path },
          { rel: "bookmark", href: `${worker.url}/servers/${id}` },
        ],
        "OS-EXT-STS:vm_state": "stopped",
        "OS-EXT-STS:task_state": null,
        "OS-EXT-STS:power_state": 4,
        ...NEUTRAL,
      },
    });
    assertVersion(answer, prefix.startsWith("/v2.1") ? "2.1" : null);
  });

  test(`an image below ${shown}: the fields that clients read`, async () => {
    const project = new Project(worker);
    const id = await project.image({ name: "an image" });
    const path = resourcePath(prefix, project, "images", id);
    const answer = await show(project, path);
    const { image } = answer.json();
    assertDocument(answer, { image });
    assert.equal(image.id, id);
    assert.equal(image.name, "an image");
    assert.equal(image.status, "ACTIVE");
    assert.deepEqual(image.metadata, both);
    assert.deepEqual(image.links[0], { rel: "self", href: worker.url + path });
    assertVersion(answer, prefix.startsWith("/v2.1") ? "2.1" : null);
  });

  for (const kind of KINDS) {
    test(`HEAD of ${kind} below ${shown} is as GET without a body`, async () => {
      const project = new Project(worker);
      const id = await make(project, kind);
      const token = await project.as("reader");
      const head = await worker.request("HEAD", resourcePath(prefix, project, kind, id), { token });
      assert.equal(head.status, 200);
      assert.equal(head.text, "");
      assertRequestId(head);
      assertVersion(head, prefix.startsWith("/v2.1") ? "2.1" : null);
    });
  }
}

for (const [asked, there] of [
  ["2.1", false],
  ["2.8", false],
  ["2.9", true],
  ["2.104", true],
  ["latest", true],
] as const) {
  test(`a server document ${there ? "has" : "has no"} locked with ${asked}`, async () => {
    const project = new Project(worker);
    for (const locked of [true, false]) {
      const id = await project.server({ locked });
      const { server } = (await show(project, `/v2.1/servers/${id}`, version(asked))).json();
      assert.equal("locked" in server, there);
      if (there) assert.equal(server.locked, locked);
    }
  });
}

test("without microversions a server document has no locked", async () => {
  const project = new Project(worker);
  const id = await project.server({ locked: true });
  for (const prefix of ["", "/v2"]) {
    const { server } = (await show(project, `${prefix}/servers/${id}`, version("2.9"))).json();
    assert.ok(!("locked" in server));
  }
});

for (const [vm_state, task_state, status] of [
  ["active", null, "ACTIVE"],
  ["active", "image_snapshot", "ACTIVE"],
  ["active", "deleting", "ACTIVE"],
  ["active", "rebooting", "REBOOT"],
  ["active", "reboot_pending", "REBOOT"],
  ["active", "reboot_started", "REBOOT"],
  ["active", "rebooting_hard", "HARD_REBOOT"],
  ["active", "reboot_pending_hard", "HARD_REBOOT"],
  ["active", "reboot_started_hard", "HARD_REBOOT"],
  ["active", "updating_password", "PASSWORD"],
  ["active", "rebuilding", "REBUILD"],
  ["active", "rebuild_block_device_mapping", "REBUILD"],
  ["active", "rebuild_spawning", "REBUILD"],
  ["active", "migrating", "MIGRATING"],
  ["active", "resize_prep", "RESIZE"],
  ["active", "resize_migrating", "RESIZE"],
  ["active", "resize_migrated", "RESIZE"],
  ["active", "resize_finish", "RESIZE"],
  ["active", "resize_confirming", "ACTIVE"],
  ["active", "resize_reverting", "ACTIVE"],
  ["building", null, "BUILD"],
  ["building", "spawning", "BUILD"],
  ["stopped", null, "SHUTOFF"],
  ["stopped", "powering-on", "SHUTOFF"],
  ["stopped", "resize_prep", "RESIZE"],
  ["stopped", "resize_confirming", "SHUTOFF"],
  ["stopped", "rebuilding", "REBUILD"],
  ["stopped", "rebooting", "SHUTOFF"],
  ["resized", null, "VERIFY_RESIZE"],
  ["resized", "resize_reverting", "REVERT_RESIZE"],
  ["resized", "resize_confirming", "VERIFY_RESIZE"],
  ["paused", null, "PAUSED"],
  ["paused", "migrating", "MIGRATING"],
  ["suspended", null, "SUSPENDED"],
  ["suspended", "migrating", "SUSPENDED"],
  ["rescued", null, "RESCUE"],
  ["error", null, "ERROR"],
  ["error", "rebuilding", "REBUILD"],
  ["error", "rebooting", "ERROR"],
  ["soft-delete", null, "SOFT_DELETED"],
  ["shelved", null, "SHELVED"],
  ["shelved_offloaded", null, "SHELVED_OFFLOADED"],
  ["shelved_offloaded", "spawning", "SHELVED_OFFLOADED"],
  ["an unknown state", null, "UNKNOWN"],
] as const) {
  test(`a server in vm_state ${vm_state} and task_state ${task_state} is ${status}`, async () => {
    const project = new Project(worker);
    const id = await project.server({ vm_state, task_state });
    const { server } = (await show(project, `/v2.1/servers/${id}`)).json();
    assert.equal(server.status, status);
    assert.equal(server["OS-EXT-STS:vm_state"], vm_state);
    assert.equal(server["OS-EXT-STS:task_state"], task_state);
  });
}

for (const [status, shown] of [
  ["active", "ACTIVE"],
  ["queued", "SAVING"],
  ["saving", "SAVING"],
  ["uploading", "UNKNOWN"],
  ["importing", "UNKNOWN"],
  ["deactivated", "UNKNOWN"],
] as const) {
  test(`an image in status ${status} is ${shown}`, async () => {
    const project = new Project(worker);
    const id = await project.image({ status });
    assert.equal((await show(project, `/v2.1/images/${id}`)).json().image.status, shown);
  });
}

test("a server in vm_state deleted is 404, for an admin too", async () => {
  const project = new Project(worker);
  const id = await project.server({ vm_state: "deleted" });
  for (const role of ["reader", "admin"]) {
    const answer = await worker.request("GET", `/v2.1/servers/${id}`, { token: await project.as(role) });
    assertFault(answer, 404, "itemNotFound", `Instance ${id} could not be found.`);
  }
});

for (const status of ["deleted", "pending_delete", "killed"]) {
  test(`an image in status ${status} is 404`, async () => {
    const project = new Project(worker);
    const id = await project.image({ status });
    assertFault(await show(project, `/v2.1/images/${id}`), 404, "itemNotFound", "Image not found.");
  });
}

test("a change of metadata is shown at once", async () => {
  const project = new Project(worker);
  const token = await project.as("member");
  const server = await project.server();
  const image = await project.image();
  const body = { metadata: { only: "this" } };
  assert.equal((await worker.request("PUT", `/servers/${server}/metadata`, { token, body })).status, 200);
  assert.equal((await worker.request("PUT", `/images/${image}/metadata`, { token, body })).status, 200);
  assert.deepEqual((await show(project, `/servers/${server}`)).json().server.metadata, { only: "this" });
  assert.deepEqual((await show(project, `/images/${image}`)).json().image.metadata, { only: "this" });
});

test("a change by the control plane is shown at once", async () => {
  const project = new Project(worker);
  const server = await project.server({ name: "old" });
  await worker.putServer(server, { name: "new", vm_state: "paused", locked: true, power_state: 3 });
  const answer = await show(project, `/v2.1/servers/${server}`, version("2.9"));
  const { name, status, locked, "OS-EXT-STS:power_state": power } = answer.json().server;
  assert.deepEqual({ name, status, locked, power }, { name: "new", status: "PAUSED", locked: true, power: 3 });
});

test("a server document shows the server's project to every caller", async () => {
  const project = new Project(worker);
  const id = await project.server();
  const token = await new Project(worker).as("admin");
  const answer = await worker.request("GET", `/v2.1/servers/${id}`, { token });
  assert.equal(answer.json().server.tenant_id, project.id);
});

test("links have the prefix of the request", async () => {
  const project = new Project(worker);
  const id = await project.server();
  const answer = await show(project, `/v2.1/servers/${id}`, { Host: "compute.example.com:8774" });
  const [first] = answer.json().server.links;
  assert.deepEqual(first, { rel: "self", href: `http://compute.example.com:8774/v2.1/servers/${id}` });
});

test("a server: 403 without a role, 404 when unknown or another project's", async () => {
  const project = new Project(worker);
  const id = await project.server();
  for (const roles of [[], ["service"]]) {
    const answer = await worker.request("GET", `/servers/${id}`, { token: await project.as(...roles) });
    assertFault(answer, 403, "forbidden", "Policy doesn't allow os_compute_api:servers:show to be performed.");
  }
  const other = await new Project(worker).server();
  for (const unknown of [resourceId(), other, "not-a-uuid", id.replaceAll("-", "")]) {
    const answer = await show(project, `/servers/${unknown}`);
    assertFault(answer, 404, "itemNotFound", `Instance ${unknown} could not be found.`);
  }
});

test("an image: 404 without a role, when unknown or invisible; 200 when visible", async () => {
  const project = new Project(worker);
  const id = await project.image();
  for (const roles of [[], ["service"]]) {
    const answer = await worker.request("GET", `/images/${id}`, { token: await project.as(...roles) });
    assertFault(answer, 404, "itemNotFound", "Image not found.");
  }
  const other = new Project(worker);
  for (const unknown of [resourceId(), await other.image(), "not-a-uuid"]) {
    assertFault(await show(project, `/images/${unknown}`), 404, "itemNotFound", "Image not found.");
  }
  for (const visibility of ["public", "community", "shared"]) {
    const visible = await other.image({ visibility, members: [project.id] });
    assert.equal((await show(project, `/images/${visible}`)).status, 200, visibility);
  }
});

for (const kind of KINDS) {
  test(`${kind}: 401 without a token, 400 below another project`, async () => {
    const project = new Project(worker);
    const id = await make(project, kind);
    assertUnauthorized(await worker.request("GET", `/v2.1/${kind}/${id}`), worker);
    const other = projectId();
    assertMismatch(await show(project, `/v2.1/${other}/${kind}/${id}`), other, project.id);
  });
}

test("images are 404 from 2.39 on", async () => {
  const project = new Project(worker);
  const id = await project.image();
  assert.equal((await show(project, `/v2.1/images/${id}`, version("2.38"))).status, 200);
  for (const asked of ["2.39", "latest"]) {
    const answer = await show(project, `/v2.1/images/${id}`, version(asked));
    assertFault(answer, 404, "itemNotFound", "The resource could not be found.");
    assertVersion(answer, asked === "latest" ? "2.104" : asked);
  }
});

test("a query that is not UTF-8 is 400, as N", async () => {
  const project = new Project(worker);
  for (const kind of KINDS) {
    const answer = await show(project, `/v2.1/${kind}/${await make(project, kind)}?x=%FF`);
    assertFault(answer, 400, "badRequest", "Query string is not UTF-8 encoded");
  }
});

test("unknown query parameters: ignored up to 2.101, 400 from 2.102 on; a bare ? is ignored", async () => {
  const project = new Project(worker);
  const path = `/v2.1/servers/${await project.server()}`;
  assert.equal((await show(project, `${path}?x=1`, version("2.101"))).status, 200);
  assert.equal((await show(project, `${path}?`, version("2.102"))).status, 200);
  const answer = await show(project, `${path}?x=1`, version("2.102"));
  assertFault(answer, 400, "badRequest", "Additional properties are not allowed ('x' was unexpected)");
});
