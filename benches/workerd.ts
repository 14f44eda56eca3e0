// Runs one side in a plain workerd.
import { spawn, type ChildProcess } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { createInterface } from "node:readline";
import { Failure } from "../scripts/command.mjs";
import { configuration } from "../scripts/configuration.mjs";
import { root } from "../scripts/layout.mjs";
import type { Side } from "./sides.ts";
import { tokenKey, tokens, type Claims } from "./workload.ts";

/** The binary itself: the package's bin/ may be a script that does not pass on its pipes. */
const { default: workerd } = createRequire(import.meta.url)("workerd") as { default: string };
const { compatibilityDate } = configuration(root);

/** In memory; objects on a disk are measured separately. */
export const MEMORY = "/dev/shm";
export const DISK = path.join(root, "target");

export interface ServeOptions {
  /** The folder of the objects' databases. */
  storage?: string;
  tokens?: Map<string, Claims>;
  vars?: Record<string, string>;
  /** Whether the Worker that answers as KV starts after the side. workerd has V8 drop all code that it compiled quickly
   * whenever an isolate of its process starts. */
  tokensLast?: boolean;
  /** Takes each line that the side writes to stdout. */
  log?: (line: string) => void;
  /** For profiles: with `--perf-basic-prof` `perf` names functions of JavaScript and wasm. */
  v8Flags?: string[];
}

export interface Served {
  side: Side;
  pid: number;
  port: number;
  /** Milliseconds from the start of the process until it listens. */
  startMilliseconds: number;
  /** The folder of its objects. */
  folder: string;
  /** Restarts it on the same objects, none of which is awake; while nothing runs, `between` may change its folder. */
  restart(between?: (folder: string) => void): Promise<Served>;
  end(): Promise<void>;
}

export async function serve(side: Side, options: ServeOptions = {}): Promise<Served> {
  const storage = options.storage ?? MEMORY;
  mkdirSync(storage, { recursive: true });
  const folder = mkdtempSync(path.join(storage, "edge-metadata-bench-"));
  mkdirSync(path.join(folder, "objects"));
  for (const { name, file } of side.modules) {
    const copy = path.join(folder, name);
    mkdirSync(path.dirname(copy), { recursive: true });
    copyFileSync(file, copy);
  }
  copyFileSync(path.join(root, "benches", "tokens", "worker.mjs"), path.join(folder, "tokens.mjs"));
  writeFileSync(path.join(folder, "config.capnp"), capnp(side, options));
  return start(side, folder, options);
}

async function start(side: Side, folder: string, options: ServeOptions): Promise<Served> {
  const started = performance.now();
  const child = spawn(workerd, ["serve", path.join(folder, "config.capnp"), "--experimental", "--control-fd=3"], {
    cwd: folder,
    // Log lines are written, as when deployed, and discarded unless the caller takes them.
    stdio: ["ignore", options.log ? "pipe" : "ignore", "inherit", "pipe"],
  });
  if (options.log && child.stdout) createInterface(child.stdout).on("line", options.log);
  try {
    const port = await listening(child, "http");
    const startMilliseconds = performance.now() - started;
    return {
      ...{ side, pid: child.pid ?? 0, port, startMilliseconds, folder },
      async restart(between) {
        await stop(child);
        between?.(folder);
        return start(side, folder, options);
      },
      end: () => end(child, folder),
    };
  } catch (error) {
    await end(child, folder);
    throw error;
  }
}

function listening(child: ChildProcess, socket: string): Promise<number> {
  return new Promise((resolve, reject) => {
    let text = "";
    child.stdio[3]?.on("data", (part: Buffer) => {
      text += part.toString("utf8");
      for (const line of text.split("\n").slice(0, -1)) {
        const event = JSON.parse(line) as { event: string; socket?: string; port?: number };
        if (event.event === "listen" && event.socket === socket) resolve(event.port ?? 0);
      }
    });
    child.stdio[3]?.on("end", () => reject(new Failure("workerd ended before it listened")));
    child.on("error", reject);
    child.on("close", (code) => reject(new Failure(`workerd ended with exit code ${code} before it listened`)));
  });
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once("close", resolve));
  // A workerd with a request in flight ignores SIGTERM.
  child.kill("SIGKILL");
  await ended;
}

async function end(child: ChildProcess, folder: string): Promise<void> {
  await stop(child);
  rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
}

function capnp(side: Side, options: ServeOptions): string {
  const claims = [...(options.tokens ?? tokens(1))].map(([text, claims]) => [tokenKey(text), JSON.stringify(claims)]);
  const modules = side.modules.map(
    ({ name, type }) => `(name = ${quoted(name)}, ${type === "wasm" ? "wasm" : "esModule"} = embed ${quoted(name)})`,
  );
  const bindings = Object.entries(options.vars ?? {}).map(([name, value]) => `(name = ${quoted(name)}, text = ${quoted(value)})`);
  bindings.push(`(name = "TOKENS", kvNamespace = "tokens")`);
  for (const [name, className] of Object.entries(side.objects)) {
    bindings.push(`(name = ${quoted(name)}, durableObjectNamespace = ${quoted(className)})`);
  }
  const classes = [...new Set(Object.values(side.objects))].map(
    (name) => `(className = ${quoted(name)}, uniqueKey = ${quoted(name)}, enableSql = true)`,
  );
  const workers = [`(name = "tokens", worker = .tokens)`, `(name = "side", worker = .side)`];
  if (options.tokensLast) workers.reverse();
  return `using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    ${workers.join(",\n    ")},
    (name = "objects", disk = (path = ${quoted("objects")}, writable = true)),
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "side")],
  v8Flags = [${(options.v8Flags ?? []).map(quoted).join(", ")}],
);

const side :Workerd.Worker = (
  compatibilityDate = ${quoted(compatibilityDate)},
  modules = [${modules.join(", ")}],
  bindings = [${bindings.join(", ")}],
  durableObjectNamespaces = [${classes.join(", ")}],
  durableObjectStorage = (localDisk = "objects"),
);

const tokens :Workerd.Worker = (
  compatibilityDate = ${quoted(compatibilityDate)},
  modules = [(name = "tokens.mjs", esModule = embed "tokens.mjs")],
  bindings = [(name = "CLAIMS", json = ${quoted(JSON.stringify(Object.fromEntries(claims)))})],
);
`;
}

function quoted(text: string): string {
  return JSON.stringify(text);
}
