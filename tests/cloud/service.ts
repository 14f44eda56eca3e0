// A program of the cloud that is served by uWSGI, on a port that stays the same however often it is ended.
import { spawn, type ChildProcess } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import net from "node:net";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { Failure } from "../../scripts/report.mjs";
import { until } from "./wait.ts";

const STARTS_WITHIN_MS = 120_000;

export interface ServiceOptions {
  name: string;
  folder: string;
  port: number;
  uwsgi: string;
  /** What is served: a Python module and the application in it. */
  module: string;
  processes: number;
  threads: number;
  /** What answers once it has started. */
  ready: string;
  env: Record<string, string>;
}

export class Service {
  #process: ChildProcess | undefined;
  #gone: Promise<void> = Promise.resolve();

  constructor(readonly options: ServiceOptions) {}

  get port(): number {
    return this.options.port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async start(): Promise<void> {
    const { name, folder, port, uwsgi, module, processes, threads, env } = this.options;
    const args = [
      ...["--http-socket", `127.0.0.1:${port}`, "--module", module, "--master", "--processes", String(processes)],
      ...["--enable-threads", "--threads", String(threads), "--lazy-apps", "--need-app", "--die-on-term", "--no-orphans"],
      ...["--buffer-size", "65535", "--http-chunked-input", "--disable-logging"],
      // It closes each connection, but does not say so unless it is told to.
      ...["--add-header", "Connection: close"],
    ];
    const log = path.join(folder, "uwsgi.log");
    const output = openSync(log, "a");
    const child = spawn(uwsgi, args, {
      cwd: folder,
      env: { ...process.env, ...env },
      stdio: ["ignore", output, output],
      detached: true,
    });
    closeSync(output);
    this.#process = child;
    this.#gone = new Promise((resolve) => child.once("close", () => resolve()));
    const end = Date.now() + STARTS_WITHIN_MS;
    while (!(await this.#answers())) {
      if (child.exitCode !== null || child.signalCode !== null || Date.now() > end) {
        throw new Failure(`${name} does not start:\n${readFileSync(log, "utf8")}`);
      }
      await sleep(100);
    }
  }

  async #answers(): Promise<boolean> {
    try {
      return (await fetch(`${this.url}${this.options.ready}`, { redirect: "manual" })).status < 500;
    } catch {
      return false;
    }
  }

  /** SIGKILL for its master and its processes, at once. */
  async kill(): Promise<void> {
    const pid = this.#process?.pid;
    this.#process = undefined;
    if (pid === undefined) return;
    try {
      process.kill(-pid, "SIGKILL");
    } catch {
      // It has ended by itself.
    }
    await this.#gone;
    // Its processes end after it, and hold its port until then.
    await until(`${this.options.name} leaves its port`, async () => !(await this.#listens()), { every: 10 });
  }

  #listens(): Promise<boolean> {
    return new Promise((resolve) => {
      const socket = net.connect(this.port, "127.0.0.1");
      socket.once("connect", () => {
        socket.destroy();
        resolve(true);
      });
      socket.once("error", () => resolve(false));
    });
  }

  async restart(): Promise<void> {
    await this.kill();
    await this.start();
  }
}
