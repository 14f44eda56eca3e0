// The contract's "Tokens", with embedded claims in KV.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { assertFault, assertNoContent, assertUnauthorized } from "./answers.ts";
import { startWorker, tokenKey, type Answer } from "./harness.ts";
import { Project } from "./project.ts";

const CACHE_SECONDS = 1;
const worker = await startWorker({ vars: { TOKEN_CACHE_SECONDS: String(CACHE_SECONDS) } });
after(() => worker.stop());

const aSecondAndABit = CACHE_SECONDS * 1000 + 300;
const inAnHour = (): string => new Date(Date.now() + 3_600_000).toISOString();
const randomToken = (): string => randomBytes(16).toString("hex");

/** Probes a token: an unknown key is 404 for every caller that may delete, and changes nothing. */
async function probe(project: Project, token: string): Promise<number> {
  const id = await servers(project);
  return (await project.delete(project.serverItem(id, "nope"), { token })).status;
}

const known = new WeakMap<Project, Promise<string>>();
function servers(project: Project): Promise<string> {
  const id = known.get(project) ?? project.server();
  known.set(project, id);
  return id;
}

async function putValue(token: string, value: unknown): Promise<void> {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  await (await worker.kv()).put(tokenKey(token), text);
}

test("a token is looked up by its SHA-256 and works at once", async () => {
  const project = new Project(worker);
  assert.equal(await probe(project, await project.as("member")), 404);
});

test("401: no token", async () => {
  const project = new Project(worker);
  const id = await project.server();
  assertUnauthorized(await worker.request("DELETE", project.serverItem(id, "key1")), worker);
});

for (const [what, token] of [
  ["unknown", "0123456789abcdef0123456789abcdef"],
  ["empty", ""],
  ["white space", " \t "],
  ["very long", "x".repeat(8000)],
  ["a path", "../../token"],
  ["not ASCII", "tök€n"],
  ["JSON", '{"roles": ["admin"]}'],
  ["quoted", '"admin"'],
] as const) {
  test(`401: a token that is ${what}`, async () => {
    const project = new Project(worker);
    const id = await project.server();
    assertUnauthorized(await project.delete(project.serverItem(id, "key1"), { token }), worker);
  });
}

test("401: neither a token's digest nor its KV key is accepted as a token", async () => {
  const project = new Project(worker);
  const token = await project.as("member");
  assert.equal(await probe(project, tokenKey(token)), 401);
  assert.equal(await probe(project, tokenKey(token).replace("token:", "")), 401);
});

test("401: tokens are compared exactly", async () => {
  const project = new Project(worker);
  const token = await worker.token({ token: `Ab${randomToken()}`, project: project.id, roles: ["member"] });
  assert.equal(await probe(project, token), 404);
  for (const other of [token.toLowerCase(), token.toUpperCase(), `${token}0`, token.slice(0, -1), `${token},${token}`]) {
    assert.equal(await probe(project, other), 401, other);
  }
});

test("white space around a token is stripped", async () => {
  const project = new Project(worker);
  const token = await project.as("member");
  assert.equal(await probe(project, ` ${token} `), 404);
  assert.equal(await probe(project, `\t${token}\t `), 404);
});

test("401: white space within a token is not stripped", async () => {
  const project = new Project(worker);
  const token = await project.as("member");
  assert.equal(await probe(project, `${token.slice(0, 8)} ${token.slice(8)}`), 401);
});

test("401: expired", async () => {
  const project = new Project(worker);
  const token = await worker.token({ project: project.id, roles: ["member"], expiresIn: -1 });
  assert.equal(await probe(project, token), 401);
});

test("401: expires while its claims are in memory", async () => {
  // The default cache period is minutes; expiry takes effect at once.
  const patient = await startWorker();
  try {
    const project = new Project(patient);
    const id = await project.server();
    const token = await patient.token({ project: project.id, roles: ["member"], expiresIn: 2 });
    assert.equal((await project.delete(project.serverItem(id, "nope"), { token })).status, 404);
    await sleep(2200);
    assertUnauthorized(await project.delete(project.serverItem(id, "nope"), { token }), patient);
  } finally {
    await patient.stop();
  }
});

test("401: revoked, at most TOKEN_CACHE_SECONDS later", async () => {
  const project = new Project(worker);
  const token = await worker.token({ project: project.id, roles: ["member"] });
  assert.equal(await probe(project, token), 404);
  await worker.revoke(token);
  await sleep(aSecondAndABit);
  assert.equal(await probe(project, token), 401);
});

test("401: revoked, although it is in constant use", async () => {
  const project = new Project(worker);
  const token = await worker.token({ project: project.id, roles: ["member"] });
  await probe(project, token);
  await worker.revoke(token);
  const until = Date.now() + aSecondAndABit;
  // A cache that renews entries on use would keep the token for ever.
  while (Date.now() < until) {
    await probe(project, token);
    await sleep(50);
  }
  assert.equal(await probe(project, token), 401);
});

