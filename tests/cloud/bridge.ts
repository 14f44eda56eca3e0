// The bridge as it is installed: a process of its own, its settings in a file, its log as JSON.
import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";

import { freePort } from "../../scripts/free-port.mjs";
import type { Cloud } from "./cloud.ts";
import { given, QUEUES } from "./cloud.ts";

const READY_WITHIN_MS = 120_000;
const ENDS_WITHIN_MS = 60_000;

export interface BridgeOptions {
  cloud: Cloud;
  /** The edge's address. */
  edge: string;
  /** The token that it shows there; without it the session's. */
  token?: string;
  /** How it authenticates; an application credential unless it is told otherwise. */
  auth?: "credential" | "password";
  interface?: "public" | "internal";
  /** Further lines of its settings, by table. */
  settings?: Record<string, string>;
  prefetch?: number;
}

export interface LogLine {
  level: string;
  message: string;
  [field: string]: unknown;
}

export interface Ended {
  code: number;
  /** Results: a line of JSON each. */
  // biome-ignore lint/suspicious/noExplicitAny: its shape is what a test asserts next; a type would be a claim.
  lines: any[];
  log: LogLine[];
}

/** Settings of a bridge, with which its commands are run. */
export class Bridge {
  #process: ChildProcess | undefined;
  #gone: Promise<number | null> = Promise.resolve(null);
  readonly log: LogLine[] = [];

  private constructor(
    readonly folder: string,
    readonly metricsPort: number,
  ) {}

  static async prepare(name: string, options: BridgeOptions): Promise<Bridge> {
    const folder = path.join(options.cloud.folder, name);
    mkdirSync(folder);
    writeFileSync(path.join(folder, "clouds.yaml"), await cloudsYaml(options), { mode: 0o600 });
    if (options.token !== undefined) writeFileSync(path.join(folder, "token"), `${options.token}\n`, { mode: 0o600 });
    const metricsPort = await freePort();
    writeFileSync(path.join(folder, "bridge.toml"), settings(folder, metricsPort, options));
    return new Bridge(folder, metricsPort);
  }

  #spawn(args: string[], stdout: "pipe" | "ignore"): ChildProcess {
    const own = args.includes("--config") ? [] : ["--config", path.join(this.folder, "bridge.toml")];
    const child = spawn(given("CLOUD_BRIDGE"), [...own, ...args], {
      cwd: this.folder,
      env: { PATH: process.env["PATH"], HOME: this.folder, RUST_BACKTRACE: "1" },
      stdio: ["ignore", stdout, "pipe"],
    });
    assert.ok(child.stderr);
    createInterface({ input: child.stderr }).on("line", (line) => this.log.push(parsed(line)));
    return child;
  }

  /** `run`, until it says that it is ready. */
  async start(...args: string[]): Promise<void> {
    const since = this.log.length;
    await this.begin(...args);
    await this.says("ready", READY_WITHIN_MS, since);
  }

  /** `run`, without waiting for anything. */
  async begin(...args: string[]): Promise<void> {
    const child = this.#spawn(["run", ...args], "ignore");
    this.#process = child;
    this.#gone = new Promise((resolve) => child.once("close", (code) => resolve(code)));
  }

  /** Waits for a line of its log that has this message. */
  async says(message: string, within = 60_000, since = 0): Promise<LogLine> {
    const until = Date.now() + within;
    for (;;) {
      const line = this.log.slice(since).find((line) => line.message === message);
      if (line) return line;
      const running = this.#process?.exitCode === null && this.#process.signalCode === null;
      assert.ok(running && Date.now() < until, `the bridge does not say "${message}":\n${this.tail()}`);
      await sleep(20);
    }
  }

  tail(lines = 30): string {
    return this.log
      .slice(-lines)
      .map((line) => JSON.stringify(line))
      .join("\n");
  }

  get pid(): number {
    assert.ok(this.#process?.pid, "the bridge is not running");
    return this.#process.pid;
  }

  /** SIGTERM; gives its exit code. */
  async stop(): Promise<number | null> {
    this.#process?.kill("SIGTERM");
    const kill = setTimeout(() => this.#process?.kill("SIGKILL"), ENDS_WITHIN_MS);
    const code = await this.#gone;
    clearTimeout(kill);
    this.#process = undefined;
    return code;
  }

  /** SIGKILL, at once. */
  async kill(): Promise<void> {
    this.#process?.kill("SIGKILL");
    await this.#gone;
    this.#process = undefined;
  }

  /** Another command, to its end or until `interrupt` says to kill it. */
  async command(args: string[], interrupt?: (log: LogLine[]) => boolean): Promise<Ended> {
    const since = this.log.length;
    const child = this.#spawn(args, "pipe");
    let stdout = "";
    child.stdout?.setEncoding("utf8").on("data", (text: string) => (stdout += text));
    const watch = setInterval(() => {
      if (interrupt?.(this.log.slice(since))) child.kill("SIGKILL");
    }, 20);
    const code = await new Promise<number>((resolve) => child.once("close", (code) => resolve(code ?? -1)));
    clearInterval(watch);
    const lines = stdout
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as unknown);
    return { code, lines, log: this.log.slice(since) };
  }

  /** Bytes of memory: now, and at most so far. */
  memory(): { now: number; most: number } {
    const status = readFileSync(`/proc/${this.pid}/status`, "utf8");
    const kilobytes = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(status)?.[1]);
    return { now: kilobytes("VmRSS") * 1024, most: kilobytes("VmHWM") * 1024 };
  }

  /** What it counts, by name and labels. */
  async metrics(): Promise<Map<string, number>> {
    const text = await (await fetch(`http://127.0.0.1:${this.metricsPort}/metrics`)).text();
    const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
    return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(" ")), Number(line.slice(line.lastIndexOf(" ")))]));
  }
}

