// Clients that reset their connections: what is held for their requests is let go of, and whoever waits for the same
// answer is not held up.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { tokenKey } from "../harness.ts";
import { startKeystone, type Behaviour } from "../keystone-fake.ts";
import { Project } from "../project.ts";
import { startWorkerd, type PlainWorkerd } from "../workerd.ts";
import { Connection } from "./connection.ts";
import { startKv } from "./kv.ts";
import { residentMegabytes } from "./process.ts";
import { until } from "./until.ts";

const RESETS = 10_000;
const AT_ONCE = 100;
/** Nobody is answered before the client has reset. */
const ANSWER_AFTER_MS = 100;

/**
 * What the memory of the process may grow by. A runtime keeps some of what it once needed; a request that is kept
 * costs 20 to 40 KB, which makes several hundred megabytes of all of them.
 */
const MAX_GROWTH_MB = 150;
/** Requests that something may hold by chance: those that were last. */
const MAX_KEPT = 100;

const kv = await startKv();
const keystone = await startKeystone();
const options = { entry: "tests/attacks/alive.js", v8Flags: ["--expose-gc"], kv };
const embedded = await startWorkerd(options);
const federated = await startWorkerd({ ...options, vars: { KEYSTONE_URL: keystone.url } });
after(async () => {
  await Promise.all([embedded.stop(), federated.stop()]);
  await Promise.all([kv.stop(), keystone.stop()]);
});

/** The requests whose token is being asked about, by what KV or Keystone is told of it: what to call when it is. */
const asked = new Map<string, () => void>();

function isAsked(name: string): Promise<void> {
  return new Promise((resolve) => asked.set(name, resolve));
}

/** Answers late, and has the client of the token reset first. */
async function answerLate(name: string): Promise<void> {
  asked.get(name)?.();
  asked.delete(name);
  await sleep(ANSWER_AFTER_MS);
}

const slowly: Behaviour = async (response, question) => {
  await answerLate(String(question.headers["x-subject-token"]));
  await keystone.honest(response, question);
};

/** Sends a request with a token that nobody knows, and resets once somebody is asked about it. */
async function resetRequest(worker: PlainWorkerd): Promise<void> {
  const token = `gAAAAA${randomBytes(48).toString("base64url")}`;
  const asking = isAsked(worker === embedded ? tokenKey(token) : token);
  const connection = await Connection.open(worker.url);
  await connection.send(connection.head("GET", "/servers/none/metadata", { "X-Auth-Token": token }));
  // One that was given up for want of time is answered without anybody being asked.
  await Promise.race([asking, connection.answer().catch(() => {})]);
  connection.reset();
}

async function resetRequests(worker: PlainWorkerd, count: number): Promise<void> {
  let left = count;
  const client = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      await resetRequest(worker);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, client));
}

/** How many requests anything in the Worker still holds. */
async function alive(worker: PlainWorkerd): Promise<number> {
  return (await worker.request("GET", "/alive")).json();
}

async function assertNothingIsKept(worker: PlainWorkerd): Promise<void> {
  // As much as the measured part needs at once, so that what the process keeps for it is there already.
  await resetRequests(worker, 1_000);
  await sleep(2 * ANSWER_AFTER_MS);
  const keptBefore = await alive(worker);
  const before = residentMegabytes(worker.pid);
  await resetRequests(worker, RESETS);
  let kept = Number.NaN;
  const isLetGo = async (): Promise<boolean> => (kept = (await alive(worker)) - keptBefore) < MAX_KEPT;
  await until("their requests are let go of", isLetGo).catch(() => {});
  const growth = residentMegabytes(worker.pid) - before;
  console.log(`${RESETS} resets: ${kept} requests kept, ${growth.toFixed(0)} MB more`);
  assert.ok(kept < MAX_KEPT, `${kept} of ${RESETS} requests are kept`);
  assert.ok(growth < MAX_GROWTH_MB, `the process grew by ${growth.toFixed(0)} MB`);
}

/** A burst of others' requests is answered as if nothing had happened. */
async function assertServed(worker: PlainWorkerd, token: string): Promise<void> {
  const answers = await Promise.all(
    Array.from({ length: AT_ONCE }, () => worker.request("GET", "/servers/none/metadata", { token })),
  );
  for (const { status, text } of answers) assert.equal(status, 404, text);
  assert.ok(!worker.logs().some((line) => line.startsWith("workerd ended")), "workerd has ended");
}

test("10,000 requests with made-up tokens whose clients reset them while KV is asked leave nothing behind", async () => {
  kv.beforeRead = answerLate;
  try {
    await assertNothingIsKept(embedded);
  } finally {
    kv.answerAtOnce();
  }
  await assertServed(embedded, await new Project(embedded).as("member"));
});

test("10,000 requests whose clients reset them while Keystone is asked leave nothing behind", async () => {
  keystone.behaviour = slowly;
  await assertNothingIsKept(federated);
  keystone.behaviour = undefined;
  await assertServed(federated, keystone.token());
});

for (const { name, worker, token, hold, asks } of [
  {
    name: "Keystone",
    worker: federated,
    token: async () => keystone.token(),
    hold: (release: Promise<void>) => {
      keystone.behaviour = async (response, question) => {
        await release;
        await keystone.honest(response, question);
      };
    },
    asks: () => keystone.validations.length,
  },
  {
    name: "KV",
    worker: embedded,
    token: () => embedded.token({ roles: ["member"] }),
    hold: (release: Promise<void>) => {
      kv.beforeRead = () => release;
    },
    asks: () => kv.reads.length,
  },
]) {
  test(`those who wait for the same answer of ${name} have it as soon as it is there, although the client that came first has reset`, async () => {
    const subject = await token();
    let release = (): void => {};
    hold(new Promise((resolve) => (release = resolve)));
    const before = asks();
    const first = await Connection.open(worker.url);
    await first.send(first.head("GET", "/servers/none/metadata", { "X-Auth-Token": subject }));
    await until(`${name} is asked`, () => asks() > before);
    const others = Array.from({ length: 10 }, () => worker.request("GET", "/servers/none/metadata", { token: subject }));
    // Nothing tells when they have come as far as to wait.
    await sleep(200);
    first.reset();
    await sleep(50);
    const released = performance.now();
    release();
    for (const { status, text } of await Promise.all(others)) assert.ok(status === 404 || status === 403, text);
    const waited = performance.now() - released;
    console.log(`${name}: answered ${waited.toFixed(0)} ms after ${name}, asked ${asks() - before} times`);
    assert.ok(waited < 1_000, `they were answered ${waited.toFixed(0)} ms after ${name}`);
    assert.equal(asks() - before, 1, "how often it was asked");
    keystone.behaviour = undefined;
    kv.answerAtOnce();
  });
}