test("claims are cached in memory: a token that was just used needs no KV read", async () => {
  const patient = await startWorker();
  try {
    const project = new Project(patient);
    const id = await project.server();
    const token = await patient.token({ project: project.id, roles: ["member"] });
    assert.equal((await project.delete(project.serverItem(id, "nope"), { token })).status, 404);
    await patient.revoke(token);
    assert.equal((await project.delete(project.serverItem(id, "nope"), { token })).status, 404);
  } finally {
    await patient.stop();
  }
});

test("a changed role takes effect at most TOKEN_CACHE_SECONDS later", async () => {
  const project = new Project(worker);
  const token = await worker.token({ project: project.id, roles: ["reader"] });
  assert.equal(await probe(project, token), 403);
  await worker.token({ token, project: project.id, roles: ["member"] });
  await sleep(aSecondAndABit);
  assert.equal(await probe(project, token), 404);
});

test("a token that is created after it was refused works at most TOKEN_CACHE_SECONDS later", async () => {
  const project = new Project(worker);
  const token = randomToken();
  assert.equal(await probe(project, token), 401);
  await worker.token({ token, project: project.id, roles: ["member"] });
  await sleep(aSecondAndABit);
  assert.equal(await probe(project, token), 404);
});

test("a token survives a restart", async () => {
  const restarted = await startWorker();
  try {
    const project = new Project(restarted);
    const id = await project.server();
    await restarted.restart();
    assertNoContent(await project.delete(project.serverItem(id, "key1")));
  } finally {
    await restarted.stop();
  }
});

test("X-Storage-Token is accepted like X-Auth-Token", async () => {
  const project = new Project(worker);
  const id = await project.server();
  const headers = { "X-Storage-Token": await project.as("member") };
  assertNoContent(await worker.request("DELETE", project.serverItem(id, "key1"), { headers }));
  const unknown = { "X-Storage-Token": randomToken() };
  assertUnauthorized(await worker.request("DELETE", project.serverItem(id, "key2"), { headers: unknown }), worker);
});

test("X-Auth-Token takes precedence over X-Storage-Token", async () => {
  const project = new Project(worker);
  const id = await project.server();
  const good = await project.as("member");
  const path = project.serverItem(id, "key1");
  const headers = { "X-Storage-Token": good };
  assertUnauthorized(await worker.request("DELETE", path, { token: randomToken(), headers }), worker);
  const other = { "X-Storage-Token": randomToken() };
  assertNoContent(await worker.request("DELETE", path, { token: good, headers: other }));
});

test("401: bearer tokens, cookies and query parameters are not accepted", async () => {
  const project = new Project(worker);
  const id = await project.server();
  const token = await project.as("member");
  const path = project.serverItem(id, "key1");
  for (const headers of [
    { Authorization: `Bearer ${token}` },
    { Authorization: token },
    { Cookie: `X-Auth-Token=${token}` },
    { "X-Subject-Token": token },
    { "X-Service-Token": token },
  ]) {
    assertUnauthorized(await worker.request("DELETE", path, { headers }), worker);
  }
  assertUnauthorized(await worker.request("DELETE", `${path}?X-Auth-Token=${token}`), worker);
});

test("N 401: a service token must be valid as well", async () => {
  const project = new Project(worker);
  const id = await project.server();
  const token = await project.as("member");
  const path = project.serverItem(id, "key1");
  const invalid = await project.delete(path, { token, headers: { "X-Service-Token": randomToken() } });
  assertUnauthorized(invalid, worker);
  const service = await new Project(worker).as("service");
  assertNoContent(await project.delete(path, { token, headers: { "X-Service-Token": service } }));
});

test("K: a service token that is empty or white space counts as absent", async () => {
  const project = new Project(worker);
  const id = await project.server();
  const token = await project.as("member");
  const path = project.serverItem(id, "nope");
  for (const empty of ["", " ", "\t"]) {
    const { status } = await project.delete(path, { token, headers: { "X-Service-Token": empty } });
    assert.equal(status, 404);
  }
});

const forged = (project: string): Record<string, string> => ({
  "X-Identity-Status": "Confirmed",
  "X-User-Id": "admin",
  "X-User": "admin",
  "X-Project-Id": project,
  "X-Tenant-Id": project,
  "X-Roles": "admin",
  "X-Role": "admin",
  "X-Is-Admin-Project": "True",
  "X-Domain-Id": "default",
});

test("401: identity headers without a token", async () => {
  const project = new Project(worker);
  const id = await project.server();
  const answer = await worker.request("DELETE", project.serverItem(id, "key1"), { headers: forged(project.id) });
  assertUnauthorized(answer, worker);
});

test("identity headers beside a token are ignored", async () => {
  const project = new Project(worker);
  const other = new Project(worker);
  const id = await other.server();
  const headers = forged(other.id);
  const asReader = await project.delete(`/servers/${id}/metadata/key1`, { token: await project.as("reader"), headers });
  assertFault(asReader, 404, "itemNotFound", `Instance ${id} could not be found.`);
  const own = await project.server();
  const asRoot = await project.delete(`/servers/${own}/metadata/key1`, { token: await project.as("reader"), headers });
  const message = "Policy doesn't allow os_compute_api:server-metadata:delete to be performed.";
  assertFault(asRoot, 403, "forbidden", message);
});

