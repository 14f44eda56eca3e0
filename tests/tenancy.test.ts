// Isolation of projects: every operation × caller, what is revealed of other projects' resources, and attempts to
// reach them. The role table itself, by the example of DELETE, is in roles.test.ts.
import assert from "node:assert/strict";
import { after, test } from "node:test";

import { assertFault, assertUnauthorized } from "./answers.ts";
import { projectId, resourceId, startWorker, type Answer, type HeaderList, type RequestOptions } from "./harness.ts";
import { median } from "./median.ts";
import { Project } from "./project.ts";

const worker = await startWorker();
after(() => worker.stop());

const ITEMS = { key1: "value1", key2: "value2" };

interface Operation {
  method: string;
  path: (kind: string, id: string) => string;
  body?: object;
  /** N's policy name, for servers. */
  right: string;
  changes: boolean;
}

const item = (kind: string, id: string): string => `/${kind}/${id}/metadata/key1`;
const all = (kind: string, id: string): string => `/${kind}/${id}/metadata`;

const OPERATIONS: Record<string, Operation> = {
  show: { method: "GET", path: (kind, id) => `/${kind}/${id}`, right: "servers:show", changes: false },
  "show (HEAD)": { method: "HEAD", path: (kind, id) => `/${kind}/${id}`, right: "servers:show", changes: false },
  "all items": { method: "GET", path: all, right: "server-metadata:index", changes: false },
  merge: { method: "POST", path: all, body: { metadata: { new: "x" } }, right: "server-metadata:create", changes: true },
  replace: { method: "PUT", path: all, body: { metadata: { new: "x" } }, right: "server-metadata:update_all", changes: true },
  "one item": { method: "GET", path: item, right: "server-metadata:show", changes: false },
  "write one item": { method: "PUT", path: item, body: { meta: { key1: "x" } }, right: "server-metadata:update", changes: true },
  "delete one item": { method: "DELETE", path: item, right: "server-metadata:delete", changes: true },
};

const KINDS = ["servers", "images"] as const;
const PREFIXES = ["", "/v2", "/v2.1", "/v2/{project}", "/v2.1/{project}"];

type Kind = (typeof KINDS)[number];

function make(project: Project, kind: Kind, fields = {}): Promise<string> {
  return kind === "servers" ? project.server(fields) : project.image(fields);
}

function send(operation: Operation, path: string, options: RequestOptions): Promise<Answer> {
  const { method, body } = operation;
  return worker.request(method, path, body === undefined ? options : { body, ...options });
}

