// What ends a token, what lets it pass, and what happens while Keystone is away.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { assertFault } from "../answers.ts";
import { resourceId, startWorker, type Answer, type Worker } from "../harness.ts";
import { recording } from "../recording.ts";
import { settle } from "./people.ts";
import { startKeystone } from "./server.ts";

const CACHE_SECONDS = 2;
const EXPIRATION = 6;
const GRACE = 6;

const keystone = await startKeystone();
const people = await settle(keystone);
const vars = { KEYSTONE_URL: keystone.url, TOKEN_CACHE_SECONDS: String(CACHE_SECONDS) };
const worker = await startWorker({ vars });
after(async () => {
  await worker.stop();
  await keystone.remove();
});

const { acme, other } = people.projects;

/** A server that is not there is 404 for whoever is known. */
function ask(asked: Worker, token?: string, headers: Record<string, string> = {}): Promise<Answer> {
  return asked.request("GET", "/v2.1/servers/none/metadata", { ...(token === undefined ? {} : { token }), headers });
}

async function assertKnown(answer: Promise<Answer>): Promise<void> {
  const { status, text } = await answer;
  assert.equal(status, 404, text);
}

async function assertRefused(answer: Promise<Answer>, uri: string = keystone.url): Promise<void> {
  const refused = await answer;
  assert.equal(refused.status, 401, refused.text);
  assert.deepEqual(refused.headers.all("WWW-Authenticate"), [`Keystone uri="${uri}"`]);
}

async function assertKeystoneUnavailable(answer: Promise<Answer>): Promise<void> {
  const unavailable = await answer;
  assertFault(unavailable, 503, "serviceUnavailable", "The Keystone service is temporarily unavailable.");
  assert.deepEqual(unavailable.headers.all("Retry-After"), ["1"]);
}

/** A Keystone of several processes was seen to take a credential once more that it had just deleted. */
async function eventually(check: () => Promise<void>): Promise<void> {
  for (let tries = 1; tries < 5; tries += 1) {
    try {
      return await check();
    } catch {
      await sleep(500);
    }
  }
  await check();
}

const cachePeriod = (): Promise<void> => sleep(CACHE_SECONDS * 1000 + 200);

test("a token is valid; one that was made up is not", async () => {
  await assertKnown(ask(worker, await people.token("alice")));
  for (const token of ["garbage", `gAAAAA${randomBytes(130).toString("base64url")}`, "a.b.c"]) {
    await assertRefused(ask(worker, token));
  }
});

test("KEYSTONE_URL with one path too many turns no valid token into a 401: 503, and the log says what was met", async () => {
  for (const wrong of [`${keystone.url}/identity`, keystone.url.replace("/v3", "/identity/v3")]) {
    const lost = await startWorker({ vars: { ...vars, KEYSTONE_URL: wrong } });
    try {
      for (const token of [await people.token("alice"), "garbage"]) await assertKeystoneUnavailable(ask(lost, token));
      await sleep(200);
      const line = "/v3/auth/tokens answered 404 with HTML, which is no error of Keystone's";
      assert.ok(
        lost.logs().some((logged) => logged.includes(line)),
        lost.logs().join("\n"),
      );
    } finally {
      await lost.stop();
    }
  }
});

test("revoked: it stops within the cache period; as recorded, not before", async () => {
  const recorded = recording.filter(({ case: name }) => name.startsWith("s/auth/revoked-after-use"));
  assert.deepEqual(
    recorded.map(({ status }) => status),
    [200, 200],
  );
  const token = await people.token("alice");
  await assertKnown(ask(worker, token));
  await keystone.revoke(token);
  await assertKnown(ask(worker, token));
  await cachePeriod();
  await assertRefused(ask(worker, token));
});

test("revoked before it was used: never valid", async () => {
  const token = await people.token("alice");
  await keystone.revoke(token);
  await assertRefused(ask(worker, token));
});

test("revoked, though it was in use all the time", async () => {
  const token = await people.token("alice");
  await assertKnown(ask(worker, token));
  await keystone.revoke(token);
  const until = Date.now() + CACHE_SECONDS * 1000 + 200;
  while (Date.now() < until) {
    await ask(worker, token);
    await sleep(100);
  }
  await assertRefused(ask(worker, token));
});

test("a password that is changed ends its user's tokens", async () => {
  const user = await keystone.user("paula");
  await keystone.grant(user, "member", `/projects/${acme}`);
  const token = await keystone.token(user, { project: { id: acme } });
  await assertKnown(ask(worker, token));
  // Keystone compares in seconds.
  await sleep(1_100);
  await keystone.manage("PATCH", `/users/${user.id}`, { user: { password: "another" } });
  await cachePeriod();
  await assertRefused(ask(worker, token));
});

test("a user or a project that is disabled ends the tokens", async () => {
  const project = await keystone.project("brief");
  const user = await keystone.user("dan");
  await keystone.grant(user, "member", `/projects/${project}`);
  const first = await keystone.token(user, { project: { id: project } });
  await assertKnown(ask(worker, first));
  await keystone.manage("PATCH", `/projects/${project}`, { project: { enabled: false } });
  await cachePeriod();
  await assertRefused(ask(worker, first));
});

