// Every member that N always shows of a server or an image is there, because clients fail without it: by microversion, by
// who asks, and with what the control plane has sent as attributes.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { startWorker, type Fields } from "./harness.ts";
import { make, type Kind } from "./operations.ts";
import { Project } from "./project.ts";
import { wrapper } from "./registry-client.ts";

const worker = await startWorker();
after(() => worker.stop());

async function shown(project: Project, kind: Kind, id: string, role: string, version?: string): Promise<Fields> {
  const headers = version === undefined ? {} : { "OpenStack-API-Version": `compute ${version}` };
  const prefix = version === undefined ? "" : "/v2.1";
  const answer = await worker.request("GET", `${prefix}/${kind}/${id}`, { token: await project.as(role), headers });
  assert.equal(answer.status, 200, answer.text);
  return answer.json()[wrapper(kind)];
}

/** The entry in the list of all details. */
async function listed(project: Project, kind: Kind, id: string, role: string, version: string): Promise<Fields> {
  const headers = { "OpenStack-API-Version": `compute ${version}` };
  for (const patience = Date.now() + 60_000; ; await sleep(50)) {
    const answer = await worker.request("GET", `/v2.1/${kind}/detail`, { token: await project.as(role), headers });
    assert.equal(answer.status, 200, answer.text);
    const entry = answer.json()[kind].find((entry: { id: string }) => entry.id === id);
    if (entry !== undefined) return entry;
    assert.ok(Date.now() < patience, "the list never had it");
  }
}

const OWN = [
  "id",
  "name",
  "status",
  "tenant_id",
  "metadata",
  "links",
  "created",
  "updated",
  "OS-EXT-STS:vm_state",
  "OS-EXT-STS:task_state",
  "OS-EXT-STS:power_state",
  // Of a server that is active.
  "progress",
];

/** With N's neutral values, and the microversions from which on they are shown to everyone and to admins. */
const MEMBERS: [string, unknown, number, number][] = [
  ["accessIPv4", "", 1, 1],
  ["accessIPv6", "", 1, 1],
  ["addresses", {}, 1, 1],
  ["config_drive", "", 1, 1],
  ["hostId", "", 1, 1],
  ["image", "", 1, 1],
  ["key_name", null, 1, 1],
  ["os-extended-volumes:volumes_attached", [], 1, 1],
  ["security_groups", [], 1, 1],
  ["user_id", "", 1, 1],
  ["OS-DCF:diskConfig", "MANUAL", 1, 1],
  ["OS-EXT-AZ:availability_zone", "", 1, 1],
  ["OS-SRV-USG:launched_at", null, 1, 1],
  ["OS-SRV-USG:terminated_at", null, 1, 1],
  ["locked", false, 9, 9],
  ["description", null, 19, 19],
  ["tags", [], 26, 26],
  ["trusted_image_certificates", null, 63, 63],
  ["server_groups", [], 71, 71],
  ["locked_reason", null, 73, 73],
  ["pinned_availability_zone", null, 96, 96],
  ["scheduler_hints", {}, 100, 100],
  ["OS-EXT-SRV-ATTR:host", null, Infinity, 1],
  ["OS-EXT-SRV-ATTR:hypervisor_hostname", null, Infinity, 1],
  ["OS-EXT-SRV-ATTR:instance_name", "", Infinity, 1],
  ["OS-EXT-SRV-ATTR:kernel_id", "", Infinity, 3],
  ["OS-EXT-SRV-ATTR:launch_index", 0, Infinity, 3],
  ["OS-EXT-SRV-ATTR:ramdisk_id", "", Infinity, 3],
  ["OS-EXT-SRV-ATTR:reservation_id", null, Infinity, 3],
  ["OS-EXT-SRV-ATTR:root_device_name", null, Infinity, 3],
  ["OS-EXT-SRV-ATTR:user_data", null, Infinity, 3],
  ["host_status", "", Infinity, 16],
  ["OS-EXT-SRV-ATTR:hostname", "", 90, 3],
];

const FLAVOR = { id: "", links: [] };
const EMBEDDED_FLAVOR = { vcpus: 0, ram: 0, disk: 0, ephemeral: 0, swap: 0, original_name: "", extra_specs: {} };

function neutral(minor: number, role: string): Fields {
  const members = MEMBERS.filter(([, , everyone, admins]) => minor >= (role === "admin" ? admins : everyone));
  return {
    ...Object.fromEntries(members.map(([name, value]) => [name, value])),
    flavor: minor < 47 ? FLAVOR : EMBEDDED_FLAVOR,
  };
}

