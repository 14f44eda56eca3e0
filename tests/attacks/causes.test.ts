// A slow body, a KV that hangs and a disk that is full: answer and log name each as what it is, and the log does so
// once a minute, however many requests meet it.
import assert from "node:assert/strict";
import { after, test } from "node:test";

import { assertFault } from "../answers.ts";
import { withFilesUpTo } from "../faults/disk.ts";
import type { Answer } from "../harness.ts";
import { Project } from "../project.ts";
import { startWorkerd, type PlainWorkerd } from "../workerd.ts";
import { Connection } from "./connection.ts";
import { startKv } from "./kv.ts";

const REQUESTS = 30;
const STORE = "The metadata store is temporarily unavailable.";
const TOKENS = "The token store is temporarily unavailable.";
const vars = { REQUEST_DEADLINE_MS: "1000" };

const kv = await startKv();
const slow = await startWorkerd({ vars });
const withoutKv = await startWorkerd({ vars, kv });
const full = await startWorkerd({ through: withFilesUpTo(256) });
after(async () => {
  await Promise.all([slow.stop(), withoutKv.stop(), full.stop()]);
  await kv.stop();
});

/** The lines of errors whose detail says this, since there were so many lines. */
function errors(worker: PlainWorkerd, since: number, detail: RegExp): string[] {
  const lines = worker
    .logs()
    .slice(since)
    .filter((line) => line.includes('"level":"error"'));
  for (const line of lines) assert.match(line, detail);
  return lines;
}

/** One, or one more where a minute began meanwhile. */
function assertLogged(worker: PlainWorkerd, since: number, detail: RegExp): void {
  const lines = errors(worker, since, detail);
  assert.ok(lines.length === 1 || lines.length === 2, `${lines.length} lines:\n${lines.slice(0, 5).join("\n")}`);
}

test("bodies that do not arrive in time are answered so, and logged once", async () => {
  const project = new Project(slow);
  const server = await project.server();
  const token = await project.as("member");
  const since = slow.logs().length;
  const ask = async (): Promise<Answer> => {
    const connection = await Connection.open(slow.url);
    const headers = { "X-Auth-Token": token, "Content-Type": "application/json", "Content-Length": "1000" };
    await connection.send(connection.head("PUT", `/servers/${server}/metadata`, headers));
    const answer = await connection.answer();
    connection.close();
    return answer;
  };
  for (const answer of await Promise.all(Array.from({ length: REQUESTS }, ask))) {
    assertFault(answer, 503, "serviceUnavailable", "The request body did not arrive in time.");
  }
  assertLogged(slow, since, /body/i);
});

test("a KV that hangs is answered as the store of the tokens that it is, and logged once", async () => {
  kv.beforeRead = () => new Promise(() => {});
  const since = withoutKv.logs().length;
  const ask = (at: number) => withoutKv.request("GET", "/servers/none/metadata", { token: `token-${at}` });
  const answers = await Promise.all(Array.from({ length: REQUESTS }, (_, at) => ask(at)));
  kv.answerAtOnce();
  for (const answer of answers) assertFault(answer, 503, "serviceUnavailable", TOKENS);
  assertLogged(withoutKv, since, /KV/);
});

test("a disk that is full is answered as the metadata store, and logged once", async () => {
  const project = new Project(full);
  const server = await project.server({ metadata: {} });
  const registrar = await full.registrar();
  const refused: Answer[] = [];
  const since = full.logs().length;
  for (let at = 0; refused.length < REQUESTS; at += 1) {
    assert.ok(at < 5_000, "the disk does not become full");
    // Nothing is kept of an earlier change, so the disk becomes full by a server that grows.
    const metadata = { key: "x".repeat(Math.min(20_000 * (at + 1), 900_000)) };
    const answer = await full.request("PUT", `/registry/servers/${server}`, { token: registrar, body: { server: { metadata } } });
    if (answer.status === 200) refused.length = 0;
    else refused.push(answer);
  }
  for (const answer of refused) assertFault(answer, 503, "serviceUnavailable", STORE);
  assertLogged(full, since, /SQLITE_FULL|SQLITE_IOERR|disk/i);
});