test("a role that is taken away counts within the cache period", async () => {
  const user = await keystone.user("rob");
  for (const role of ["member", "reader"]) await keystone.grant(user, role, `/projects/${acme}`);
  const token = await keystone.token(user, { project: { id: acme } });
  const id = resourceId();
  const body = { server: { project_id: acme } };
  await worker.request("PUT", `/registry/servers/${id}`, { token: await keystone.admin(), body });
  const change = async (): Promise<number> =>
    (await worker.request("POST", `/v2.1/servers/${id}/metadata`, { token, body: { metadata: { k: "v" } } })).status;
  assert.equal(await change(), 200);
  await sleep(1_100);
  await keystone.manage("DELETE", `/projects/${acme}/users/${user.id}/roles/${await keystone.role("member")}`);
  await cachePeriod();
  assert.notEqual(await change(), 200);
});

/** A token with which `bob` acts in alice's project. */
async function trusted(impersonation: boolean): Promise<{ token: string; trust: string }> {
  const { alice, bob } = people.users;
  assert.ok(alice && bob);
  const trust = await keystone.trust(alice, await people.token("alice"), bob, acme, "member", impersonation);
  return { token: await keystone.trustToken(bob, trust), trust };
}

async function checkTrusted(asked: Worker, impersonation: boolean): Promise<void> {
  const { token, trust } = await trusted(impersonation);
  const id = resourceId();
  await asked.request("PUT", `/registry/servers/${id}`, {
    token: await keystone.admin(),
    body: { server: { project_id: acme } },
  });
  const body = { metadata: { key1: "value1" } };
  assert.equal((await asked.request("POST", `/v2.1/${acme}/servers/${id}/metadata`, { token, body })).status, 200);
  assert.equal((await asked.request("GET", `/v2.1/${other}/servers/${id}/metadata`, { token })).status, 400);
  assert.equal((await keystone.request("DELETE", `/OS-TRUST/trusts/${trust}`, await people.token("alice"))).status, 204);
  await cachePeriod();
  await assertRefused(ask(asked, token));
}

/** A Worker that has an application credential of its own. */
async function withCredential(): Promise<{ configured: Worker; end: () => Promise<void> }> {
  const { svc } = people.users;
  assert.ok(svc);
  const { id, secret } = await keystone.credential(svc, await people.token("svc"));
  const credential = { KEYSTONE_APPLICATION_CREDENTIAL_ID: id, KEYSTONE_APPLICATION_CREDENTIAL_SECRET: secret };
  return {
    configured: await startWorker({ vars: { ...vars, ...credential } }),
    async end() {
      await keystone.deleteCredential(svc, await people.token("svc"), id);
    },
  };
}

test("a trust's token works in its project, with the role it lends, and ends with the trust", async () => {
  await checkTrusted(worker, false);
});

test("a trust's token that impersonates may not validate itself: 503 without an application credential, else the same", async () => {
  const { token } = await trusted(true);
  await assertKeystoneUnavailable(ask(worker, token));
  await sleep(200);
  assert.ok(worker.logs().some((line) => line.includes("set KEYSTONE_APPLICATION_CREDENTIAL_ID")));
  const { configured } = await withCredential();
  try {
    await checkTrusted(configured, true);
  } finally {
    await configured.stop();
  }
});

test("an application credential's token works, and ends with it", async () => {
  const { alice } = people.users;
  assert.ok(alice);
  const owner = await people.token("alice");
  const credential = await keystone.credential(alice, owner);
  const token = await keystone.credentialToken(credential);
  await assertKnown(ask(worker, token));
  await keystone.deleteCredential(alice, owner, credential.id);
  await cachePeriod();
  await assertRefused(ask(worker, token));
});

test("an application credential with access rules: what none of them allows is 401", async () => {
  const { alice } = people.users;
  assert.ok(alice);
  const rules = [
    { service: "compute", method: "GET", path: "/v2.1/servers/*/metadata" },
    { service: "compute", method: "DELETE", path: "/v2.1/{project_id}/servers/{id}/metadata/**" },
    { service: "image", method: "PUT", path: "/v2.1/servers/*/metadata" },
  ];
  const token = await keystone.credentialToken(await keystone.credential(alice, await people.token("alice"), rules));
  const id = resourceId();
  for (const [method, path, status] of [
    ["GET", `/v2.1/servers/${id}/metadata`, 404],
    ["GET", `/v2.1/servers/${id}/metadata/key1`, 401],
    ["GET", `/v2.1/${acme}/servers/${id}/metadata`, 401],
    ["HEAD", `/v2.1/servers/${id}/metadata`, 401],
    ["PUT", `/v2.1/servers/${id}/metadata`, 401],
    ["DELETE", `/v2.1/${acme}/servers/${id}/metadata/key1`, 404],
    ["DELETE", `/v2/${acme}/servers/${id}/metadata/key1`, 401],
    ["GET", "/v2.1/servers", 401],
    ["GET", "/v2.1/nowhere", 401],
  ] as const) {
    const answer = await worker.request(method, path, { token, ...(method === "PUT" ? { body: { metadata: {} } } : {}) });
    assert.equal(answer.status, status, `${method} ${path}: ${answer.text}`);
  }
  // Keystone knows no credential with an empty list of rules.
  const headers = { "X-Service-Token": await people.token("norole") };
  assert.equal((await worker.request("GET", `/v2.1/servers/${id}/metadata/key1`, { token, headers })).status, 404);
});

