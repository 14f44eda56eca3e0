/**
 * The built Worker in a plain workerd, without Miniflare: it starts in a tenth of a second, can be killed at any
 * moment, and tests may damage and measure its process and its folder. Its interface is that of the harness's Worker.
 */
import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";

import { configuration } from "../scripts/configuration.mjs";
import { workerModules } from "../scripts/worker-modules.mjs";
import { repository, Worker, type Namespace, type WorkerOptions } from "./harness.ts";

const START_MS = 20_000;

// miniflare brings workerd along, and workerd the program for this kind of machine.
const fromMiniflare = createRequire(createRequire(import.meta.url).resolve("miniflare"));
const program = (fromMiniflare("workerd") as { default: string }).default;

/** Answers for the namespace of tokens over HTTP, as `FakeKv` does. */
export interface KvServer {
  /** Host and port. */
  address: string;
  namespace: Namespace;
}

export interface PlainOptions extends Pick<WorkerOptions, "entry" | "faults" | "vars"> {
  /** Where the objects are kept, if not in the Worker's own folder. */
  objects?: string;
  /** Asked instead of the folder that otherwise answers as KV. */
  kv?: KvServer;
  v8Flags?: string[];
  /** Put before workerd's own command line: a program that changes something and then becomes workerd. */
  through?: string[];
}

export async function startWorkerd(options: PlainOptions = {}): Promise<PlainWorkerd> {
  const worker = new PlainWorkerd(options);
  await worker.start();
  return worker;
}

export class PlainWorkerd extends Worker {
  #root: string | undefined;
  #process: ChildProcess | undefined;
  #gone: Promise<void> = Promise.resolve();
  readonly #lines: string[] = [];

  constructor(readonly plain: PlainOptions) {
    const { faults, vars } = plain;
    super({ ...(faults === undefined ? {} : { faults }), ...(vars === undefined ? {} : { vars }) });
  }

  override get folder(): string {
    assert.ok(this.#root, "the Worker was never started");
    return this.#root;
  }

  get pid(): number {
    assert.ok(this.#process?.pid, "workerd is not running");
    return this.#process.pid;
  }

  override async start(): Promise<void> {
    this.#root ??= await mkdtemp(path.join(tmpdir(), "edge-metadata-workerd-"));
    await mkdir(path.join(this.#root, "tokens"), { recursive: true });
    const objects = this.plain.objects ?? path.join(this.#root, "objects");
    await mkdir(objects, { recursive: true });
    const file = path.join(this.#root, "workerd.capnp");
    await writeFile(file, capnp(this.#root, objects, this.plain));
    const command = [...(this.plain.through ?? []), program, "serve", "--import-path=/", "--control-fd=3", file];
    const started = spawn(command[0] as string, command.slice(1), { stdio: ["ignore", "pipe", "pipe", "pipe"] });
    this.#process = started;
    this.#gone = new Promise((resolve) => {
      started.on("exit", (code, signal) => {
        this.#lines.push(`workerd ended: ${code ?? signal}`);
        resolve();
      });
      started.on("error", () => resolve());
    });
    for (const stream of [started.stdout, started.stderr]) {
      createInterface({ input: stream as Readable }).on("line", (line) => this.#lines.push(line));
    }
    this.url = `http://127.0.0.1:${await this.#port(started.stdio[3] as Readable)}`;
  }

  /** Port 0 lets the system choose; workerd tells which on the descriptor it was given for that. */
  async #port(control: Readable): Promise<number> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`workerd did not start:\n${this.#lines.join("\n")}`)), START_MS);
    });
    const dead = this.#gone.then((): never => {
      throw new Error(`workerd ended at its start:\n${this.#lines.join("\n")}`);
    });
    const told = new Promise<number>((resolve) => {
      createInterface({ input: control }).on("line", (line) => {
        const event = JSON.parse(line) as { event: string; port: number };
        if (event.event === "listen") resolve(event.port);
      });
    });
    try {
      return await Promise.race([told, late, dead]);
    } finally {
      clearTimeout(timer);
      dead.catch(() => {});
    }
  }

  /** SIGKILL, at once. */
  async kill(): Promise<void> {
    this.#process?.kill("SIGKILL");
    await this.#gone;
    this.#process = undefined;
  }

  override async restart(): Promise<void> {
    await this.kill();
    await this.start();
  }

  override async stop(): Promise<void> {
    await this.kill();
    if (this.#root !== undefined) await rm(this.#root, { recursive: true, force: true, maxRetries: 3 });
  }

  override logs(): string[] {
    return this.#lines;
  }

  /** workerd asks a KV namespace over HTTP, which a folder answers as well: a file for each key. */
  override async kv(): Promise<Namespace> {
    if (this.plain.kv !== undefined) return this.plain.kv.namespace;
    const file = (key: string): string => path.join(this.folder, "tokens", key);
    return {
      get: (key) => readFile(file(key), "utf8").catch(() => null),
      put: (key, value) => writeFile(file(key), value),
      delete: (key) => rm(file(key), { force: true }),
      list: () => Promise.reject(new Error("not needed here")),
    };
  }
}

/** The same as wrangler.toml says, in workerd's own words. */
function capnp(root: string, folder: string, options: PlainOptions): string {
  const { compatibilityDate, objects } = configuration(repository);
  const text = (value: string): string => JSON.stringify(value);
  const built = options.faults ? path.join(repository, "build-faults") : repository;
  const entries = options.entry === undefined ? ["entry.js"] : [options.entry, "entry.js"];
  const modules = workerModules(built, entries).map(
    ({ name, file, type }) => `(name = ${text(name)}, ${type === "wasm" ? "wasm" : "esModule"} = embed ${text(file)}),`,
  );
  const classes = Object.entries(objects);
  const bindings = [
    ...classes.map(([name, className]) => `(name = ${text(name)}, durableObjectNamespace = ${text(className)}),`),
    ...Object.entries(options.vars ?? {}).map(([name, value]) => `(name = ${text(name)}, text = ${text(value)}),`),
  ];
  const namespaces = classes.map(
    ([name, className]) => `(className = ${text(className)}, uniqueKey = ${text(name.toLowerCase())}, enableSql = true),`,
  );
  const kv =
    options.kv === undefined
      ? `disk = (path = ${text(path.join(root, "tokens"))})`
      : `external = (address = ${text(options.kv.address)}, http = ())`;
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = .main),
    (name = "objects", disk = (path = ${text(folder)}, writable = true)),
    (name = "tokens", ${kv}),
    # Keystones of tests listen on this machine, which workerd's own service of this name does not reach.
    (name = "internet", network = (allow = ["public", "private"])),
  ],
  v8Flags = [${(options.v8Flags ?? []).map(text).join(", ")}],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
);
const main :Workerd.Worker = (
  modules = [
    ${modules.join("\n    ")}
  ],
  compatibilityDate = ${text(compatibilityDate)},
  bindings = [
    (name = "TOKENS", kvNamespace = "tokens"),
    ${bindings.join("\n    ")}
  ],
  durableObjectNamespaces = [
    ${namespaces.join("\n    ")}
  ],
  durableObjectStorage = (localDisk = "objects"),
);
`;
}
