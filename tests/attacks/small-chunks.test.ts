// Bodies that come in the smallest of chunks, or never to their end: they cost what the platform takes to read them,
// nobody else waits, and the deadline holds.
//
// The platform itself takes some 5 microseconds a chunk, so a body in chunks of one byte costs more than one in one
// piece whoever reads it. What can be held is that the Worker adds nothing for a chunk.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { assertFault } from "../answers.ts";
import { resourceId, type Answer } from "../harness.ts";
import { Project } from "../project.ts";
import { startWorkerd } from "../workerd.ts";
import { chunked, Connection } from "./connection.ts";
import { median } from "../median.ts";
import { cpuMilliseconds } from "./process.ts";

const DEADLINE_MS = 30_000;
const worker = await startWorkerd({
  entry: "tests/attacks/plain-reader.js",
  vars: { REQUEST_DEADLINE_MS: String(DEADLINE_MS) },
});
const hasty = await startWorkerd({ vars: { REQUEST_DEADLINE_MS: "1500" } });
after(() => Promise.all([worker.stop(), hasty.stop()]));

/** Just below the limit of 114,688; a value of that length is refused as late as by its schema. */
const METADATA = Buffer.from(JSON.stringify({ metadata: { key: "x".repeat(114_000) } }));
const DOCUMENT = Buffer.from(JSON.stringify({ server: { project_id: "0", name: "x".repeat(250_000) } }));

interface Sent {
  answer: Answer;
  cpu: number;
}

async function send(method: string, path: string, token: string, body: Buffer, chunkSize?: number): Promise<Sent> {
  const connection = await Connection.open(worker.url);
  const framing: Record<string, string> =
    chunkSize === undefined ? { "Content-Length": String(body.length) } : { "Transfer-Encoding": "chunked" };
  const head = connection.head(method, path, { "X-Auth-Token": token, "Content-Type": "application/json", ...framing });
  const bytes = Buffer.concat([Buffer.from(head), chunkSize === undefined ? body : chunked(body, chunkSize)]);
  const before = cpuMilliseconds(worker.pid);
  void connection.send(bytes);
  const answer = await connection.answer({ patience: 2 * DEADLINE_MS });
  const cpu = cpuMilliseconds(worker.pid) - before;
  connection.close();
  return { answer, cpu };
}

/** The cheapest of several, because whatever else the process did is on top. */
async function cheapest(times: number, measure: () => Promise<Sent>): Promise<Sent> {
  const all: Sent[] = [];
  for (let count = 0; count < times; count += 1) all.push(await measure());
  return all.toSorted((one, other) => one.cpu - other.cpu)[0] as Sent;
}

function shown({ cpu }: Sent): string {
  return `${cpu.toFixed(1)} ms of CPU`;
}

test("114 KB of metadata in chunks of one byte cost no more than twice what the platform takes to read them", async () => {
  const project = new Project(worker);
  const token = await project.as("member");
  const path = `/servers/${await project.server()}/metadata`;
  const platform = await cheapest(2, () => send("POST", `/platform${path}`, token, METADATA, 1));
  const ours = await cheapest(2, () => send("POST", path, token, METADATA, 1));
  console.log(`POST of 114 KB in chunks of one byte: ${shown(ours)}; the platform alone: ${shown(platform)}`);
  assert.equal(ours.answer.status, 400, ours.answer.text);
  assert.ok(ours.cpu < 2 * platform.cpu, `${shown(ours)}, the platform alone ${shown(platform)}`);
});

test("114 KB of metadata in chunks of 50 bytes cost at most 10 times what they cost in one piece", async () => {
  const project = new Project(worker);
  const token = await project.as("member");
  const path = `/servers/${await project.server()}/metadata`;
  const whole = await cheapest(5, () => send("POST", path, token, METADATA));
  const pieces = await cheapest(5, () => send("POST", path, token, METADATA, 50));
  console.log(`POST of 114 KB in chunks of 50 bytes: ${shown(pieces)}; in one piece: ${shown(whole)}`);
  assert.equal(pieces.answer.status, 400, pieces.answer.text);
  assert.ok(pieces.cpu < 10 * whole.cpu, `${shown(pieces)}, in one piece ${shown(whole)}`);
});