for (const kind of KINDS) {
  for (const [name, operation] of Object.entries(OPERATIONS)) {
    const unseen = (answer: Answer, id: string): void => {
      if (operation.method === "HEAD") assert.equal(answer.status, 404);
      else
        assertFault(answer, 404, "itemNotFound", kind === "servers" ? `Instance ${id} could not be found.` : "Image not found.");
    };
    const forbidden = (answer: Answer, id: string): void => {
      const ofServer = `Policy doesn't allow os_compute_api:${operation.right} to be performed.`;
      if (operation.method === "HEAD") assert.equal(answer.status, 403);
      else assertFault(answer, 403, "forbidden", kind === "servers" ? ofServer : `Not authorized for image ${id}.`);
    };

    test(`${kind}, ${name}: allowed, wrong role, wrong project, no token, unknown token, expired token`, async () => {
      const project = new Project(worker);
      const id = await make(project, kind);
      const path = operation.path(kind, id);
      const ask = async (token?: string): Promise<Answer> => send(operation, path, token === undefined ? {} : { token });
      const unauthorized = (answer: Answer): void => {
        if (operation.method === "HEAD") assert.equal(answer.status, 401);
        else assertUnauthorized(answer, worker);
      };

      unauthorized(await ask());
      unauthorized(await ask("nobody's token"));
      unauthorized(await ask(await worker.token({ project: project.id, roles: ["admin"], expiresIn: -1 })));
      for (const roles of [[], ["service"], ["wizard"]]) {
        const answer = await ask(await worker.token({ project: project.id, roles }));
        if (kind === "servers") forbidden(answer, id);
        else unseen(answer, id);
      }
      for (const role of ["reader", "member", "manager"]) {
        unseen(await ask(await worker.token({ project: projectId(), roles: [role] })), id);
      }
      const reader = await ask(await project.as("reader"));
      if (operation.changes) forbidden(reader, id);
      else assert.equal(reader.status, 200);
      assert.deepEqual(await worker.metadata(kind, id), ITEMS, "refused requests change nothing");

      const member = await ask(await project.as("member"));
      assert.equal(member.status, operation.method === "DELETE" ? 204 : 200, member.text);
      if (operation.changes) assert.notDeepEqual(await worker.metadata(kind, id), ITEMS);
      else assert.deepEqual(await worker.metadata(kind, id), ITEMS);
    });

    test(`${kind}, ${name}: another project's resource answers as one that does not exist`, async () => {
      const stranger = new Project(worker);
      const owner = new Project(worker);
      const states = kind === "servers" ? [{}, { locked: true }, { vm_state: "error" }] : [{}, { status: "queued" }];
      for (const role of ["reader", "member", "manager"]) {
        const token = await stranger.as(role);
        for (const [at, prefix] of PREFIXES.entries()) {
          const theirs = await make(owner, kind, states[at % states.length]);
          const unknown = resourceId();
          const ask = async (id: string): Promise<unknown> => {
            const path = `${prefix.replace("{project}", stranger.id)}${operation.path(kind, id)}`;
            return told(await send(operation, path, { token }), id);
          };
          const answer = await ask(theirs);
          assert.deepEqual(answer, await ask(unknown), `${role} ${prefix}`);
          assert.deepEqual(await worker.metadata(kind, theirs), ITEMS);
        }
      }
    });
  }

  test(`${kind}: lists show nothing of another project, whatever is asked for`, async () => {
    const owner = new Project(worker);
    const stranger = new Project(worker);
    const id = await make(owner, kind, { name: "secret-name" });
    const names = async (project: Project, role: string, query: string): Promise<Answer> =>
      worker.request("GET", `/v2.1/${kind}${query}`, { token: await project.as(role) });
    const patience = Date.now() + 20_000;
    while (!(await names(owner, "member", "")).text.includes(id)) {
      assert.ok(Date.now() < patience, "the list was not updated in time");
    }
    for (const role of ["reader", "member", "manager", "service", "admin"]) {
      for (const query of [
        "",
        "/detail",
        "?name=secret-name",
        "?all_tenants=1",
        "/detail?all_tenants=True",
        `?project_id=${owner.id}`,
        `?tenant_id=${owner.id}`,
        `?tenant_id=${owner.id}&all_tenants=0`,
        `?owner=${owner.id}`,
        `?uuid=${id}`,
        `?marker=${id}`,
        // Whoever is no admin; an admin may ask for any project's list (list-parameters.test.ts).
        ...(role === "admin" ? [] : [`?tenant_id=${owner.id}&all_tenants=1`, `/detail?project_id=${owner.id}&all_tenants=`]),
      ]) {
        const answer = await names(stranger, role, query);
        const shown = query.includes("marker") ? answer.text.replaceAll(`marker [${id}] not found`, "") : answer.text;
        assert.ok(!shown.includes(id) && !shown.includes("secret"), `${role} ${query}: ${answer.text}`);
      }
      if (role === "admin") continue;
      const unknown = resourceId();
      const marked = async (marker: string): Promise<unknown> => told(await names(stranger, role, `?marker=${marker}`), marker);
      assert.deepEqual(await marked(id), await marked(unknown));
    }
  });
}

/** An answer without what differs between requests: the request's id, the time, and the requested id. */
function told(answer: Answer, id: string): unknown {
  const own = ["x-compute-request-id", "x-openstack-request-id", "date"];
  const headers = answer.headers.list.filter(([name]) => !own.includes(name.toLowerCase()));
  return { status: answer.status, headers, body: answer.text.replaceAll(id, "{id}") };
}

