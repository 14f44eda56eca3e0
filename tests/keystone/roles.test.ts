// The contract's role table and the recording's users, each with a token that a real Keystone issued.
import assert from "node:assert/strict";
import { after, test } from "node:test";

import { assertMismatch } from "../answers.ts";
import { resourceId, startWorker, type Answer } from "../harness.ts";
import { recording } from "../recording.ts";
import { settle } from "./people.ts";
import { provider, startKeystone } from "./server.ts";

const keystone = await startKeystone();
const people = await settle(keystone);
const worker = await startWorker({ vars: { KEYSTONE_URL: keystone.url } });
after(async () => {
  await worker.stop();
  await keystone.remove();
});

const { acme, other } = people.projects;
const metadata = { key1: "value1" };
const tokens = new Map<string, Promise<string>>();

function token(name: string): Promise<string> {
  const known = tokens.get(name) ?? people.token(name);
  tokens.set(name, known);
  return known;
}

/** Registers a resource of a project as administrator. */
async function put(kind: "server" | "image", project: string, fields: Record<string, unknown> = {}): Promise<string> {
  const id = resourceId();
  const body = { [kind]: { project_id: project, metadata, ...fields } };
  const answer = await worker.request("PUT", `/registry/${kind}s/${id}`, { token: await token("admin"), body });
  assert.equal(answer.status, 201, answer.text);
  return id;
}

async function statuses(name: string, kind: "server" | "image", id: string): Promise<[read: number, change: number]> {
  const path = `/v2.1/${kind}s/${id}/metadata`;
  const read = await worker.request("GET", path, { token: await token(name) });
  const change = await worker.request("POST", path, { token: await token(name), body: { metadata: { key2: "value2" } } });
  return [read.status, change.status];
}

test(`tokens are issued by the provider of this run: ${provider}`, async () => {
  const issued = await token("alice");
  if (provider === "jws") {
    const header = JSON.parse(Buffer.from(issued.split(".")[0] ?? "", "base64url").toString()) as unknown;
    assert.deepEqual(header, { alg: "ES256", typ: "JWT" });
  } else {
    assert.match(issued, /^gAAAA/);
  }
});

for (const [role, name, own, ownImage, others, visible] of [
  ["service", "norole", [403, 403], [404, 404], [404, 404], [404, 404]],
  ["reader", "rita", [200, 403], [200, 403], [404, 404], [200, 403]],
  ["member", "alice", [200, 200], [200, 200], [404, 404], [200, 403]],
  ["manager", "mona", [200, 200], [200, 200], [404, 404], [200, 403]],
  ["admin", "root1", [200, 200], [200, 200], [200, 200], [200, 200]],
] as const) {
  test(`${role}: servers and images, of the token's project and of another`, async () => {
    assert.deepEqual(await statuses(name, "server", await put("server", acme)), own);
    assert.deepEqual(await statuses(name, "image", await put("image", acme)), ownImage);
    assert.deepEqual(await statuses(name, "server", await put("server", other)), others);
    assert.deepEqual(await statuses(name, "image", await put("image", other)), others);
    assert.deepEqual(await statuses(name, "image", await put("image", other, { visibility: "public" })), visible);
    const shared = await put("image", other, { visibility: "shared", members: [acme] });
    assert.deepEqual(await statuses(name, "image", shared), visible);
  });

  test(`${role}: the registry, and a locked server`, async () => {
    const id = await put("server", acme, { locked: true });
    const { status } = await worker.request("GET", `/registry/servers/${id}`, { token: await token(name) });
    assert.equal(status, role === "service" || role === "admin" ? 200 : 403);
    const [, change] = await statuses(name, "server", id);
    assert.equal(change, { service: 403, reader: 403, member: 409, manager: 409, admin: 200 }[role]);
  });
}

test("any other role allows nothing", async () => {
  const user = await keystone.user("auditor");
  await keystone.grant(user, "auditor", `/projects/${acme}`);
  tokens.set("auditor", keystone.token(user, { project: { id: acme } }));
  assert.deepEqual(await statuses("auditor", "server", await put("server", acme)), [403, 403]);
  assert.deepEqual(await statuses("auditor", "image", await put("image", acme)), [404, 404]);
});

test("another project in the URL is 400; a token without a project is None", async () => {
  const path = (project: string): string => `/v2.1/${project}/servers/${resourceId()}/metadata`;
  const ask = async (name: string, project: string): Promise<Answer> =>
    worker.request("GET", path(project), { token: await token(name) });
  assert.equal((await ask("alice", acme)).status, 404);
  assertMismatch(await ask("alice", other), other, acme);
  assertMismatch(await ask("unscoped", acme), acme, "None");
  assertMismatch(await ask("system", acme), acme, "None");
});

test("unscoped, domain and system scope: servers 403; images 404, but the system admin's 200; registry 403", async () => {
  const user = await keystone.user("dora");
  for (const role of ["reader", "member"]) await keystone.grant(user, role, "/domains/default");
  tokens.set("domain", keystone.token(user, { domain: { id: "default" } }));
  const admin = await keystone.user("ada");
  await keystone.grant(admin, "admin", "/domains/default");
  tokens.set("domain admin", keystone.token(admin, { domain: { id: "default" } }));
  const server = await put("server", acme);
  const image = await put("image", acme);
  const open = await put("image", acme, { visibility: "public" });
  for (const name of ["unscoped", "domain", "domain admin"]) {
    assert.deepEqual(await statuses(name, "server", server), [403, 403], name);
    assert.deepEqual(await statuses(name, "image", image), [404, 404], name);
    assert.deepEqual(await statuses(name, "image", open), [404, 404], name);
  }
  assert.deepEqual(await statuses("system", "server", server), [403, 403]);
  assert.deepEqual(await statuses("system", "image", image), [200, 200]);
  for (const name of ["unscoped", "domain", "domain admin", "system"]) {
    const { status } = await worker.request("GET", `/registry/servers/${server}`, { token: await token(name) });
    assert.equal(status, 403, name);
  }
});

// P: a token without a project is 403, where Nova answers 500.
const BETTER: Record<string, number> = { "s/auth/unscoped/list": 403 };
const WHO = ["garbage", "gaaaa", "unscoped", "system", "norole", "svc"];
const WHAT = recording.filter(({ case: name, request }) => /^[si]\/auth\/\w+\//.test(name) && WHO.includes(request.token ?? ""));

test("the recording uses exactly these tokens", () => {
  assert.equal(WHAT.length, 22);
});

for (const { case: name, request, status, body } of WHAT) {
  test(`as recorded: ${name}`, async () => {
    const kind = name.startsWith("s/") ? "server" : "image";
    const id = await put(kind, acme, { metadata: { foo: "bar", key1: "value1" } });
    const path = request.path.replace("{acme}", acme).replace(/(servers|images)\/[0-9a-f-]{36}/, `$1/${id}`);
    const invalid: Record<string, string> = { garbage: "garbage", gaaaa: `gAAAAA${"x".repeat(180)}` };
    const answer = await worker.request(request.method, path, {
      token: invalid[request.token ?? ""] ?? (await token(request.token ?? "")),
    });
    assert.equal(answer.status, BETTER[name] ?? status, answer.text);
    if (status === 401) {
      assert.deepEqual(answer.json(), JSON.parse(body));
      assert.deepEqual(answer.headers.all("WWW-Authenticate"), [`Keystone uri="${keystone.url}"`]);
    }
    if (status === 400 || status === 403) {
      const expected = body.replace("{acme}", acme).replace("{service}", people.projects.service);
      assert.deepEqual(answer.json(), JSON.parse(expected));
    }
  });
}