test("a document in chunks of one byte, by a token without a role, costs no more than the platform takes to throw it away", async () => {
  const project = new Project(worker);
  const token = await project.as();
  const path = `/registry/servers/${resourceId()}`;
  const platform = await cheapest(1, () => send("PUT", `/platform${path}`, token, DOCUMENT, 1));
  const ours = await cheapest(1, () => send("PUT", path, token, DOCUMENT, 1));
  console.log(`PUT of 250 KB in chunks of one byte: ${shown(ours)}; the platform alone: ${shown(platform)}`);
  assert.equal(ours.answer.status, 403, ours.answer.text);
  assert.ok(ours.cpu < 2 * platform.cpu, `${shown(ours)}, the platform alone ${shown(platform)}`);
});

test("while bodies in chunks of one byte arrive, others are served", async () => {
  const project = new Project(worker);
  const token = await project.as("member");
  const path = `/servers/${await project.server()}/metadata`;
  const wait = async (): Promise<number> => {
    const answer = await worker.request("GET", path, { token });
    assert.equal(answer.status, 200, answer.text);
    return answer.milliseconds;
  };
  const alone: number[] = [];
  for (let count = 0; count < 20; count += 1) alone.push(await wait());
  let isOver = false;
  const slow = Promise.all(Array.from({ length: 3 }, () => send("POST", path, token, METADATA, 1))).finally(() => {
    isOver = true;
  });
  const beside: number[] = [];
  while (!isOver) beside.push(await wait());
  await slow;
  console.log(
    `${beside.length} others were served meanwhile, in ${median(beside).toFixed(1)} ms; ${median(alone).toFixed(1)} ms alone`,
  );
  assert.ok(beside.length >= 10, `only ${beside.length} others were served meanwhile`);
  assert.ok(median(beside) < 50 * median(alone), `${median(beside)} ms, and ${median(alone)} ms alone`);
});

for (const [name, begin] of [
  ["stops half-way", '{"metadata":{"key'],
  ["never begins", ""],
] as const) {
  test(`a body that ${name} is answered 503 at the deadline, which names the body`, async () => {
    const project = new Project(hasty);
    const token = await project.as("member");
    const server = await project.server();
    const connection = await Connection.open(hasty.url);
    const headers = { "X-Auth-Token": token, "Content-Type": "application/json", "Content-Length": "1000" };
    await connection.send(connection.head("POST", `/servers/${server}/metadata`, headers) + begin);
    const answer = await connection.answer();
    assertFault(answer, 503, "serviceUnavailable", "The request body did not arrive in time.");
    assert.ok(answer.milliseconds >= 1_400 && answer.milliseconds < 5_000, `after ${answer.milliseconds} ms`);
    connection.close();
  });
}

test("a body that goes on for ever, a byte at a time, is answered 503 at the deadline", async () => {
  const project = new Project(hasty);
  const token = await project.as("member");
  const server = await project.server();
  const connection = await Connection.open(hasty.url);
  const headers = { "X-Auth-Token": token, "Content-Type": "application/json", "Transfer-Encoding": "chunked" };
  await connection.send(connection.head("POST", `/servers/${server}/metadata`, headers));
  let isAnswered = false;
  const dripping = (async () => {
    while (!isAnswered && !connection.isClosed) {
      await connection.send("1\r\n \r\n");
      await sleep(20);
    }
  })();
  const answer = await connection.answer().finally(() => (isAnswered = true));
  await dripping;
  assertFault(answer, 503, "serviceUnavailable", "The request body did not arrive in time.");
  assert.ok(answer.milliseconds < 5_000, `after ${answer.milliseconds} ms`);
  connection.close();
});
