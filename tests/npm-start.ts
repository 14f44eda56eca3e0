/** `npm start`, as a person runs it, for whoever tests what it serves. */
import assert from "node:assert/strict";
import { execFile, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import net from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";

import { freePort } from "../scripts/free-port.mjs";
import { repository } from "./harness.ts";

export const STARTS_WITHIN_MS = 120_000;
export const GONE_WITHIN_MS = 10_000;

const started: Start[] = [];

/** Ends what has been started, however it was. */
export function endAll(): void {
  for (const { npm, processes } of started) for (const pid of [...processes, npm.pid ?? 0]) kill(pid);
}

export class Start {
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

export async function start(...args: string[]): Promise<Start> {
  const start = new Start(await freePort(), args);
  started.push(start);
  return start;
}

export async function until(
  condition: () => boolean | Promise<boolean>,
  milliseconds: number,
  what: () => string,
): Promise<void> {
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
