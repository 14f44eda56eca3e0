// Requests that want to know the same at the same time share one call to Keystone, and depend on nobody's fate.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { connect } from "node:net";
import { after, beforeEach, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { projectId, resourceId, startWorker, type Worker } from "./harness.ts";
import { fault, json, startKeystone, type Behaviour } from "./keystone-fake.ts";
import {
  AT_ONCE_MS,
  ask,
  assertKeystoneUnavailable,
  assertKnown,
  assertRefused,
  assertTook,
  many,
  publicUrl,
} from "./keystone-probe.ts";

const DEADLINE_MS = 700;

const keystone = await startKeystone();
const settings = { KEYSTONE_URL: keystone.url, KEYSTONE_PUBLIC_URL: publicUrl };
const worker = await startWorker({ vars: { ...settings, KEYSTONE_DEADLINE_MS: String(DEADLINE_MS) } });
/** Its requests wait for another one's call for half of five seconds. */
const patient = await startWorker({ vars: settings });
after(async () => {
  await worker.stop();
  await patient.stop();
  await keystone.stop();
});
beforeEach(() => {
  keystone.behaviour = undefined;
  keystone.asked.length = 0;
});

/** Answers as Keystone does, so many milliseconds later. */
function delayed(milliseconds: number, behaviour: Behaviour = keystone.honest): Behaviour {
  return async (response, question) => {
    await sleep(milliseconds);
    return behaviour(response, question);
  };
}

test("100 requests at once with a new token share one Keystone call", async () => {
  const token = keystone.token();
  keystone.behaviour = delayed(200);
  for (const answer of await many(100, 100, () => ask(patient, token))) assertKnown(answer);
  assert.equal(keystone.asked.length, 1);
});

test("requests that shared a call go on to read, write and answer for themselves", async () => {
  const project = projectId();
  const admin = keystone.token({ roles: ["admin"] });
  const ids = Array.from({ length: 30 }, () => resourceId());
  for (const id of ids) {
    const body = { server: { project_id: project, metadata: { key1: id } } };
    assert.equal((await worker.request("PUT", `/registry/servers/${id}`, { token: admin, body })).status, 201);
  }
  const token = keystone.token({ project });
  keystone.asked.length = 0;
  keystone.behaviour = delayed(200);
  await Promise.all(
    ids.map(async (id) => {
      const path = `/v2.1/${project}/servers/${id}/metadata`;
      const answer = await worker.request("POST", path, { token, body: { metadata: { key2: id } } });
      assert.equal(answer.status, 200, answer.text);
      assert.deepEqual(answer.json(), { metadata: { key1: id, key2: id } });
    }),
  );
  assert.equal(keystone.asked.length, 1);
});

test("requests that shared a call share its failure, too", async () => {
  const token = keystone.token();
  keystone.behaviour = delayed(200, (response) => json(response, 500, {}));
  for (const answer of await many(20, 20, () => ask(worker, token))) assertKeystoneUnavailable(answer);
  assert.equal(keystone.asked.length, 1);
});

test("a service token that is rejected rejects no request that another service vouches for", async () => {
  const expired = keystone.token({ expiresIn: -60 });
  const vouchers = [keystone.token({ roles: ["service"] }), keystone.token({ roles: ["service"] })] as const;
  const [revoked, good] = vouchers;
  // Both are in memory from here on.
  for (const voucher of vouchers) assertKnown(await ask(patient, keystone.token(), { "X-Service-Token": voucher }));
  keystone.revoke(revoked);
  keystone.asked.length = 0;
  keystone.behaviour = delayed(200);
  const first = ask(patient, expired, { "X-Service-Token": revoked });
  while (keystone.asked.length === 0) await sleep(5);
  assertKnown(await ask(patient, expired, { "X-Service-Token": good }));
  assertRefused(await first);
});

/** How long the requests of the next tests may wait for Keystone, and when the first of them has a quarter of it left. */
const LIMIT_MS = 2_000;
const LATE_MS = 1_500;

test("a request whose time ends while it asks leaves the call to one that has more", async () => {
  const asked = await startWorker({ vars: { ...settings, KEYSTONE_DEADLINE_MS: String(LIMIT_MS) } });
  try {
    const [token, other] = [keystone.token(), keystone.token()];
    keystone.behaviour = (response, question) => {
      if (question.headers["x-subject-token"] === other) return delayed(LATE_MS)(response, question);
      return keystone.asked.length === 2 ? undefined : keystone.honest(response, question);
    };
    // Its service token takes most of its time.
    const first = ask(asked, token, { "X-Service-Token": other });
    while (keystone.asked.length < 2) await sleep(5);
    const second = await ask(asked, token);
    assertKnown(second);
    assertTook(second, 0, LIMIT_MS - LATE_MS + AT_ONCE_MS);
    assertKeystoneUnavailable(await first);
    assert.equal(keystone.asked.length, 3);
  } finally {
    await asked.stop();
  }
});

test("a Keystone that answers again is noticed while requests keep coming, and is not flooded until then", async () => {
  const token = keystone.token();
  const back = Date.now() + 1_500;
  keystone.behaviour = (response, question) => (Date.now() < back ? undefined : delayed(150)(response, question));
  const answers = [];
  while (Date.now() < back + 1_200) {
    answers.push(ask(worker, token));
    await sleep(10);
  }
  const last = (await Promise.all(answers)).at(-1);
  assert.equal(last?.status, 404, `asked ${keystone.asked.length} times`);
  assert.ok(keystone.asked.length <= 20, `asked ${keystone.asked.length} times`);
});

test("whoever waited too long for another one's call asks for himself", async () => {
  const token = keystone.token();
  keystone.behaviour = (response, question) => (keystone.asked.length === 1 ? undefined : keystone.honest(response, question));
  const first = ask(worker, token);
  while (keystone.asked.length === 0) await sleep(5);
  const others = await many(10, 10, () => ask(worker, token));
  for (const answer of others) {
    assertKnown(answer);
    assertTook(answer, 0, DEADLINE_MS);
  }
  assertKeystoneUnavailable(await first);
  assert.equal(keystone.asked.length, 2);
});

test("a client that goes away while others wait for its call takes nobody with it", async () => {
  const token = keystone.token();
  keystone.behaviour = async (response, question) => {
    if (keystone.asked.length > 1) return keystone.honest(response, question);
    await sleep(200);
    return keystone.honest(response, question);
  };
  const path = `/servers/${resourceId()}/metadata/key1`;
  const gone = worker.request("DELETE", path, { token, patience: 60 });
  while (keystone.asked.length === 0) await sleep(5);
  const others = many(10, 10, () => ask(worker, token));
  await assert.rejects(gone, /no answer within 60 ms/);
  for (const answer of await others) assertKnown(answer);
  assert.ok(keystone.asked.length <= 2, String(keystone.asked.length));
});

/** Sends a request and resets its connection (RST) once Keystone is asked because of it. */
async function reset(asked: Worker, token: string): Promise<void> {
  const { hostname, port } = new URL(asked.url);
  const socket = connect(Number(port), hostname);
  socket.on("error", () => {});
  const before = keystone.asked.length;
  socket.write(`DELETE /servers/none/metadata/key1 HTTP/1.1\r\nHost: ${hostname}\r\nX-Auth-Token: ${token}\r\n\r\n`);
  while (keystone.asked.length === before) await sleep(1);
  socket.resetAndDestroy();
}

test("a client that resets its connection while Keystone is asked for it holds up nobody", async () => {
  const token = keystone.token();
  keystone.behaviour = delayed(300);
  await reset(patient, token);
  const others = await many(10, 10, () => ask(patient, token));
  for (const answer of others) {
    assertKnown(answer);
    assertTook(answer, 0, 300 + AT_ONCE_MS);
  }
  // Its call went on, and what it found out is everybody's.
  assert.equal(keystone.asked.length, 1);
});

test("what a client asked for that reset its connection is remembered", async () => {
  const token = keystone.token();
  keystone.behaviour = delayed(100);
  await reset(patient, token);
  await sleep(300);
  const answer = await ask(patient, token);
  assertKnown(answer);
  assertTook(answer, 0, AT_ONCE_MS);
  assert.equal(keystone.asked.length, 1);
});

/** A Worker with an application credential that has not asked for a token yet. */
async function fresh(vars: Record<string, string> = {}): Promise<Worker> {
  return startWorker({
    vars: {
      ...settings,
      ...vars,
      KEYSTONE_APPLICATION_CREDENTIAL_ID: randomBytes(16).toString("hex"),
      KEYSTONE_APPLICATION_CREDENTIAL_SECRET: randomBytes(24).toString("base64url"),
    },
  });
}

const posts = (): number => keystone.asked.filter(({ method }) => method === "POST").length;

test("the Worker's own token is requested once, by however many it is needed", async () => {
  const withCredential = await fresh();
  try {
    keystone.behaviour = delayed(200, keystone.issuing);
    const tokens = Array.from({ length: 30 }, () => keystone.token());
    for (const answer of await Promise.all(tokens.map((token) => ask(withCredential, token)))) assertKnown(answer);
    assert.equal(posts(), 1);
    // The same when it is rejected, and all find out at once.
    const own = String(keystone.validations[0]?.headers["x-auth-token"]);
    keystone.revoke(own);
    keystone.asked.length = 0;
    const others = Array.from({ length: 30 }, () => keystone.token());
    for (const answer of await Promise.all(others.map((token) => ask(withCredential, token)))) assertKnown(answer);
    assert.equal(posts(), 1);
  } finally {
    await withCredential.stop();
  }
});

test("503 for all: the Worker's own token is refused, and requested once", async () => {
  const withCredential = await fresh();
  try {
    keystone.behaviour = delayed(200, (response) => fault(response, 401));
    const answers = await many(30, 30, () => ask(withCredential, keystone.token()));
    for (const answer of answers) assertKeystoneUnavailable(answer);
    assert.equal(posts(), 1);
  } finally {
    await withCredential.stop();
  }
});

test("a request whose time ends while it requests the Worker's own token leaves that to one that has more", async () => {
  const withCredential = await fresh({ KEYSTONE_DEADLINE_MS: String(LIMIT_MS) });
  try {
    keystone.behaviour = (response, question) => {
      if (question.method === "POST") return posts() === 2 ? undefined : keystone.issuing(response, question);
      if (keystone.validations.length > 1) return keystone.honest(response, question);
      return delayed(LATE_MS, () => fault(response, 401))(response, question);
    };
    // Its first token of the Worker's own is rejected when most of its time has passed.
    const first = ask(withCredential, keystone.token());
    while (posts() < 2) await sleep(5);
    const second = await ask(withCredential, keystone.token());
    assertKnown(second);
    assertTook(second, 0, LIMIT_MS - LATE_MS + AT_ONCE_MS);
    assertKeystoneUnavailable(await first);
    assert.equal(posts(), 3);
  } finally {
    await withCredential.stop();
  }
});