test("unknown fields of the claims are ignored", async () => {
  const project = new Project(worker);
  const token = randomToken();
  const claims = { user_id: "u", project_id: project.id, roles: ["member"], expires_at: inAnHour() };
  await putValue(token, { ...claims, audit_id: "a", is_admin: true, cached_until: "1970-01-01T00:00:00Z" });
  assert.equal(await probe(project, token), 404);
  const owner = await new Project(worker).server();
  assert.equal((await project.delete(`/servers/${owner}/metadata/key1`, { token })).status, 404);
});

test("expires_at is read with and without fractions of a second", async () => {
  const project = new Project(worker);
  for (const expires_at of ["2099-12-31T23:59:59Z", "2099-12-31T23:59:59.123Z", "2099-12-31T23:59:59.123456Z"]) {
    const token = randomToken();
    await putValue(token, { user_id: "u", project_id: project.id, roles: ["member"], expires_at });
    assert.equal(await probe(project, token), 404, expires_at);
  }
});

test("401: a KV value that is not valid claims", async () => {
  const project = new Project(worker);
  const claims = { user_id: "u", project_id: project.id, roles: ["member"], expires_at: inAnHour() };
  const without = (name: string): unknown => Object.fromEntries(Object.entries(claims).filter(([key]) => key !== name));
  const values: unknown[] = [
    "",
    "{",
    "not JSON",
    "null",
    "[]",
    '"member"',
    "1",
    {},
    without("user_id"),
    without("expires_at"),
    { ...claims, roles: "admin" },
    { ...claims, roles: { admin: true } },
    { ...claims, roles: [1] },
    { ...claims, project_id: 1 },
    { ...claims, user_id: null },
    { ...claims, expires_at: null },
    { ...claims, expires_at: 4102444800 },
    { ...claims, expires_at: "" },
    { ...claims, expires_at: "tomorrow" },
    { ...claims, expires_at: "2099-13-31T00:00:00Z" },
    { ...claims, expires_at: "2099-12-31" },
  ];
  for (const value of values) {
    const token = randomToken();
    await putValue(token, value);
    assert.equal(await probe(project, token), 401, JSON.stringify(value));
  }
});

test("claims without roles allow nothing", async () => {
  const project = new Project(worker);
  const id = await project.server();
  for (const claims of [{}, { roles: [] }]) {
    const token = randomToken();
    await putValue(token, { user_id: "u", project_id: project.id, expires_at: inAnHour(), ...claims });
    const { status } = await project.delete(project.serverItem(id, "key1"), { token });
    // The contract leaves open whether claims without roles are valid.
    assert.ok(status === 403 || status === 401, String(status));
  }
  assert.deepEqual(await worker.metadata("servers", id), { key1: "value1", key2: "value2" });
});

test("401: entries that Keystone mode writes to KV are not read", async () => {
  const project = new Project(worker);
  const token = randomToken();
  const claims = { user_id: "u", project_id: project.id, roles: ["member"], expires_at: inAnHour() };
  const value = JSON.stringify({ ...claims, cached_until: inAnHour() });
  const kv = await worker.kv();
  await kv.put(tokenKey(token).replace("token:", "keystone:"), value);
  await kv.put(tokenKey(token).replace("token:", ""), value);
  await kv.put(token, value);
  assert.equal(await probe(project, token), 401);
});

test("a token, or anything it can be recovered from, is neither logged nor stored", async () => {
  const project = new Project(worker);
  const user = randomToken();
  const token = await worker.token({ user, project: project.id, roles: ["admin"] });
  const unknown = randomToken();
  const id = await project.server();
  const path = project.serverItem(id, "key1");
  const answers: Answer[] = [
    await project.delete(path, { token }),
    await project.delete(path, { token }),
    await project.delete("/nothing", { token }),
    await project.delete(`/v2/${new Project(worker).id}/servers/${id}/metadata/key1`, { token }),
    await worker.request("PUT", `/registry/servers/${id}`, { token, body: { server: { name: "seen" } } }),
    await worker.request("PUT", `/registry/servers/${id}`, { token, body: "{bad" }),
    await project.delete(path, { token: unknown }),
    await worker.request("DELETE", path, { headers: { "X-Storage-Token": unknown } }),
  ];
  for (const secret of [token, unknown]) {
    for (const form of [secret, Buffer.from(secret).toString("base64"), encodeURIComponent(` ${secret}`)]) {
      for (const line of worker.logs()) assert.ok(!line.includes(form), line);
      assert.deepEqual(await worker.stored(form), []);
      for (const answer of answers) {
        assert.ok(!answer.text.includes(form));
        for (const [name, value] of answer.headers.list) assert.ok(!value.includes(form), name);
      }
    }
  }
  // The search itself works: it finds the claims under the digest.
  assert.notDeepEqual(await worker.stored(user), []);
  assert.notDeepEqual(await worker.stored(tokenKey(token)), []);
});
