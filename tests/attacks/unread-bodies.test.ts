// Bodies that are not needed or are refused, of every size and in every framing: the client sees the answer, and the
// next request, on the same connection or on another, is answered as if nothing had been.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { Project } from "../project.ts";
import { startWorkerd } from "../workerd.ts";
import {
  assertUsable,
  expectedStatus,
  LIMIT,
  REFUSALS,
  sendBody,
  type Body,
  type Known,
  type Refusal,
  shown,
} from "./unread-bodies.ts";

/** So much that a body of 17 MiB comes to its end, so little that unfinished ones can be waited for. */
const DEADLINE_MS = 4_000;
const worker = await startWorkerd({ vars: { REQUEST_DEADLINE_MS: String(DEADLINE_MS) } });
after(() => worker.stop());

const SIZES = [LIMIT - 1, LIMIT, LIMIT + 1, 200_000, 1_048_576, 1_048_577, 3_000_000];
const BODIES: Body[] = SIZES.flatMap((size) =>
  [true, false].flatMap((isChunked) => [true, false].map((isFinished) => ({ size, isChunked, isFinished }))),
);

let known: Known;
before(async () => {
  const project = new Project(worker);
  known = {
    member: await project.as("member"),
    nobody: await project.as(),
    project: project.id,
    server: await project.server(),
  };
});

async function assertOthersServed(): Promise<void> {
  const next = await worker.request("GET", `/servers/${known.server}/metadata`, { token: known.member });
  assert.equal(next.status, 200, `the next request on another connection: ${next.status} ${next.text}`);
}

async function assertAnswered(refusal: Refusal, body: Body): Promise<void> {
  try {
    const { answer, connection } = await sendBody(worker.url, known, refusal, body);
    assert.equal(answer.status, expectedStatus(refusal, body), answer.text);
    await Promise.all([assertUsable(connection, body, known), assertOthersServed()]);
  } catch (error) {
    throw new Error(`${shown(body)}: ${(error as Error).message}`, { cause: error });
  }
}

// Those that are unfinished wait for the deadline, so several at once.
describe("bodies that are not needed or are refused", { concurrency: 4 }, () => {
  for (const refusal of REFUSALS) {
    test(`${refusal.status}: ${refusal.name}, however long its body, and the next requests are answered`, async () => {
      const finished = BODIES.filter(({ isFinished }) => isFinished);
      for (const body of finished) await assertAnswered(refusal, body);
      await Promise.all(BODIES.filter(({ isFinished }) => !isFinished).map((body) => assertAnswered(refusal, body)));
    });
  }
});

for (const isChunked of [true, false]) {
  test(`17 MiB${isChunked ? ", chunked," : ""} are answered, and the next requests are`, async () => {
    for (const status of [401, 404, 415]) {
      const refusal = REFUSALS.find((refusal) => refusal.status === status) as Refusal;
      await assertAnswered(refusal, { size: 17 * 1024 * 1024, isChunked, isFinished: true });
    }
  });
}

test("two requests with refused bodies and a third one, sent in one go, are answered in their order", async () => {
  const refusal = REFUSALS.find(({ status }) => status === 401) as Refusal;
  const { Connection, chunked } = await import("./connection.ts");
  const connection = await Connection.open(worker.url);
  const chunkedHead = connection.head("PUT", refusal.path(known), {
    "X-Auth-Token": "nobody-knows-it",
    "Transfer-Encoding": "chunked",
  });
  const plainHead = connection.head("PUT", "/nothing", { "X-Auth-Token": known.member, "Content-Length": "200000" });
  const last = connection.head("GET", `/servers/${known.server}/metadata`, { "X-Auth-Token": known.member });
  void connection.send(
    Buffer.concat([
      Buffer.from(chunkedHead),
      chunked(Buffer.alloc(300_000, "x"), 1_000),
      Buffer.from(plainHead),
      Buffer.alloc(200_000, "x"),
      Buffer.from(last),
    ]),
  );
  const statuses = [];
  for (let count = 0; count < 3; count += 1) statuses.push((await connection.answer()).status);
  assert.deepEqual(statuses, [401, 413, 200]);
  connection.close();
});