test("the time of an answer does not reveal whether another project's server exists", async () => {
  const stranger = new Project(worker);
  const owner = new Project(worker);
  const rounds = 120;
  const token = await stranger.as("member");
  const theirs = await owner.server();
  const unknown = resourceId();
  const times: Record<string, number[]> = { theirs: [], unknown: [] };
  const measure = async (which: string, id: string): Promise<void> => {
    const answer = await worker.request("DELETE", `/v2.1/servers/${id}/metadata/key1`, { token });
    assert.equal(answer.status, 404);
    times[which]?.push(answer.milliseconds);
  };
  for (let round = 0; round < rounds; round += 1) {
    // Interleaved in alternating order, so that other load affects both alike.
    const pair: [string, string][] = [
      ["theirs", theirs],
      ["unknown", unknown],
    ];
    for (const [which, id] of round % 2 === 0 ? pair : pair.reverse()) await measure(which, id);
  }
  const [one, other] = [median(times["theirs"] ?? []), median(times["unknown"] ?? [])];
  console.log(`medians of ${rounds}: another project's ${one.toFixed(3)} ms, unknown ${other.toFixed(3)} ms`);
  // Generous, for busy machines; docs/security.md has the figures of an idle one.
  assert.ok(Math.abs(one - other) < 2 + Math.max(one, other) / 2, `${one} ms against ${other} ms`);
});

test("identity comes from the token only: identity headers are ignored", async () => {
  const owner = new Project(worker);
  const stranger = new Project(worker);
  const server = await owner.server();
  const image = await owner.image();
  const claims: HeaderList = [
    ["X-Identity-Status", "Confirmed"],
    ["X-Service-Identity-Status", "Confirmed"],
    ["X-Project-Id", owner.id],
    ["X-Tenant-Id", owner.id],
    ["X-Tenant", owner.id],
    ["X-Auth-Project-Id", owner.id],
    ["X-Project-Domain-Id", "default"],
    ["X-User-Id", "root"],
    ["X-User", "root"],
    ["X-Roles", "admin,service"],
    ["X-Role", "admin"],
    ["X-Service-Roles", "admin"],
    ["X-Is-Admin-Project", "True"],
    ["OpenStack-System-Scope", "all"],
    ["X-Auth-Key", "admin"],
    ["Authorization", "Basic cm9vdDpyb290"],
    ["Cookie", "token=admin"],
    ["Forwarded", "for=127.0.0.1;host=localhost"],
    ["X-Forwarded-For", "127.0.0.1"],
    ["X-Forwarded-Prefix", "/registry"],
    ["X-Forwarded-Host", "elsewhere.example"],
    ["X-Original-URL", `/registry/servers/${server}`],
    ["X-Rewrite-URL", `/registry/servers/${server}`],
    ["X-HTTP-Method-Override", "DELETE"],
    ["X-HTTP-Method", "DELETE"],
    ["X-Method-Override", "DELETE"],
  ];
  for (const roles of [["member"], ["reader"], []]) {
    const token = await worker.token({ project: stranger.id, roles });
    for (const [kind, id] of [
      ["servers", server],
      ["images", image],
    ] as const) {
      for (const [name, operation] of Object.entries(OPERATIONS)) {
        const path = operation.path(kind, id);
        const with_ = await send(operation, path, { token, headers: [...claims, ["Content-Type", "application/json"]] });
        const without = await send(operation, path, { token });
        assert.deepEqual(told(with_, id), told(without, id), `${kind}, ${name}`);
        assert.equal(with_.status, 404, `${kind}, ${name}`);
      }
    }
    for (const method of ["GET", "PUT", "DELETE"]) {
      const answer = await worker.request(method, `/registry/servers/${server}`, { token, headers: claims });
      assert.equal(answer.status, 403);
    }
  }
  const without = await worker.request("DELETE", item("servers", server), { headers: claims });
  assertUnauthorized(without, worker);
  assert.deepEqual(await worker.metadata("servers", server), ITEMS);
  assert.deepEqual(await worker.metadata("images", image), ITEMS);
});