const MINORS = [1, 2, 3, 8, 9, 15, 16, 18, 19, 25, 26, 46, 47, 62, 63, 70, 71, 72, 73, 89, 90, 95, 96, 99, 100, 104];

for (const role of ["reader", "admin"]) {
  test(`a server that the control plane said little of has every member, by microversion, for the role ${role}`, async () => {
    const project = new Project(worker);
    const id = await project.server();
    for (const minor of MINORS) {
      const server = await shown(project, "servers", id, role, `2.${minor}`);
      const expected = neutral(minor, role);
      assert.deepEqual(Object.keys(server).toSorted(), [...OWN, ...Object.keys(expected)].toSorted(), `2.${minor}`);
      for (const [name, value] of Object.entries(expected)) assert.deepEqual(server[name], value, `2.${minor}: ${name}`);
      assert.equal(server["progress"], 0);
      // N: not in lists.
      const { server_groups, ...entry } = server;
      assert.equal(server_groups !== undefined, minor >= 71);
      assert.deepEqual(await listed(project, "servers", id, role, `2.${minor}`), entry);
    }
  });
}

test("where there are no microversions a server is shown as with 2.1", async () => {
  const project = new Project(worker);
  const id = await project.server();
  const { links, ...server } = await shown(project, "servers", id, "reader");
  const { links: others, ...expected } = await shown(project, "servers", id, "reader", "2.1");
  assert.deepEqual(server, expected);
  assert.notDeepEqual(links, others);
});

const ADDRESS = { version: 4, addr: "192.0.2.7", "OS-EXT-IPS:type": "fixed", "OS-EXT-IPS-MAC:mac_addr": "fa:16:3e:00:00:01" };
const ATTRIBUTES = {
  accessIPv4: "192.0.2.7",
  addresses: { private: [ADDRESS] },
  hostId: "5ca1ab1e",
  key_name: "my key",
  user_id: "fake",
  "OS-EXT-AZ:availability_zone": "nova",
  "OS-SRV-USG:launched_at": "2026-11-21T12:00:00.000000",
  description: "a description",
  tags: ["one"],
  "OS-EXT-SRV-ATTR:host": "compute-1",
  "OS-EXT-SRV-ATTR:vendor": "for admins",
  "vendor:shown": { as: ["it", "is"] },
};

test("what the control plane sends as attributes is shown in the place of neutral values, to those whom N shows it", async () => {
  const project = new Project(worker);
  const id = await project.server({ attributes: ATTRIBUTES });
  const always = [
    "accessIPv4",
    "addresses",
    "hostId",
    "key_name",
    "user_id",
    "OS-EXT-AZ:availability_zone",
    "OS-SRV-USG:launched_at",
  ];
  for (const [role, version, names] of [
    ["reader", "2.1", always],
    ["reader", "2.19", [...always, "description"]],
    ["reader", "2.26", [...always, "description", "tags"]],
    ["admin", "2.1", [...always, "OS-EXT-SRV-ATTR:host", "OS-EXT-SRV-ATTR:vendor"]],
  ] as const) {
    const server = await shown(project, "servers", id, role, version);
    for (const [name, value] of Object.entries(ATTRIBUTES)) {
      const isShown = name === "vendor:shown" || (names as readonly string[]).includes(name);
      assert.deepEqual(server[name], isShown ? value : undefined, `${role} ${version} ${name}`);
    }
    const entry = await listed(project, "servers", id, role, version);
    assert.deepEqual(entry, server);
  }
});

test("no attribute takes the place of what the edge knows itself", async () => {
  const project = new Project(worker);
  const impostor = {
    id: "another",
    name: "another",
    status: "ERROR",
    tenant_id: "another",
    metadata: { another: "1" },
    links: [],
    created: "2000-01-01T00:00:00Z",
    updated: "2000-01-01T00:00:00Z",
    locked: true,
    "OS-EXT-STS:vm_state": "error",
    "OS-EXT-STS:task_state": "deleting",
    "OS-EXT-STS:power_state": 4,
    fault: { message: "another" },
  };
  const id = await project.server({ attributes: impostor });
  const server = await shown(project, "servers", id, "admin", "2.104");
  for (const name of Object.keys(impostor)) assert.notDeepEqual(server[name], impostor[name as keyof typeof impostor], name);
});

