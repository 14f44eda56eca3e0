// `npm start`, as a person runs it: what it prints, and that nothing is left of it, however it ends.
import assert from "node:assert/strict";
import { execFile, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";

import { freePort } from "../scripts/free-port.mjs";
import { repository } from "./harness.ts";
import { startKeystone } from "./keystone-fake.ts";

const STARTS_WITHIN_MS = 120_000;
const GONE_WITHIN_MS = 10_000;

const folder = mkdtempSync(path.join(tmpdir(), "edge-metadata-start-"));
const started: Start[] = [];
after(() => {
  for (const { npm, processes } of started) for (const pid of [...processes, npm.pid ?? 0]) kill(pid);
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
});

class Start {
  stdout = "";
  stderr = "";
  readonly npm: ChildProcess;
  /** What was started on the way to `ready`, so that no test leaves anything behind. */
  processes: number[] = [];

  constructor(
    readonly port: number,
    args: string[],
  ) {
    const all = ["start", "--silent", "--", "--port", String(port), ...args];
    this.npm = spawn("npm", all, { cwd: repository, stdio: ["ignore", "pipe", "pipe"] });
    this.npm.stdout?.on("data", (chunk: Buffer) => (this.stdout += chunk));
    this.npm.stderr?.on("data", (chunk: Buffer) => (this.stderr += chunk));
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async ready(): Promise<this> {
    await until(
      () => this.stdout.includes("\nready ") || this.npm.exitCode !== null,
      STARTS_WITHIN_MS,
      () => this.stderr,
    );
    this.processes = await descendants(this.npm.pid);
    assert.equal(this.npm.exitCode, null, this.stderr);
    return this;
  }

  /** Waits until npm has ended by itself and all that it printed is here. */
  async closed(milliseconds: number): Promise<void> {
    let isClosed = false;
    void once(this.npm, "close").then(() => (isClosed = true));
    await until(
      () => isClosed,
      milliseconds,
      () => `it does not end:\n${this.stderr}`,
    );
  }

  /** Waits until nobody listens any more. */
  async gone(): Promise<void> {
    await until(
      async () => !(await isListening(this.port)),
      GONE_WITHIN_MS,
      () => "somebody still listens",
    );
  }
}

async function start(...args: string[]): Promise<Start> {
  const start = new Start(await freePort(), args);
  started.push(start);
  return start;
}

async function until(condition: () => boolean | Promise<boolean>, milliseconds: number, what: () => string): Promise<void> {
  for (const limit = Date.now() + milliseconds; !(await condition()); await sleep(50)) {
    if (Date.now() > limit) assert.fail(what());
  }
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(port, "127.0.0.1");
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}

/** The processes that one has started, and those that they have, the nearest first. */
async function descendants(pid: number | undefined): Promise<number[]> {
  const { stdout } = await promisify(execFile)("ps", ["-A", "-o", "pid=,ppid="]);
  const pairs = stdout
    .trim()
    .split("\n")
    .map((line) => line.trim().split(/ +/).map(Number));
  const found = pid === undefined ? [] : [pid];
  for (const one of found) found.push(...pairs.flatMap(([child, parent]) => (parent === one && child ? [child] : [])));
  return found.slice(1);
}

function kill(pid: number): void {
  if (pid === 0) return;
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended, as it should.
  }
}

/** The `curl` lines that were printed, as requests, with what each is said to answer. */
function offered({ stdout }: Start): { url: string; method: string; token: string; status: number }[] {
  const lines = stdout.matchAll(/Answers(?: now)?: (\d+).*\n {2}curl -i -X (\w+) -H 'X-Auth-Token: (\w+)' '(.*)'/g);
  return [...lines].map(([, status, method, token, url]) => ({
    ...{ url: url as string, method: method as string, token: token as string },
    status: Number(status),
  }));
}

const logged = (text: string): string[] => text.split("\n").filter((line) => line.includes('"message":"request"'));

test("npm start prints what can be tried, and `ready` last; its own requests are in no log", async () => {
  const data = path.join(folder, "demo");
  const first = await (await start("--persist-to", data)).ready();
  assert.match(first.stdout, /\nready http:\/\/127\.0\.0\.1:\d+\n$/);
  assert.deepEqual(logged(first.stderr), []);
  assert.doesNotMatch(first.stderr, /\[wrangler:\w+\] (GET|PUT) /);
  const requests = offered(first);
  assert.deepEqual(
    requests.map(({ status }) => status),
    [204, 204, 400],
  );
  for (const { url, method, token, status } of requests) {
    assert.equal((await fetch(url, { method, headers: { "X-Auth-Token": token } })).status, status);
  }
  await until(
    () => logged(first.stderr).length === requests.length,
    5_000,
    () => first.stderr,
  );

  first.npm.kill("SIGTERM");
  await first.closed(GONE_WITHIN_MS);
  await first.gone();

  // What was deleted stays deleted, and is said to be.
  const second = await (await start("--persist-to", data, "--var", "LOG_LEVEL:warn")).ready();
  assert.deepEqual(
    offered(second).map(({ status }) => status),
    [404, 404, 400],
  );

  // SIGKILL, which npm cannot hand on.
  second.npm.kill("SIGKILL");
  await second.gone();
});

test("npm start with a Keystone leaves the demo out, says what to do next, and asks that Keystone", async () => {
  const keystone = await startKeystone();
  try {
    const served = await (
      await start("--persist-to", path.join(folder, "keystone"), "--var", `KEYSTONE_URL:${keystone.url}`)
    ).ready();
    assert.ok(served.stdout.includes(`Tokens are those of the Keystone at ${keystone.url}`), served.stdout);
    assert.deepEqual(offered(served), []);
    assert.deepEqual(logged(served.stderr), []);
    assert.deepEqual(keystone.asked, []);
    const ask = async (token: string): Promise<number> =>
      (await fetch(`${served.url}/v2.1/servers`, { headers: { "X-Auth-Token": token } })).status;
    assert.equal(await ask(keystone.token()), 200);
    assert.equal(await ask("870466f60fd3461abbcf1f2f16ffc30f"), 401, "a token of the demo");

    // The process that npm has started, so that only its own child is left to notice.
    const [pid] = served.processes;
    assert.ok(pid);
    process.kill(pid, "SIGKILL");
    await served.gone();
  } finally {
    await keystone.stop();
  }
});

test("npm start with a bad setting ends, and shows the line that names it", async () => {
  const failed = await start("--persist-to", path.join(folder, "bad"), "--var", "LOG_LEVEL:loud");
  await failed.closed(STARTS_WITHIN_MS);
  assert.equal(failed.npm.exitCode, 1);
  assert.match(failed.stderr, /"message":.*LOG_LEVEL/);
  assert.match(failed.stderr, /error: the Worker answers 500/);
  assert.equal(failed.stdout, "");
  await failed.gone();
});

for (const option of ["--remote", "-r", "--no-local", "--local=false"]) {
  test(`npm start ${option} is refused`, async () => {
    const refused = await start(option);
    await refused.closed(STARTS_WITHIN_MS);
    assert.equal(refused.npm.exitCode, 1);
    assert.match(refused.stderr, /is refused: the demo's tokens are public/);
  });
}
