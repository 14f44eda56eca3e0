/**
 * The documents of the description with every member that they may have, each under each media type, and with the headers
 * that a web page is given. That they are as described is held by the harness (tests/openapi-traffic.ts).
 */
import assert from "node:assert/strict";
import { after, test } from "node:test";

import { document, operations } from "../scripts/openapi-document.mjs";
import { resourceId, startWorker, type Fields } from "./harness.ts";
import { Project } from "./project.ts";

const PAGE = "https://dashboard.example";

const worker = await startWorker({ vars: { CHANGES: "keep", CORS_ORIGINS: PAGE } });
after(() => worker.stop());

const VERSIONS = [
  "2.1",
  "2.3",
  "2.9",
  "2.16",
  "2.19",
  "2.26",
  "2.46",
  "2.47",
  "2.63",
  "2.71",
  "2.73",
  "2.90",
  "2.96",
  "2.98",
  "2.100",
  "2.104",
];

/** What only the control plane knows, with a value in each member. */
const ATTRIBUTES: Fields = {
  user_id: "alice",
  hostId: "16d193736a5cfdb60c697ca27ad071d6126fa13baeb670fc9d10645e",
  image: {
    id: "70a599e0-31e7-49b7-b260-868f441e862b",
    links: [{ rel: "bookmark", href: "https://edge.example/images/70a599e0-31e7-49b7-b260-868f441e862b" }],
    properties: { hw_disk_bus: "virtio" },
  },
  flavor: {
    id: "1",
    links: [{ rel: "bookmark", href: "https://edge.example/flavors/1" }],
    vcpus: 1,
    ram: 512,
    disk: 1,
    ephemeral: 0,
    swap: 0,
    original_name: "m1.tiny",
    extra_specs: { "hw:numa_nodes": "1" },
  },
  addresses: {
    private: [
      { addr: "10.0.0.3", version: 4, "OS-EXT-IPS:type": "fixed", "OS-EXT-IPS-MAC:mac_addr": "fa:16:3e:00:00:01" },
      { addr: "2001:db8::3", version: 6, "OS-EXT-IPS:type": "floating", "OS-EXT-IPS-MAC:mac_addr": "fa:16:3e:00:00:01" },
    ],
  },
  accessIPv4: "192.0.2.3",
  accessIPv6: "2001:db8::3",
  config_drive: "True",
  key_name: "laptop",
  security_groups: [{ name: "default" }],
  progress: 50,
  fault: { code: 500, created: "2026-01-01T00:00:00Z", message: "No valid host was found", details: "Traceback" },
  "OS-DCF:diskConfig": "AUTO",
  "OS-EXT-AZ:availability_zone": "nova",
  "OS-SRV-USG:launched_at": "2026-01-01T00:00:00.000000",
  "OS-SRV-USG:terminated_at": "2026-01-01T00:00:00.000000",
  "os-extended-volumes:volumes_attached": [{ id: resourceId(), delete_on_termination: true }],
  description: "A server",
  tags: ["web"],
  trusted_image_certificates: ["a-certificate"],
  server_groups: [resourceId()],
  locked_reason: "maintenance",
  pinned_availability_zone: "nova",
  scheduler_hints: { same_host: [] },
  host_status: "UP",
  "OS-EXT-SRV-ATTR:host": "compute-1",
  "OS-EXT-SRV-ATTR:hypervisor_hostname": "compute-1",
  "OS-EXT-SRV-ATTR:instance_name": "instance-00000001",
  "OS-EXT-SRV-ATTR:hostname": "web",
  "OS-EXT-SRV-ATTR:kernel_id": "",
  "OS-EXT-SRV-ATTR:launch_index": 0,
  "OS-EXT-SRV-ATTR:ramdisk_id": "",
  "OS-EXT-SRV-ATTR:reservation_id": "r-00000001",
  "OS-EXT-SRV-ATTR:root_device_name": "/dev/vda",
  "OS-EXT-SRV-ATTR:user_data": "IyEvYmluL3No",
};