/** Spellings of a path to `{victim}`, sent by the owner of `{own}`. */
const TRICKS = [
  "/servers/{victim}/metadata/key1",
  "/v2.1/{project}/servers/{own}/metadata/../../{victim}/metadata/key1",
  "/v2.1/{project}/servers/{own}/../{victim}/metadata/key1",
  "/v2.1/{project}/servers/{own}%2F..%2F{victim}/metadata/key1",
  "/v2.1/{project}/servers/{own}/%2e%2e/{victim}/metadata/key1",
  "/v2.1/{project}/servers/{own}/%2E%2E%2F{victim}/metadata/key1",
  "/v2.1/{project}/servers/{own}/metadata/..%2F..%2F{victim}%2Fmetadata%2Fkey1",
  "/v2.1/{project}/servers/{own}/metadata/%252e%252e%252f{victim}",
  "/v2.1/{project}/servers/{own}\\..\\{victim}\\metadata\\key1",
  "/v2.1/{project}/servers/{own}%5C..%5C{victim}/metadata/key1",
  "/v2.1/{project}/servers/{own};/{victim}/metadata/key1",
  "/v2.1/{project}/servers/{own}%00{victim}/metadata/key1",
  "/v2.1/{project}/servers/{victim}%00/metadata/key1",
  "/v2.1/{project}/servers/{victim}%20/metadata/key1",
  "/v2.1/{project}/servers/{victim}%0A/metadata/key1",
  "/v2.1/{project}/servers/{VICTIM}/metadata/key1",
  "/v2.1/{project}/servers/%7B{victim}%7D/metadata/key1",
  "/v2.1/{project}/servers/urn:uuid:{victim}/metadata/key1",
  "/v2.1/{project}/servers/server:{victim}/metadata/key1",
  "/v2.1/{project}/servers/{victim-with-%2D}/metadata/key1",
  "/v2.1/{project}/servers/{victim-full-width}/metadata/key1",
  "/v2.1/{project}/servers/{victim-with-cyrillic}/metadata/key1",
  "/v2.1/{project}/servers/{victim-with-soft-hyphens}/metadata/key1",
  "/v2.1/{project}/servers/{victim}%E2%80%8B/metadata/key1",
  "/v2.1/{project}/servers/{own}%C0%AF..%C0%AF{victim}/metadata/key1",
  "/v2.1/{project}/servers/%C0%AE%C0%AE/{victim}/metadata/key1",
  "/v2.1/{project}/servers/{own}%EF%BC%8F{victim}/metadata/key1",
  "/v2.1/{project}/servers/{own}%E2%88%95..%E2%88%95{victim}/metadata/key1",
  "/v2.1/{project}/servers/{own}/metadata/key1/../../../{victim}/metadata/key1",
  "/v2.1/{project}//servers//{victim}//metadata//key1",
  "//v2.1//{project}//servers/{victim}/metadata/key1",
  "/v2.1/{project}/SERVERS/{victim}/metadata/key1",
  "/v2.1/{project}/servers/{victim}/METADATA/key1",
  "/v2.1/{owner}/servers/{victim}/metadata/key1",
  "/v2.1/{OWNER}/servers/{victim}/metadata/key1",
  "/v2.1/{owner}%20/servers/{victim}/metadata/key1",
  "/v2.1/{project}/../{owner}/servers/{victim}/metadata/key1",
  "/v2.1/{project}%2F..%2F{owner}/servers/{victim}/metadata/key1",
  "/v2.1/{project}/{owner}/servers/{victim}/metadata/key1",
  "/v2.1/{project},{owner}/servers/{victim}/metadata/key1",
  "/v2.1/{project}/servers/{own}/metadata/key1?id={victim}&project_id={owner}",
  "/v2.1/{project}/servers/{own}/metadata/key1#/../../{victim}/metadata/key1",
  "/v2.1/{project}/servers/{own},{victim}/metadata/key1",
  "/v2.1/{project}/images/{victim}/metadata/key1",
  `/v2.1/{project}/servers/${"a/../".repeat(500)}{victim}/metadata/key1`,
  `/v2.1/{project}/servers/{victim}${"%00".repeat(2000)}/metadata/key1`,
  `/v2.1/{project}/servers/{victim}/metadata/${"key1".repeat(2000)}`,
  "/registry/servers/{victim}",
  "//registry/servers/{victim}",
  "/%72egistry/servers/{victim}",
  "/Registry/servers/{victim}",
  "/registry%2Fservers%2F{victim}",
  "/registry/servers%2F{victim}",
  "/v2.1/../registry/servers/{victim}",
  "/v2.1/{project}/../../registry/servers/{victim}",
  "/v2.1/%2e%2e/registry/servers/{victim}",
  "/v2.1/..%2Fregistry/servers/{victim}",
  "/v2.1/registry/servers/{victim}",
  "/v2.1/{project}/registry/servers/{victim}",
  "/registry;/servers/{victim}",
  "/registry%20/servers/{victim}",
  "/%EF%BD%92egistry/servers/{victim}",
  "/http://elsewhere.example/registry/servers/{victim}",
];