test("the flavor is shown as its microversion has it, from whatever the control plane gave of it", async () => {
  const project = new Project(worker);
  const links = [{ rel: "bookmark", href: "http://openstack.example.com/flavors/1" }];
  const embedded = {
    vcpus: 2,
    ram: 2048,
    disk: 20,
    ephemeral: 0,
    swap: 0,
    original_name: "m1.small",
    extra_specs: { "hw:numa_nodes": "1" },
  };
  for (const [flavor, before, after] of [
    [{ id: "1", links }, { id: "1", links }, EMBEDDED_FLAVOR],
    [embedded, FLAVOR, embedded],
    [{ id: "1", links, ...embedded }, { id: "1", links }, embedded],
    [{ id: "1" }, { id: "1", links: [] }, EMBEDDED_FLAVOR],
  ] as const) {
    const id = await project.server({ attributes: { flavor } });
    assert.deepEqual((await shown(project, "servers", id, "reader", "2.46"))["flavor"], before);
    assert.deepEqual((await shown(project, "servers", id, "reader", "2.47"))["flavor"], after);
  }
});

test("the image is an object, or an empty text for a server that was booted from a volume", async () => {
  const project = new Project(worker);
  const image = { id: "70a599e0-31e7-49b7-b260-868f441e862b", links: [] };
  const id = await project.server({ attributes: { image: { ...image, properties: { os_distro: "debian" } } } });
  assert.deepEqual((await shown(project, "servers", id, "reader", "2.97"))["image"], image);
  assert.deepEqual((await shown(project, "servers", id, "reader", "2.98"))["image"], {
    ...image,
    properties: { os_distro: "debian" },
  });
  for (const none of ["", null]) {
    const id = await project.server({ attributes: { image: none } });
    for (const version of ["2.1", "2.98"]) assert.equal((await shown(project, "servers", id, "reader", version))["image"], "");
  }
});

test("a progress and a fault are there in the states in which N has them", async () => {
  const project = new Project(worker);
  const fault = { code: 500, created: "2026-11-21T12:00:00Z", message: "NoValidHost", details: "a stack trace" };
  for (const [vm_state, hasProgress, hasFault] of [
    ["active", true, false],
    ["building", true, false],
    ["resized", true, false],
    ["error", false, true],
    ["stopped", false, false],
    ["paused", false, false],
  ] as const) {
    const id = await project.server({ vm_state, attributes: { progress: 50, fault } });
    const server = await shown(project, "servers", id, "reader", "2.1");
    assert.equal(server["progress"], hasProgress ? 50 : undefined, vm_state);
    // N: the details of an internal error are for admins.
    const { details, ...told } = fault;
    assert.deepEqual(server["fault"], hasFault ? told : undefined, vm_state);
    const asAdmin = await shown(project, "servers", id, "admin", "2.1");
    assert.deepEqual(asAdmin["fault"], hasFault ? { ...told, details } : undefined, vm_state);
  }
});

test("an image has every member that N always shows", async () => {
  const project = new Project(worker);
  for (const [attributes, members] of [
    [{}, { minDisk: 0, minRam: 0, "OS-EXT-IMG-SIZE:size": null }],
    [
      { minDisk: 5, minRam: 512, "OS-EXT-IMG-SIZE:size": 25_165_824 },
      { minDisk: 5, minRam: 512, "OS-EXT-IMG-SIZE:size": 25_165_824 },
    ],
  ]) {
    const id = await make(project, "images", { name: "an image", attributes });
    const image = await shown(project, "images", id, "reader", "2.38");
    const { created, updated, links, ...others } = image;
    assert.deepEqual(others, {
      id,
      name: "an image",
      status: "ACTIVE",
      progress: 100,
      metadata: { key1: "value1", key2: "value2" },
      ...members,
    });
    assert.ok(created && updated && links);
    assert.deepEqual(await listed(project, "images", id, "reader", "2.38"), image);
  }
});

test("an image's progress follows its status, and a snapshot names its server", async () => {
  const project = new Project(worker);
  for (const [status, progress] of [
    ["queued", 25],
    ["saving", 50],
    ["active", 100],
    ["deactivated", 0],
  ] as const) {
    const id = await project.image({ status });
    assert.equal((await shown(project, "images", id, "reader", "2.1"))["progress"], progress);
  }
  const server = await project.server();
  const id = await project.image({ metadata: { instance_uuid: server, auto_disk_config: "True" } });
  const image = await shown(project, "images", id, "reader", "2.1");
  assert.equal((image["server"] as Fields)["id"], server);
  assert.equal(image["OS-DCF:diskConfig"], "AUTO");
});