for (const version of VERSIONS) {
  test(`a server with everything, and one with nothing, in ${version}`, async () => {
    const project = new Project(worker);
    const full = await project.server({ attributes: ATTRIBUTES, task_state: "rebooting", power_state: "running" });
    const broken = await project.server({ attributes: ATTRIBUTES, vm_state: "error" });
    const bare = await project.server();
    for (const role of ["member", "admin"]) {
      const options = { token: await project.as(role), headers: { "OpenStack-API-Version": `compute ${version}` } };
      const answers = await Promise.all([full, broken, bare].map((id) => worker.request("GET", `/v2.1/servers/${id}`, options)));
      answers.push(await worker.request("GET", "/v2.1/servers/detail", options));
      for (const answer of answers) assert.equal(answer.status, 200, answer.text);
      const [{ server }, { server: failed }] = [answers[0]?.json(), answers[1]?.json()];
      // The numbers of the microversions and the role decide which are shown, and not in what form.
      for (const [name, value] of Object.entries(ATTRIBUTES)) {
        if (["flavor", "image", "fault"].includes(name) || !Object.hasOwn(server, name)) continue;
        assert.deepEqual(server[name], value, name);
      }
      assert.equal(failed.fault.details, role === "admin" ? "Traceback" : undefined);
    }
  });
}

test("an image with everything, and one with nothing", async () => {
  const project = new Project(worker);
  const token = await project.as("member");
  const full = await project.image({
    metadata: { instance_uuid: resourceId(), auto_disk_config: "True" },
    attributes: { minRam: 512, minDisk: 1, "OS-EXT-IMG-SIZE:size": 1024 },
  });
  const manual = await project.image({ metadata: { instance_uuid: "any text", auto_disk_config: "False" } });
  const shown = async (id: string): Promise<Fields> => {
    const answer = await worker.request("GET", `/v2.1/images/${id}`, { token });
    assert.equal(answer.status, 200, answer.text);
    return answer.json().image;
  };
  assert.equal((await shown(full))["OS-DCF:diskConfig"], "AUTO");
  assert.equal((await shown(manual))["OS-DCF:diskConfig"], "MANUAL");
  assert.equal(((await shown(manual))["server"] as Fields)["id"], "any text");
  for (const [status, progress] of [
    ["queued", 25],
    ["saving", 50],
    ["active", 100],
    ["importing", 0],
  ] as const) {
    await worker.putImage(full, { status });
    assert.equal((await shown(full))["progress"], progress);
  }
});