test("no spelling of a path reaches another project's server, or the registry", async () => {
  const owner = new Project(worker);
  const stranger = new Project(worker);
  // Contains a letter of each kind, so that every look-alike differs.
  const victim = `abcdef00-${resourceId().slice(9)}`;
  await worker.putServer(victim, { project_id: owner.id, metadata: ITEMS });
  await worker.putImage(victim, { project_id: owner.id, metadata: ITEMS });
  const spellings: Record<string, string> = {
    victim,
    VICTIM: victim.toUpperCase(),
    "victim-with-%2D": victim.replaceAll("-", "%2D"),
    "victim-full-width": encodeURIComponent(victim.replace(/[0-9a-f]/g, (c) => String.fromCodePoint(c.charCodeAt(0) + 0xfee0))),
    "victim-with-cyrillic": encodeURIComponent(
      victim.replaceAll("a", "\u0430").replaceAll("c", "\u0441").replaceAll("e", "\u0435"),
    ),
    "victim-with-soft-hyphens": encodeURIComponent(victim.replaceAll("-", "\u00ad")),
    project: stranger.id,
    owner: owner.id,
    OWNER: owner.id.toUpperCase(),
  };
  for (const role of ["member", "manager"]) {
    const own = await stranger.server();
    spellings["own"] = own;
    for (const trick of TRICKS) {
      const path = trick.replace(/\{([^{}]+)\}/g, (_, name: string) => spellings[name] ?? name);
      for (const [method, body] of [
        ["DELETE", undefined],
        ["GET", undefined],
        ["PUT", { server: { locked: true, name: "reached" } }],
        ["PUT", { meta: { key1: "reached" } }],
        ["POST", { metadata: { reached: "1" } }],
      ] as const) {
        const token = await stranger.as(role);
        const answer = await worker.request(method, path, body === undefined ? { token } : { token, body });
        const shown = `${role} ${method} ${trick.slice(0, 100)}: ${answer.status} ${answer.text.slice(0, 200)}`;
        assert.ok(answer.status < 500, shown);
        // Every 2xx was about the caller's own server.
        if (answer.status < 300) assert.ok(trick.includes("{own}"), shown);
        assert.ok(!answer.text.includes("value2") || trick.includes("{own}"), shown);
      }
    }
  }
  for (const kind of KINDS) {
    const { metadata, project_id, name } = (await worker.record(kind, victim)) ?? {};
    assert.deepEqual({ metadata, project_id, name }, { metadata: ITEMS, project_id: owner.id, name: "" }, kind);
  }
});

test("look-alikes of an id or a key are other ids and keys, for the owner too", async () => {
  const project = new Project(worker);
  const id = `abcdef00-${resourceId().slice(9)}`;
  await worker.putServer(id, { project_id: project.id, metadata: ITEMS });
  for (const path of [
    `/servers/${encodeURIComponent(id.replace("a", "\u0430"))}/metadata/key1`,
    `/servers/${encodeURIComponent(id.replaceAll("-", "\u2010"))}/metadata/key1`,
    `/servers/${encodeURIComponent(id.normalize("NFD"))}%CC%81/metadata/key1`,
    `/servers/${id.toUpperCase()}/metadata/key1`,
    `/servers/${id}/metadata/KEY1`,
    `/servers/${id}/metadata/%EF%BD%8Bey1`,
    `/servers/${id}/metadata/k%D0%B5y1`,
    `/servers/${id}/metadata/key%EF%BC%91`,
    `/servers/${id}/metadata/key1%E2%80%8D`,
    `/servers/${id}/metadata/%E2%80%AEkey1`,
    `/servers/${id}/metadata/key1%00`,
    `/servers/${id}/metadata/${"key1".padEnd(8000, "1")}`,
    `/servers/${id}/${encodeURIComponent("m\u0435tadata")}/key1`,
    `/${encodeURIComponent("s\u0435rvers")}/${id}/metadata/key1`,
    `/${encodeURIComponent("\u017fervers")}/${id}/metadata/key1`,
  ]) {
    assert.equal((await project.delete(path)).status, 404, path);
  }
  assert.deepEqual(await worker.metadata("servers", id), ITEMS);
});