test("X-Service-Token: a user's own is valid as well; an invalid one is 401", async () => {
  const token = await people.token("alice");
  await assertKnown(ask(worker, token, { "X-Service-Token": token }));
  await assertKnown(ask(worker, token, { "X-Service-Token": await people.token("svc") }));
  await assertRefused(ask(worker, token, { "X-Service-Token": "garbage" }));
  await assertKnown(ask(worker, token, { "X-Service-Token": "" }));
  const revoked = await people.token("svc");
  await keystone.revoke(revoked);
  await assertRefused(ask(worker, token, { "X-Service-Token": revoked }));
});

test("an application credential of the Worker's own validates for all", async () => {
  const { configured, end } = await withCredential();
  try {
    for (const name of ["alice", "rita", "bob", "unscoped"]) {
      const { status, text } = await ask(configured, await people.token(name));
      assert.equal(status, name === "unscoped" ? 403 : 404, text);
    }
    await assertRefused(ask(configured, "garbage"));
    const token = await people.token("alice");
    await assertKnown(ask(configured, token));
    await keystone.revoke(token);
    await cachePeriod();
    await assertRefused(ask(configured, token));
    // That the Worker's own is rejected says nothing about the user's.
    await end();
    await eventually(async () => assertKeystoneUnavailable(ask(configured, await people.token("bob"))));
  } finally {
    await configured.stop();
  }
});

test("an expired token stops at once; beside a service's it passes for as long as Keystone says", async () => {
  const hasty = await startKeystone({ expiration: EXPIRATION, grace: GRACE });
  const patient = await startWorker({ vars: { KEYSTONE_URL: hasty.url } });
  try {
    const project = await hasty.project("acme");
    const [user, service] = [await hasty.user("alice"), await hasty.user("norole")];
    await hasty.grant(user, "member", `/projects/${project}`);
    await hasty.grant(service, "service", `/projects/${project}`);
    const token = await hasty.token(user, { project: { id: project } });
    const expires = Date.now() + EXPIRATION * 1000;
    await assertKnown(ask(patient, token));
    // The default remembers a token for minutes: it is its own time that ends it.
    await sleep(expires - 1_500 - Date.now());
    await assertKnown(ask(patient, token));
    await sleep(expires + 100 - Date.now());
    await assertRefused(ask(patient, token), hasty.url);
    const vouch = async (): Promise<Answer> =>
      ask(patient, token, { "X-Service-Token": await hasty.token(service, { project: { id: project } }) });
    await assertKnown(vouch());
    await assertRefused(
      ask(patient, token, { "X-Service-Token": await hasty.token(user, { project: { id: project } }) }),
      hasty.url,
    );
    await sleep(expires + GRACE * 1000 + 1_100 - Date.now());
    await assertRefused(vouch(), hasty.url);
  } finally {
    await patient.stop();
    await hasty.remove();
  }
});

test("Keystone stopped: remembered tokens go on, others get 503, no token 401; and back again", async () => {
  const brief = await startWorker({ vars: { ...vars, TOKEN_CACHE_SECONDS: "6" } });
  try {
    const [known, unknown] = [await people.token("alice"), await people.token("rita")];
    await assertKnown(ask(brief, known));
    const learned = Date.now();
    await keystone.stop();
    try {
      while (Date.now() < learned + 5_000) {
        await assertKnown(ask(brief, known));
        await assertKeystoneUnavailable(ask(brief, unknown));
        await assertRefused(ask(brief));
        await sleep(500);
      }
      // Another isolate goes on from KV.
      await brief.restart();
      if (Date.now() < learned + 5_500) await assertKnown(ask(brief, known));
      await sleep(learned + 6_200 - Date.now());
      await assertKeystoneUnavailable(ask(brief, known));
    } finally {
      await keystone.start();
    }
    await assertKnown(ask(brief, known));
    await assertKnown(ask(brief, unknown));
  } finally {
    await brief.stop();
  }
});

test("KV down: everything works", async () => {
  const failing = await startWorker({ vars: { ...vars, KV_FAILURE: "throws" }, entry: "tests/failing-kv.js" });
  try {
    for (const name of ["alice", "rita", "bob"]) await assertKnown(ask(failing, await people.token(name)));
    await assertRefused(ask(failing, "garbage"));
  } finally {
    await failing.stop();
  }
});

test("no token is in a log line or in what is stored", async () => {
  const token = await people.token("alice");
  const admin = await keystone.admin();
  await assertKnown(ask(worker, token));
  await assertKnown(ask(worker, admin));
  await sleep(300);
  for (const secret of [token, admin]) {
    assert.deepEqual(
      worker.logs().filter((line) => line.includes(secret)),
      [],
    );
    assert.deepEqual(await worker.stored(secret), []);
  }
});
