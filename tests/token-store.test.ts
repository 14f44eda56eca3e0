// The KV namespace of embedded tokens: how often it is read, and what a client sees when it fails.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { assertFault, assertUnauthorized } from "./answers.ts";
import { startWorker, tokenKey, type Answer, type Worker } from "./harness.ts";
import { AT_ONCE_MS, ask, assertKnown, assertTook, logged, many } from "./keystone-probe.ts";

const CACHE_SECONDS = 2;
const entry = "tests/failing-kv.js";
const slow = await startWorker({ vars: { KV_FAILURE: "answers late", TOKEN_CACHE_SECONDS: String(CACHE_SECONDS) }, entry });
after(() => slow.stop());

/** How often KV was asked for a token. Its lines come after the answers they belong to. */
async function reads(worker: Worker, token: string): Promise<number> {
  await logged(worker, `KV get ${tokenKey(token)}`);
  await sleep(100);
  return worker.logs().filter((line) => line.includes(`KV get ${tokenKey(token)}`)).length;
}

test("a made-up token that comes again and again is looked up in KV once in a while", async () => {
  const token = randomBytes(16).toString("hex");
  for (const answer of await many(30, 1, () => ask(slow, token))) assertUnauthorized(answer, slow);
  assert.equal(await reads(slow, token), 1);
  await sleep(CACHE_SECONDS * 1000);
  assertUnauthorized(await ask(slow, token), slow);
  assert.equal(await reads(slow, token), 2);
});

for (const [what, make] of [
  ["made-up", async () => randomBytes(16).toString("hex")],
  ["valid", async () => slow.token({ project: "ace", roles: ["member"] })],
  ["expired", async () => slow.token({ project: "ace", roles: ["member"], expiresIn: -1 })],
] as const) {
  test(`many requests at once with one ${what} token read KV once`, async () => {
    const token = await make();
    for (const answer of await many(30, 30, () => ask(slow, token))) {
      if (what === "valid") assertKnown(answer);
      else assertUnauthorized(answer, slow);
    }
    assert.equal(await reads(slow, token), 1);
  });
}

test("made-up tokens evict no valid one from memory", async () => {
  const patient = await startWorker({ vars: { KV_FAILURE: "answers late" }, entry });
  try {
    const token = await patient.token({ project: "ace", roles: ["member"] });
    assertKnown(await ask(patient, token));
    await many(1_100, 50, () => ask(patient, randomBytes(16).toString("hex")));
    assertKnown(await ask(patient, token));
    assert.equal(await reads(patient, token), 1);
  } finally {
    await patient.stop();
  }
});

function assertStoreUnavailable(answer: Answer): void {
  assertFault(answer, 503, "serviceUnavailable", "The token store is temporarily unavailable.");
  assert.deepEqual(answer.headers.all("Retry-After"), ["1"]);
}

const DEADLINE_MS = 800;

for (const [failure, least, most, line] of [
  ["throws", 0, AT_ONCE_MS, "KV failed: Error: KV GET failed: 500 Internal Server Error"],
  ["hangs", DEADLINE_MS / 2, DEADLINE_MS + AT_ONCE_MS, "KV did not answer in time"],
] as const) {
  test(`503: KV ${failure}; answer and log say that it is the token store`, async () => {
    const vars = { KV_FAILURE: failure, REQUEST_DEADLINE_MS: String(DEADLINE_MS) };
    const failing = await startWorker({ vars, entry });
    try {
      // The first request of an isolate also starts it.
      assertUnauthorized(await ask(failing), failing);
      const token = randomBytes(16).toString("hex");
      for (let at = 0; at < 2; at += 1) {
        const answer = await ask(failing, token);
        assertStoreUnavailable(answer);
        assertTook(answer, least, most);
      }
      // It is no verdict on the token: each request asked.
      assert.equal(await reads(failing, token), 2);
      await logged(failing, `the token cannot be checked: ${line}`);
    } finally {
      await failing.stop();
    }
  });
}

test("claims that cannot be parsed are a 401, and the log says so without the token", async () => {
  const token = randomBytes(16).toString("hex");
  await (await slow.kv()).put(tokenKey(token), '{"user_id": "u", "roles": "admin"}');
  assertUnauthorized(await ask(slow, token), slow);
  await logged(slow, "the claims of the token in KV are malformed");
  assert.deepEqual(
    slow.logs().filter((line) => line.includes(token)),
    [],
  );
});