test("the registry shows attributes, changes, and who an image is shared with", async () => {
  const project = new Project(worker);
  const [member, registrar] = [await project.as("member"), await project.as("admin")];
  for (const visibility of ["public", "community", "shared", "private"]) {
    const id = await project.image({
      visibility,
      members: [project.id],
      observed_at: "2026-01-01T00:00:00Z",
      attributes: { minRam: 1 },
    });
    assert.equal((await worker.record("images", id))?.["visibility"], visibility);
  }
  const [server, image] = [await project.server({ attributes: ATTRIBUTES }), await project.image()];
  for (const [kind, id] of [
    ["servers", server],
    ["images", image],
  ] as const) {
    const wrapper = kind.slice(0, -1);
    await worker.request("DELETE", `/v2.1/${kind}/${id}/metadata/key1`, { token: member });
    await worker.request("PUT", `/v2.1/${kind}/${id}/metadata/key2`, { token: member, body: { meta: { key2: "new" } } });
    const record = await worker.record(kind, id);
    const changes = record?.["changes"] as Record<string, { revision: number; value: string | null }>;
    assert.deepEqual([changes["key1"]?.value, changes["key2"]?.value], [null, "new"]);
    // The list of changes may be behind.
    for (let tries = 0; ; tries += 1) {
      const answer = await worker.request("GET", "/registry/changes?limit=100", { token: registrar });
      if (answer.json().changes.some((change: { kind: string; id: string }) => change.kind === wrapper && change.id === id))
        break;
      assert.ok(tries < 600, answer.text);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    const applied = { key1: changes["key1"]?.revision, key2: changes["key2"]?.revision };
    const answer = await worker.request("PUT", `/registry/${kind}/${id}`, { token: registrar, body: { [wrapper]: { applied } } });
    assert.deepEqual(answer.json()[wrapper].changes, {});
  }
});

for (const [what, path, count] of [
  ["servers", "/v2.1/servers", 3],
  ["servers in full", "/v2.1/servers/detail", 3],
  ["images", "/v2.1/images", 3],
  ["images in full", "/v2.1/images/detail", 3],
  ["records of servers", "/registry/servers", 3],
  ["records of images", "/registry/images", 3],
  ["changes", "/registry/changes", 3],
] as const) {
  test(`a page of ${what} links to the next`, async () => {
    const project = new Project(worker);
    const token = await project.as("admin");
    const [kind] = /servers|images/.exec(path) ?? ["servers"];
    for (let at = 0; at < count; at += 1) {
      const id = kind === "servers" ? await project.server() : await project.image();
      await worker.request("DELETE", `/v2.1/${kind}/${id}/metadata/key1`, { token });
    }
    const list = path === "/registry/changes" ? "changes" : kind;
    const query = path.startsWith("/registry/") && list !== "changes" ? `project_id=${project.id}&limit=2` : "limit=2";
    for (let tries = 0; ; tries += 1) {
      const answer = await worker.request("GET", `${path}?${query}`, { token });
      assert.equal(answer.status, 200, answer.text);
      const [link] = answer.json()[`${list}_links`] ?? [];
      if (link !== undefined && answer.json()[list].length === 2) {
        const next = new URL(link.href);
        assert.equal(link.rel, "next");
        assert.equal((await worker.request("GET", next.pathname + next.search, { token })).json()[list].length > 0, true);
        return;
      }
      assert.ok(tries < 600, answer.text);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  });
}

test("each filter of a list has an effect", async () => {
  const project = new Project(worker);
  const id = await project.server({ name: "web" });
  const options = { token: await project.as("admin"), headers: { "OpenStack-API-Version": "compute 2.90" } };
  const filters =
    operations
      .find(({ template, method }) => template === "/servers" && method === "GET")
      ?.parameters.filter(({ node }) => node["in"] === "query") ?? [];
  const values: Record<string, string> = {
    limit: "1",
    marker: "",
    name: "web",
    status: "ACTIVE",
    uuid: id,
    "changes-since": "2020-01-01T00:00:00Z",
    "changes-before": "2100-01-01T00:00:00Z",
    vm_state: "active",
    task_state: "rebooting",
    power_state: "1",
    locked: "false",
    all_tenants: "false",
    project_id: project.id,
    tenant_id: project.id,
    deleted: "false",
    sort_key: "created_at",
    sort_dir: "desc",
  };
  assert.deepEqual(filters.map(({ node }) => node["name"]).sort(), Object.keys(values).sort());
  for (const [name, value] of Object.entries(values)) {
    const answer = await worker.request("GET", `/v2.1/servers?${name}=${encodeURIComponent(value)}`, options);
    assert.equal(answer.status, 200, `${name}: ${answer.text}`);
  }
});

for (const type of ["application/json", "application/vnd.openstack.compute+json"]) {
  test(`each document as ${type}`, async () => {
    const project = new Project(worker);
    const token = await project.as("member");
    const server = await project.server();
    const image = await project.image();
    for (const path of [
      "/",
      "/v2",
      "/v2.1",
      "/v2.1/servers",
      "/v2.1/servers/detail",
      `/v2.1/servers/${server}`,
      `/v2.1/servers/${server}/metadata`,
      `/v2.1/servers/${server}/metadata/key1`,
      "/v2.1/images",
      "/v2.1/images/detail",
      `/v2.1/images/${image}`,
      `/v2.1/images/${image}/metadata`,
      `/v2.1/images/${image}/metadata/key1`,
    ]) {
      const answer = await worker.request("GET", path, { token, headers: { Accept: type } });
      assert.equal(answer.status, 200, answer.text);
      assert.deepEqual(answer.headers.all("Content-Type"), [type], path);
    }
  });
}

test("a health check as text, HTML and JSON", async () => {
  for (const [accept, type] of [
    ["text/plain", "text/plain; charset=UTF-8"],
    ["text/html", "text/html; charset=UTF-8"],
    ["application/json", "application/json"],
  ] as const) {
    const answer = await worker.request("GET", "/healthcheck", { headers: { Accept: accept } });
    assert.equal(answer.status, 200, answer.text);
    assert.deepEqual(answer.headers.all("Content-Type"), [type]);
  }
});

test("a web page that may call is told what it needs", async () => {
  const preflight = await worker.request("OPTIONS", "/v2.1/servers", {
    headers: { Origin: PAGE, "Access-Control-Request-Method": "GET" },
  });
  assert.equal(preflight.status, 204);
  const answer = await worker.request("GET", "/v2.1/servers", { headers: { Origin: PAGE } });
  assert.equal(answer.status, 401);
  for (const name of ["Access-Control-Allow-Methods", "Access-Control-Allow-Headers", "Access-Control-Max-Age"])
    assert.ok(preflight.headers.has(name), name);
  for (const name of ["Access-Control-Allow-Origin", "Access-Control-Expose-Headers"]) assert.ok(answer.headers.has(name), name);
});

test("the description is served as it is", async () => {
  const answer = await worker.request("GET", "/openapi.json");
  assert.deepEqual(answer.json(), document);
});
