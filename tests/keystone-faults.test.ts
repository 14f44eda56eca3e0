// What each answer of a Keystone means, and how long it takes to find out; what is remembered, and where.
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { after, beforeEach, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { assertFault, assertNoContent } from "./answers.ts";
import { projectId, resourceId, startWorker, tokenKey } from "./harness.ts";
import { fault, json, startKeystone, type Behaviour } from "./keystone-fake.ts";
import {
  AT_ONCE_MS,
  ask,
  assertKeystoneUnavailable,
  assertKnown,
  assertRefused,
  assertTook,
  logged,
  many,
  publicUrl,
} from "./keystone-probe.ts";

const DEADLINE_MS = 700;

const keystone = await startKeystone();
const settings = {
  KEYSTONE_URL: keystone.url,
  KEYSTONE_PUBLIC_URL: publicUrl,
  KEYSTONE_DEADLINE_MS: String(DEADLINE_MS),
};
const credential = {
  KEYSTONE_APPLICATION_CREDENTIAL_ID: randomBytes(16).toString("hex"),
  KEYSTONE_APPLICATION_CREDENTIAL_SECRET: randomBytes(24).toString("base64url"),
};
const worker = await startWorker({ vars: settings });
const withCredential = await startWorker({ vars: { ...settings, ...credential } });
after(async () => {
  await worker.stop();
  await withCredential.stop();
  await keystone.stop();
});
beforeEach(() => {
  keystone.behaviour = undefined;
  keystone.asked.length = 0;
});

function digest(token: string): string {
  return createHash("sha256").update(token).digest("hex");
}

test("200: the token's claims; it authenticated the question itself", async () => {
  const token = keystone.token();
  assertKnown(await ask(worker, token));
  assert.equal(keystone.asked.length, 1);
  const [question] = keystone.asked;
  assert.equal(question?.method, "GET");
  assert.equal(question?.url, "/v3/auth/tokens?nocatalog");
  assert.equal(question?.headers["x-auth-token"], token);
  assert.equal(question?.headers["x-subject-token"], token);
  assert.equal(question?.headers["openstack-identity-access-rules"], "1");
});

test("401 on the subject is a 401 that says where Keystone is", async () => {
  assertRefused(await ask(worker, randomBytes(16).toString("hex")));
  assert.equal(keystone.asked.length, 1);
});

test("404 on the subject is a 401", async () => {
  keystone.behaviour = (response) => fault(response, 404);
  assertRefused(await ask(worker, keystone.token()));
  assert.equal(keystone.asked.length, 1);
});

test("no token, white space, or what could be no header is a 401 that costs Keystone nothing", async () => {
  assertRefused(await ask(worker));
  for (const token of ["", " \t ", "tök€n", "a b", "x".repeat(8_001)]) assertRefused(await ask(worker, token));
  assert.equal(keystone.asked.length, 0);
});

test("a token of 8,000 bytes is validated: Keystone decides about it", async () => {
  const token = keystone.token({ length: 8_000 });
  assertKnown(await ask(worker, token));
  assert.deepEqual(
    keystone.asked.map(({ headers }) => headers["x-subject-token"]),
    [token],
  );
});

test("without KEYSTONE_PUBLIC_URL a 401 names KEYSTONE_URL", async () => {
  const plain = await startWorker({ vars: { KEYSTONE_URL: keystone.url } });
  try {
    assertRefused(await ask(plain), keystone.url);
  } finally {
    await plain.stop();
  }
});

const token200 = (project: string): unknown => ({
  token: {
    user: { id: "u" },
    project: { id: project },
    roles: [{ name: "member" }],
    expires_at: new Date(Date.now() + 3_600_000).toISOString(),
  },
});

const unclear: [string, Behaviour, least: number, most: number, calls?: number[]][] = [
  ["never answers", () => {}, DEADLINE_MS, DEADLINE_MS + AT_ONCE_MS],
  [
    "answers too late",
    async (response) => {
      await sleep(DEADLINE_MS + 300);
      json(response, 200, token200(projectId()));
    },
    DEADLINE_MS,
    DEADLINE_MS + AT_ONCE_MS,
  ],
  [
    "begins an answer and does not go on",
    (response) => {
      response.writeHead(200, { "Content-Type": "application/json", "Content-Length": "1000" });
      response.write(JSON.stringify(token200(projectId())).slice(0, 60));
    },
    DEADLINE_MS,
    DEADLINE_MS + AT_ONCE_MS,
  ],
  [
    "sends a body without end, byte by byte",
    async (response) => {
      response.writeHead(200, { "Content-Type": "application/json" });
      for (let byte = 0; byte < 100 && !response.destroyed; byte += 1) {
        response.write(" ");
        await sleep(50);
      }
    },
    DEADLINE_MS,
    DEADLINE_MS + AT_ONCE_MS,
  ],
  [
    "sends half a body and hangs up",
    (response) => {
      response.writeHead(200, { "Content-Type": "application/json", "Content-Length": "1000" });
      response.write(JSON.stringify(token200(projectId())).slice(0, 60), () => response.destroy());
    },
    0,
    AT_ONCE_MS,
  ],
  // It could be a kept connection that was closed meanwhile: that is worth a second try. The runtime, too, tries a kept
  // connection's request once more.
  ["hangs up", (response) => void response.destroy(), 0, AT_ONCE_MS, [2, 3]],
  ["500", (response) => json(response, 500, {}), 0, AT_ONCE_MS],
  ["502, as HTML", (response) => void response.writeHead(502).end("<html>"), 0, AT_ONCE_MS],
  [
    "429 with Retry-After",
    (response) => {
      response.setHeader("Retry-After", "17");
      json(response, 429, {});
    },
    0,
    AT_ONCE_MS,
  ],
  ["400", (response) => json(response, 400, {}), 0, AT_ONCE_MS],
  ["204", (response) => void response.writeHead(204).end(), 0, AT_ONCE_MS],
  ["200 without a body", (response) => void response.writeHead(200).end(), 0, AT_ONCE_MS],
  ["200 with garbage", (response) => void response.writeHead(200).end('{"token": {"user"'), 0, AT_ONCE_MS],
  ["200 with HTML", (response) => void response.writeHead(200).end("<html>Log in</html>"), 0, AT_ONCE_MS],
  ["200 with bytes that are no UTF-8", (response) => void response.writeHead(200).end(Buffer.from([0xff, 0xfe])), 0, AT_ONCE_MS],
  ["200 with another document", (response) => json(response, 200, { versions: [] }), 0, AT_ONCE_MS],
  [
    "200 with 10 MB",
    (response) => {
      response.on("error", () => {});
      const document = { ...(token200(projectId()) as object), catalog: "x".repeat(10 << 20) };
      json(response, 200, document);
    },
    0,
    2 * AT_ONCE_MS,
  ],
  [
    "200 with 10 MB whose length is not announced",
    async (response) => {
      response.on("error", () => {});
      response.writeHead(200);
      for (let part = 0; part < 10 && !response.destroyed; part += 1) {
        response.write(" ".repeat(1 << 20));
        await sleep(1);
      }
      response.end(JSON.stringify(token200(projectId())));
    },
    0,
    2 * AT_ONCE_MS,
  ],
];

for (const [what, behaviour, least, most, calls = [1]] of unclear) {
  test(`503: Keystone ${what}`, async () => {
    const token = keystone.token();
    keystone.behaviour = behaviour;
    const answer = await ask(worker, token);
    assertKeystoneUnavailable(answer);
    assertTook(answer, least, most);
    assert.ok(calls.includes(keystone.asked.length), `asked ${keystone.asked.length} times`);
    // It is no verdict on the token: the next request asks again.
    keystone.behaviour = undefined;
    assertKnown(await ask(worker, token));
  });
}

test("503: nobody listens where Keystone should be; and it works when it is back", async () => {
  const token = keystone.token();
  await keystone.stop();
  try {
    const answer = await ask(worker, token);
    assertKeystoneUnavailable(answer);
    assertTook(answer, 0, DEADLINE_MS + AT_ONCE_MS);
  } finally {
    await keystone.resume();
  }
  assertKnown(await ask(worker, token));
});

test("a connection that is closed before an answer begins is tried once more", async () => {
  const token = keystone.token();
  keystone.behaviour = (response, question) =>
    keystone.asked.length === 1 ? void response.destroy() : keystone.honest(response, question);
  assertKnown(await ask(worker, token));
  assert.equal(keystone.asked.length, 2);
});

test("an answer that is slow but in time counts", async () => {
  const token = keystone.token();
  keystone.behaviour = async (response, question) => {
    await sleep(DEADLINE_MS / 2);
    return keystone.honest(response, question);
  };
  assertKnown(await ask(worker, token));
});

test("the deadline is five seconds unless it is set", async () => {
  const patient = await startWorker({ vars: { KEYSTONE_URL: keystone.url } });
  try {
    keystone.behaviour = () => {};
    const answer = await ask(patient, keystone.token());
    assertKeystoneUnavailable(answer);
    assertTook(answer, 5_000, 5_000 + AT_ONCE_MS);
  } finally {
    await patient.stop();
  }
});

test("a request that has less time than that says itself whose fault it is", async () => {
  const hasty = await startWorker({ vars: { KEYSTONE_URL: keystone.url, REQUEST_DEADLINE_MS: "600" } });
  try {
    keystone.behaviour = () => {};
    const answer = await ask(hasty, keystone.token());
    assertKeystoneUnavailable(answer);
    assertTook(answer, 450, 600 + AT_ONCE_MS);
  } finally {
    await hasty.stop();
  }
});

for (const status of [301, 302, 303, 307, 308]) {
  test(`503: a redirect (${status}) is not followed, to another host or to the same`, async () => {
    let followed = 0;
    const other = http.createServer((_, response) => {
      followed += 1;
      json(response, 200, token200(projectId()));
    });
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    try {
      const elsewhere = `http://127.0.0.1:${(other.address() as AddressInfo).port}/v3/auth/tokens`;
      for (const location of [elsewhere, `${keystone.url}/elsewhere`]) {
        keystone.asked.length = 0;
        keystone.behaviour = (response) => void response.writeHead(status, { Location: location }).end();
        const answer = await ask(worker, keystone.token());
        assertKeystoneUnavailable(answer);
        assertTook(answer, 0, AT_ONCE_MS);
        assert.equal(keystone.asked.length, 1);
      }
      assert.equal(followed, 0);
      await logged(worker, "KEYSTONE_URL must name where it is");
    } finally {
      other.close();
    }
  });
}

test("403 once: the second try counts", async () => {
  const token = keystone.token();
  keystone.behaviour = (response, question) =>
    keystone.asked.length === 1 ? fault(response, 403) : keystone.honest(response, question);
  assertKnown(await ask(worker, token));
  assert.equal(keystone.asked.length, 2);
});

test("503: 403 always; the log says which setting to change", async () => {
  keystone.behaviour = (response) => fault(response, 403);
  const answer = await ask(worker, keystone.token());
  assertKeystoneUnavailable(answer);
  assertTook(answer, 0, AT_ONCE_MS);
  assert.equal(keystone.asked.length, 2);
  await logged(worker, "set KEYSTONE_APPLICATION_CREDENTIAL_ID");
});

test("an application credential: its token asks, is issued once and kept", async () => {
  keystone.behaviour = keystone.issuing;
  const tokens = [keystone.token(), keystone.token()];
  for (const token of tokens) assertKnown(await ask(withCredential, token));
  assert.deepEqual(
    keystone.asked.map(({ method }) => method),
    ["POST", "GET", "GET"],
  );
  const [issue, ...validations] = keystone.asked;
  assert.deepEqual(JSON.parse(issue?.body ?? ""), {
    auth: {
      identity: {
        methods: ["application_credential"],
        application_credential: {
          id: credential.KEYSTONE_APPLICATION_CREDENTIAL_ID,
          secret: credential.KEYSTONE_APPLICATION_CREDENTIAL_SECRET,
        },
      },
    },
  });
  assert.deepEqual(
    validations.map(({ headers }) => headers["x-subject-token"]),
    tokens,
  );
  assert.ok(validations.every(({ headers }) => !tokens.includes(String(headers["x-auth-token"]))));
});

test("an application credential: 404 on the subject is a 401, if it is not about who asked", async () => {
  keystone.behaviour = keystone.issuing;
  const unknown = randomBytes(16).toString("hex");
  assertRefused(await ask(withCredential, unknown));
  // Its own token was asked about as well, and is still good.
  const [own] = keystone.validations.map(({ headers }) => headers["x-auth-token"]);
  assert.deepEqual(
    keystone.validations.map(({ headers }) => headers["x-subject-token"]),
    [unknown, own],
  );
});

test("503, never 401: 404 because the application credential's user is gone", async () => {
  keystone.behaviour = (response, question) =>
    question.method === "POST" ? keystone.issuing(response, question) : fault(response, 404);
  assertKeystoneUnavailable(await ask(withCredential, keystone.token()));
});

test("an application credential's token that is rejected is renewed once", async () => {
  keystone.behaviour = keystone.issuing;
  assertKnown(await ask(withCredential, keystone.token()));
  const kept = String(keystone.validations[0]?.headers["x-auth-token"]);
  keystone.revoke(kept);
  keystone.asked.length = 0;
  assertKnown(await ask(withCredential, keystone.token()));
  assert.deepEqual(
    keystone.asked.map(({ method }) => method),
    ["GET", "POST", "GET"],
  );
});

test("503, never 401: an application credential's token is rejected however often it is renewed", async () => {
  keystone.behaviour = (response, question) =>
    question.method === "POST" ? keystone.issuing(response, question) : fault(response, 401);
  const answer = await ask(withCredential, keystone.token());
  assertKeystoneUnavailable(answer);
  assertTook(answer, 0, AT_ONCE_MS);
  assert.equal(keystone.validations.length, 2);
  await logged(withCredential, "rejects the token that it issued to KEYSTONE_APPLICATION_CREDENTIAL_ID");
});

for (const status of [401, 403, 404, 429, 500]) {
  test(`503, never 401: ${status} to the application credential itself`, async () => {
    keystone.behaviour = (response, question) => (question.method === "POST" ? fault(response, status) : fault(response, 401));
    const fresh = await startWorker({ vars: { ...settings, ...credential } });
    try {
      assertKeystoneUnavailable(await ask(fresh, keystone.token()));
      assert.deepEqual(
        keystone.asked.map(({ method }) => method),
        ["POST"],
      );
      if (status === 401) await logged(fresh, "rejects KEYSTONE_APPLICATION_CREDENTIAL_ID");
    } finally {
      await fresh.stop();
    }
  });
}

test("503: 403 to an application credential; the log says which role it lacks", async () => {
  keystone.behaviour = (response, question) =>
    question.method === "POST" ? keystone.issuing(response, question) : fault(response, 403);
  assertKeystoneUnavailable(await ask(withCredential, keystone.token()));
  assert.equal(keystone.validations.length, 2);
  await logged(withCredential, "needs the role service or admin");
});

test("all questions of one request share one deadline", async () => {
  keystone.behaviour = async (response, question) => {
    await sleep(DEADLINE_MS * 0.6);
    return question.method === "POST" ? keystone.issuing(response, question) : fault(response, 403);
  };
  const answer = await ask(withCredential, keystone.token());
  assertKeystoneUnavailable(answer);
  assertTook(answer, 0, DEADLINE_MS + AT_ONCE_MS);
});

test("1,000 requests with one token cost exactly 1 Keystone call", async () => {
  const token = keystone.token();
  for (const answer of await many(1_000, 20, () => ask(worker, token))) assertKnown(answer);
  assert.equal(keystone.asked.length, 1);
});

test("TOKEN_CACHE_SECONDS=0: 1,000 requests cost 1,000 Keystone calls, and nothing is kept in KV", async () => {
  const forgetful = await startWorker({ vars: { ...settings, KEYSTONE_DEADLINE_MS: "5000", TOKEN_CACHE_SECONDS: "0" } });
  try {
    const token = keystone.token();
    for (const answer of await many(1_000, 20, () => ask(forgetful, token))) assertKnown(answer);
    assert.equal(keystone.asked.length, 1_000);
    assert.deepEqual((await (await forgetful.kv()).list()).keys, []);
    // Nor is a token that was found not to be valid.
    const unknown = keystone.token();
    keystone.revoke(unknown);
    assertRefused(await ask(forgetful, unknown));
    assertRefused(await ask(forgetful, unknown));
    assert.equal(keystone.asked.length, 1_002);
  } finally {
    await forgetful.stop();
  }
});

test("a token that is not valid is remembered for a moment, and asked about again after it", async () => {
  const brief = await startWorker({ vars: { ...settings, TOKEN_CACHE_SECONDS: "1" } });
  try {
    const token = keystone.token();
    keystone.revoke(token);
    for (let at = 0; at < 5; at += 1) assertRefused(await ask(brief, token));
    assert.equal(keystone.asked.length, 1);
    await sleep(1_100);
    assertRefused(await ask(brief, token));
    assert.equal(keystone.asked.length, 2);
    // In memory alone.
    assert.deepEqual((await (await brief.kv()).list()).keys, []);
  } finally {
    await brief.stop();
  }
});

test("a role that Keystone takes back counts when the cache period has passed, and not before", async () => {
  const brief = await startWorker({ vars: { ...settings, TOKEN_CACHE_SECONDS: "1" } });
  try {
    const token = keystone.token();
    assertKnown(await ask(brief, token));
    keystone.revoke(token);
    assertKnown(await ask(brief, token));
    await sleep(1_100);
    assertRefused(await ask(brief, token));
    assert.equal(keystone.asked.length, 2);
  } finally {
    await brief.stop();
  }
});

test("a token that expires while it is remembered stops at once", async () => {
  const token = keystone.token({ expiresIn: 1.5 });
  assertKnown(await ask(worker, token));
  await sleep(1_600);
  keystone.behaviour = (response) => fault(response, 404);
  assertRefused(await ask(worker, token));
});

test("401: Keystone says 200 to a token that has expired", async () => {
  assertRefused(await ask(worker, keystone.token({ expiresIn: -1 })));
});

test("another isolate finds in KV what this one learned, under the digest, and for no longer than that", async () => {
  const first = await startWorker({ vars: { ...settings, TOKEN_CACHE_SECONDS: "5" } });
  try {
    const token = keystone.token();
    assertKnown(await ask(first, token));
    const learned = Date.now();
    const kv = await first.kv();
    let value: string | null = null;
    for (let wait = 0; wait < 40 && value === null; wait += 1) {
      await sleep(25);
      value = await kv.get(`keystone:${digest(token)}`);
    }
    const stored = JSON.parse(value ?? "null") as Record<string, string>;
    const until = Date.parse(stored["cached_until"] ?? "");
    assert.ok(Math.abs(until - learned - 5_000) < 1_000, stored["cached_until"]);
    await first.restart();
    assertKnown(await ask(first, token));
    assert.equal(keystone.asked.length, 1);
    // KV itself keeps it a minute. What counts is the time in it, which reading does not prolong.
    await sleep(Math.max(0, until - Date.now()) + 100);
    keystone.revoke(token);
    assertRefused(await ask(first, token));
    await first.restart();
    assertRefused(await ask(first, token));
  } finally {
    await first.stop();
  }
});

test("what KV holds of another Keystone's answers is not believed", async () => {
  const token = keystone.token();
  assertKnown(await ask(worker, token));
  const key = `keystone:${digest(token)}`;
  let value: string | null = null;
  for (let wait = 0; wait < 40 && value === null; wait += 1) {
    await sleep(25);
    value = await (await worker.kv()).get(key);
  }
  const other = await startKeystone();
  const elsewhere = await startWorker({ vars: { ...settings, KEYSTONE_URL: other.url } });
  try {
    await (await elsewhere.kv()).put(key, value ?? "");
    assertRefused(await ask(elsewhere, token));
    assert.equal(other.asked.length, 1);
  } finally {
    await elsewhere.stop();
    await other.stop();
  }
});

test("embedded tokens are not read, nor is what KV holds without a time", async () => {
  const embedded = await worker.token({ project: projectId(), roles: ["admin"] });
  assertRefused(await ask(worker, embedded));
  const forged = randomBytes(16).toString("hex");
  const kv = await worker.kv();
  const claims = await kv.get(tokenKey(embedded));
  await kv.put(`keystone:${digest(forged)}`, claims ?? "");
  assertRefused(await ask(worker, forged));
});

test("without the binding TOKENS it works from memory", async () => {
  const bare = await startWorker({ vars: settings, withoutKv: true });
  try {
    const token = keystone.token();
    for (let at = 0; at < 3; at += 1) assertKnown(await ask(bare, token));
    assert.equal(keystone.asked.length, 1);
  } finally {
    await bare.stop();
  }
});

for (const [failure, most, line] of [
  ["throws", AT_ONCE_MS, "KV failed: Error: KV GET failed: 500 Internal Server Error, and was skipped"],
  ["hangs", 300 + AT_ONCE_MS, "KV did not answer in time, and was skipped"],
] as const) {
  test(`a KV that ${failure} is skipped, and the log names it`, async () => {
    const vars = { ...settings, KEYSTONE_DEADLINE_MS: "5000", KV_FAILURE: failure };
    const failing = await startWorker({ vars, entry: "tests/failing-kv.js" });
    try {
      const token = keystone.token();
      // The first request of an isolate also starts it.
      assertRefused(await ask(failing));
      const answer = await ask(failing, token);
      assertKnown(answer);
      assertTook(answer, 0, most);
      assert.equal(keystone.asked.length, 1);
      const again = await ask(failing, token);
      assertKnown(again);
      assertTook(again, 0, AT_ONCE_MS);
      assert.equal(keystone.asked.length, 1);
      await logged(failing, `KV get keystone:${digest(token)}`);
      await logged(failing, `KV put keystone:${digest(token)}`);
      await logged(failing, line);
      assertRefused(await ask(failing, randomBytes(16).toString("hex")));
    } finally {
      await failing.stop();
    }
  });
}

test("Keystone down: remembered tokens go on until their time is up, others get 503, no token 401", async () => {
  const brief = await startWorker({ vars: { ...settings, TOKEN_CACHE_SECONDS: "3" } });
  const token = keystone.token();
  const other = keystone.token();
  try {
    assertKnown(await ask(brief, token));
    const learned = Date.now();
    await keystone.stop();
    while (Date.now() < learned + 2_500) {
      assertKnown(await ask(brief, token));
      assertKeystoneUnavailable(await ask(brief, other));
      assertRefused(await ask(brief));
      await sleep(300);
    }
    await sleep(learned + 3_100 - Date.now());
    assertKeystoneUnavailable(await ask(brief, token));
  } finally {
    await keystone.resume();
    await brief.stop();
  }
});

const service = { roles: ["service"], project: projectId() };

test("X-Service-Token: an invalid one is 401, whatever the user's token", async () => {
  const headers = { "X-Service-Token": randomBytes(16).toString("hex") };
  assertRefused(await ask(worker, keystone.token(), headers));
});

test("X-Service-Token: one of a service asks about the user's token and lets an expired one pass", async () => {
  const expired = keystone.token({ expiresIn: -60 });
  assertRefused(await ask(worker, expired));
  const serviceToken = keystone.token(service);
  keystone.asked.length = 0;
  assertKnown(await ask(worker, expired, { "X-Service-Token": serviceToken }));
  assert.deepEqual(
    keystone.asked.map(({ url, headers }) => [url, headers["x-auth-token"], headers["x-subject-token"]]),
    [
      ["/v3/auth/tokens?nocatalog", serviceToken, serviceToken],
      ["/v3/auth/tokens?nocatalog&allow_expired=1", serviceToken, expired],
    ],
  );
  // How long an expired token passes is Keystone's decision, each time.
  assertKnown(await ask(worker, expired, { "X-Service-Token": serviceToken }));
  assert.equal(keystone.asked.length, 3);
  assertRefused(await ask(worker, expired));
  keystone.revoke(expired);
  assertRefused(await ask(worker, expired, { "X-Service-Token": serviceToken }));
});

test("X-Service-Token: a user's own token is valid, but lets nothing pass", async () => {
  const expired = keystone.token({ expiresIn: -60 });
  const user = keystone.token({ roles: ["member"] });
  assertKnown(await ask(worker, user, { "X-Service-Token": user }));
  assertRefused(await ask(worker, expired, { "X-Service-Token": user }));
  assert.ok(keystone.asked.every(({ url }) => !url.includes("allow_expired")));
});

test("X-Service-Token: one that is empty or white space counts as absent", async () => {
  const token = keystone.token();
  for (const empty of ["", " ", "\t"]) assertKnown(await ask(worker, token, { "X-Service-Token": empty }));
  assert.equal(keystone.asked.length, 1);
  assertRefused(await ask(worker, keystone.token({ expiresIn: -60 }), { "X-Service-Token": "" }));
});

test("X-Service-Token: one whose access rules do not allow the request is valid, but vouches for nothing", async () => {
  const restricted = (rules: object[]): object => ({ application_credential: { id: "a", access_rules: rules } });
  const rules = [{ id: "r", service: "compute", method: "GET", path: "/registry/images/*" }];
  const serviceToken = keystone.token({ ...service, fields: { ...restricted(rules) } });
  const headers = { "X-Service-Token": serviceToken };
  const path = `/registry/images/${resourceId()}`;
  const put = { headers, body: { image: { project_id: projectId() } } };
  // Neither for itself, nor for another restricted token, nor for one that has expired.
  const other = keystone.token({ roles: ["admin"], fields: { ...restricted([]) } });
  const expired = keystone.token({ roles: ["admin"], expiresIn: -60 });
  for (const token of [serviceToken, other, expired]) {
    assertRefused(await worker.request("PUT", path, { token, ...put }));
  }
  assert.ok(keystone.asked.every(({ url }) => !url.includes("allow_expired")));
  assert.equal((await worker.request("PUT", path, { token: keystone.token({ roles: ["admin"] }), ...put })).status, 201);
  // Where its rules allow the request, it is a service like another.
  for (const token of [serviceToken, other, expired]) {
    assert.equal((await worker.request("GET", path, { token, headers })).status, 200);
  }
});

test("X-Service-Token: without a user's token it is 401 and costs Keystone nothing", async () => {
  keystone.behaviour = (response) => json(response, 500, {});
  const headers = { "X-Service-Token": keystone.token(service) };
  for (const token of [undefined, "", " ", "a b", "x".repeat(8_001)]) assertRefused(await ask(worker, token, headers));
  assert.equal(keystone.asked.length, 0);
});

test("X-Service-Token: 503 when it cannot be checked", async () => {
  keystone.behaviour = (response) => json(response, 500, {});
  assertKeystoneUnavailable(await ask(worker, keystone.token(), { "X-Service-Token": keystone.token(service) }));
});

test("access rules: what no rule allows is 401, and the rules are remembered with the token", async () => {
  const project = projectId();
  const rule = (method: string, path: string, to = "compute"): object => ({ id: "r", service: to, method, path });
  const rules = [rule("GET", "/v2.1/servers/*/metadata"), rule("DELETE", "/servers/**", "image")];
  const fields = { application_credential: { id: "a", name: "n", restricted: true, access_rules: rules } };
  const ruled = keystone.token({ project, fields });
  const path = `/v2.1/servers/${resourceId()}/metadata`;
  const check = async (): Promise<void> => {
    assertKnown(await worker.request("GET", path, { token: ruled }));
    assertKnown(await worker.request("GET", `${path}?limit=1`, { token: ruled }));
    assertRefused(await worker.request("PUT", path, { token: ruled, body: { metadata: {} } }));
    assertRefused(await worker.request("GET", `${path}/key1`, { token: ruled }));
    assertRefused(await worker.request("DELETE", `/servers/${resourceId()}/metadata/key1`, { token: ruled }));
  };
  await check();
  for (let wait = 0; wait < 40 && (await (await worker.kv()).get(`keystone:${digest(ruled)}`)) === null; wait += 1)
    await sleep(25);
  await worker.restart();
  await check();
  assert.equal(keystone.asked.length, 1);
  // A service in a chain of requests goes on what the first of them was allowed.
  const headers = { "X-Service-Token": keystone.token(service) };
  assertKnown(await worker.request("GET", `${path}/key1`, { token: ruled, headers }));
  const user = { "X-Service-Token": keystone.token() };
  assertRefused(await worker.request("GET", `${path}/key1`, { token: ruled, headers: user }));
  // No rule at all is not the same as no rules.
  const none = keystone.token({ fields: { application_credential: { id: "a", access_rules: [] } } });
  assertRefused(await worker.request("GET", path, { token: none }));
  const unruled = keystone.token({ fields: { application_credential: { id: "a", access_rules: null } } });
  assertKnown(await worker.request("GET", path, { token: unruled }));
});

test("1,000 access rules and the longest path cost an answer less than 20 ms", async () => {
  const rules = Array.from({ length: 1_000 }, (_, at) => ({
    id: String(at),
    service: "compute",
    method: "GET",
    // As long as Keystone lets one be, and with as many ways through the path as there can be.
    path: `/**${"/*".repeat(109)}${String(at).padStart(4, "0")}`,
  }));
  const ruled = keystone.token({ fields: { application_credential: { id: "a", access_rules: rules } } });
  const path = "/a".repeat(1_024);
  const fastest = async (token: string, status: number): Promise<number> => {
    const answers = await many(20, 1, () => worker.request("GET", path, { token }));
    for (const answer of answers) assert.equal(answer.status, status);
    return Math.min(...answers.map(({ milliseconds }) => milliseconds));
  };
  const [without, withRules] = [await fastest(keystone.token(), 404), await fastest(ruled, 401)];
  assert.ok(withRules - without < 20, `${without} ms without rules, ${withRules} ms with them`);
});

test("a path of more than 2,048 bytes matches no access rule", async () => {
  const rules = [{ id: "r", service: "compute", method: "GET", path: "/**" }];
  const ruled = keystone.token({ fields: { application_credential: { id: "a", access_rules: rules } } });
  const longest = `/${"a".repeat(2_047)}`;
  assertKnown(await worker.request("GET", longest, { token: ruled }));
  assertRefused(await worker.request("GET", `${longest}a`, { token: ruled }));
  assertKnown(await worker.request("GET", `${longest}a`, { token: keystone.token() }));
});

test("a token without a project is None, and an admin's without one is an admin of images", async () => {
  const url = projectId();
  const unscoped = keystone.token({ project: null, roles: [] });
  const system = keystone.token({ project: null, roles: ["admin"], fields: { system: { all: true } } });
  const image = resourceId();
  const registrar = keystone.token({ roles: ["admin"] });
  const body = { image: { project_id: url, metadata: { key1: "value1" } } };
  assert.equal((await worker.request("PUT", `/registry/images/${image}`, { token: registrar, body })).status, 201);
  for (const token of [unscoped, system]) {
    const mismatch = await worker.request("GET", `/v2.1/${url}/servers/${resourceId()}/metadata`, { token });
    const message = `Malformed request URL: URL's project_id '${url}' doesn't match Context's project_id 'None'`;
    assertFault(mismatch, 400, "badRequest", message);
    const server = await worker.request("GET", `/v2.1/servers/${resourceId()}/metadata`, { token });
    assert.equal(server.status, 403);
    assert.equal((await worker.request("GET", `/registry/images/${image}`, { token })).status, 403);
  }
  assertFault(
    await worker.request("GET", `/images/${image}/metadata`, { token: unscoped }),
    404,
    "itemNotFound",
    "Image not found.",
  );
  assertNoContent(await worker.request("DELETE", `/images/${image}/metadata/key1`, { token: system }));
});

test("a domain's admin is no admin of images, from Keystone, from memory and from KV", async () => {
  const image = resourceId();
  const registrar = keystone.token({ roles: ["admin"] });
  const body = { image: { project_id: projectId(), metadata: { key1: "value1" } } };
  assert.equal((await worker.request("PUT", `/registry/images/${image}`, { token: registrar, body })).status, 201);
  const fields = { domain: { id: "default", name: "Default" } };
  const domain = keystone.token({ project: null, roles: ["admin"], fields });
  const path = `/images/${image}/metadata/key1`;
  keystone.asked.length = 0;
  const check = async (): Promise<void> => {
    for (const method of ["GET", "DELETE"]) {
      const answer = await worker.request(method, path, { token: domain });
      assertFault(answer, 404, "itemNotFound", "Image not found.");
    }
    assert.equal((await worker.request("GET", `/registry/images/${image}`, { token: domain })).status, 403);
  };
  await check();
  const kv = await worker.kv();
  for (let wait = 0; wait < 40 && (await kv.get(`keystone:${digest(domain)}`)) === null; wait += 1) await sleep(25);
  await worker.restart();
  await check();
  assert.equal(keystone.asked.length, 1);
});

/** What release 0.1 wrote to KV. */
function storedBefore(project: string, roles: string[]): string {
  const inAnHour = new Date(Date.now() + 3_600_000).toISOString();
  const claims = { user_id: "u", project_id: project, roles, expires_at: inAnHour, access_rules: null };
  return JSON.stringify({ ...claims, cached_until: inAnHour });
}

test("what release 0.1 left in KV is not believed, because it does not name its Keystone", async () => {
  const kv = await worker.kv();
  const token = keystone.token();
  await kv.put(`keystone:${digest(token)}`, storedBefore(projectId(), ["member"]));
  keystone.revoke(token);
  assertRefused(await ask(worker, token));
  assert.equal(keystone.asked.length, 1);
});

for (const [name, value] of [
  ["KEYSTONE_URL", "keystone.example"],
  ["KEYSTONE_URL", `${keystone.url}/auth/tokens`],
  ["KEYSTONE_URL", keystone.url.replace("/v3", "/v2.0")],
  ["KEYSTONE_URL", ""],
  ["KEYSTONE_PUBLIC_URL", "the usual place"],
  ["KEYSTONE_DEADLINE_MS", "soon"],
  ["KEYSTONE_APPLICATION_CREDENTIAL_SECRET", ""],
] as const) {
  test(`500: ${name}=${value}, and the log names it`, async () => {
    const wrong = await startWorker({
      vars: {
        ...settings,
        KEYSTONE_APPLICATION_CREDENTIAL_ID: "id",
        KEYSTONE_APPLICATION_CREDENTIAL_SECRET: "not to be told",
        [name]: value,
      },
    });
    try {
      assert.equal((await ask(wrong, keystone.token())).status, 500);
      await logged(wrong, `setting ${name} is`);
      assert.ok(wrong.logs().every((line) => !line.includes("not to be told")));
      assert.equal(keystone.asked.length, 0);
    } finally {
      await wrong.stop();
    }
  });
}

test("no token, and nothing it can be recovered from, is in any answer, log line, key or value", async () => {
  const watched = await startWorker({ vars: { ...settings, ...credential } });
  try {
    keystone.behaviour = keystone.issuing;
    const user = randomBytes(16).toString("hex");
    const good = keystone.token({ fields: { user: { id: user } } });
    const expired = keystone.token({ expiresIn: -60 });
    const unknown = randomBytes(32).toString("hex");
    const serviceToken = keystone.token(service);
    const answers = [
      await ask(watched, good),
      await ask(watched, good),
      await ask(watched, unknown),
      await ask(watched, expired, { "X-Service-Token": serviceToken }),
      await ask(watched, good, { "X-Service-Token": unknown }),
      await watched.request("GET", "/v2.1/0/servers/1/metadata", { token: good }),
    ];
    const failures: Behaviour[] = [
      (response) => json(response, 500, {}),
      (response) => fault(response, 403),
      (response) => json(response, 404, {}),
      (response) => void response.destroy(),
      () => {},
      (response) => void response.writeHead(302, { Location: `http://127.0.0.1:1/${unknown}` }).end(),
      (response, { headers }) => json(response, 200, { token: String(headers["x-subject-token"]) }),
      (response, { headers }) => json(response, 400, { error: String(headers["x-subject-token"]) }),
    ];
    const others: string[] = [];
    for (const failure of failures) {
      keystone.behaviour = failure;
      others.push(keystone.token());
      answers.push(await ask(watched, others.at(-1)));
    }
    const own = keystone.asked.map(({ headers }) => String(headers["x-auth-token"]));
    const secrets = new Set([good, expired, unknown, serviceToken, ...others, ...own, ...Object.values(credential)]);
    secrets.delete("undefined");
    secrets.delete(credential.KEYSTONE_APPLICATION_CREDENTIAL_ID);
    // The search does find what is there: claims, under the digest.
    for (let wait = 0; wait < 40 && (await watched.stored(digest(good))).length === 0; wait += 1) await sleep(25);
    assert.notDeepEqual(await watched.stored(user), []);
    assert.notDeepEqual(await watched.stored(`keystone:${digest(good)}`), []);
    assert.ok(watched.logs().some((line) => line.includes("answered 500 with JSON")));
    assert.ok(secrets.size > 10);
    for (const secret of secrets) {
      for (const form of [
        secret,
        Buffer.from(secret).toString("base64").replace(/=+$/, ""),
        Buffer.from(secret).toString("hex"),
      ]) {
        assert.deepEqual(
          watched.logs().filter((line) => line.includes(form)),
          [],
        );
        assert.deepEqual(await watched.stored(form), []);
        for (const answer of answers) {
          assert.ok(!answer.text.includes(form));
          for (const [name, value] of answer.headers.list) assert.ok(!value.includes(form), name);
        }
      }
    }
  } finally {
    await watched.stop();
  }
});