function parsed(line: string): LogLine {
  try {
    return JSON.parse(line) as LogLine;
  } catch {
    return { level: "NONE", message: line };
  }
}

async function cloudsYaml(options: BridgeOptions): Promise<string> {
  const { keystone, bridgeUser, serviceProject } = options.cloud;
  const where = `      auth_url: ${keystone.url}\n`;
  const kind = `    interface: ${options.interface ?? "public"}\n    region_name: RegionOne\n`;
  if (options.auth === "password") {
    return `clouds:
  tests:
${kind}    auth:
${where}      username: ${bridgeUser.name}
      password: "${bridgeUser.password}"
      user_domain_id: default
      project_id: ${serviceProject}
`;
  }
  const token = await keystone.token(bridgeUser, { project: { id: serviceProject } });
  const { id, secret } = await keystone.credential(bridgeUser, token);
  return `clouds:
  tests:
    auth_type: v3applicationcredential
${kind}    auth:
${where}      application_credential_id: ${id}
      application_credential_secret: ${secret}
`;
}

function settings(folder: string, metricsPort: number, options: BridgeOptions): string {
  const { cloud, edge, token, prefetch = 500 } = options;
  const more = (table: string): string => options.settings?.[table] ?? "";
  const queues = (names: readonly string[]): string => JSON.stringify(names);
  return `[cloud]
name = "tests"
clouds_file = "${path.join(folder, "clouds.yaml")}"
${more("cloud")}
[edge]
url = "${edge}"
${token === undefined ? "" : `token_file = "${path.join(folder, "token")}"`}
poll_every = "100ms"
report_every = "500ms"
${more("edge")}
[[bus]]
name = "cell1"
url = "${cloud.rabbit.reading("nova")}"
queues = ${queues(QUEUES.nova)}
prefetch = ${prefetch}
look_every = "500ms"
[[bus]]
name = "glance"
url = "${cloud.rabbit.reading("glance")}"
queues = ${queues(QUEUES.glance)}
look_every = "500ms"
[run]
longest_backoff = "2s"
${more("run")}
[import]
${more("import")}
[verify]
every = "0s"
per_second = 2000
settle = "1s"
${more("verify")}
[metrics]
listen = "127.0.0.1:${metricsPort}"
`;
}
