/**
 * The built Worker in a real workerd, and a client that sends exactly the bytes a test names.
 *
 * Every Worker here listens on a port of its own that the system chose, keeps its state in a folder of its
 * own and is ended by its own process id, so that files of tests run side by side.
 */
import assert from "node:assert/strict";
import { randomBytes, randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { mkdir, mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import http from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

import type { WorkerdStructuredLog, WorkerOptions as MiniflareWorker } from "miniflare";

import { configuration } from "../scripts/configuration.mjs";
import { tokenKey } from "../scripts/token-store.mjs";
import { workerModules, type Module } from "../scripts/worker-modules.mjs";
import { described } from "./openapi-traffic.ts";

export { tokenKey };

// Miniflare and workerd ask for Cloudflare's request properties over the network unless told not to.
process.env["CLOUDFLARE_CF_FETCH_ENABLED"] = "false";

// Imported late: it reads the variable above when it is loaded.
export const { Miniflare } = await import("miniflare");

export const repository = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");

const { compatibilityDate, objects } = configuration(repository);

/** What names a Worker, and so the folders of its state: whoever serves under this name finds them. */
const NAME = "edge-metadata";

/** The part of Miniflare's options that says what is served: these modules, on the objects that wrangler.toml binds. */
export function served(modules: Module[], withObjects = true): MiniflareWorker["config"] {
  const bindings = withObjects ? Object.entries(objects) : [];
  const [main] = modules;
  assert.ok(main, "no module to serve");
  return {
    name: NAME,
    compatibilityDate,
    manifest: {
      mainModule: main.name,
      modules: Object.fromEntries(modules.map(({ name, file, type }) => [name, { type, contents: contents(file, type) }])),
    },
    env: Object.fromEntries(
      bindings.map(([name, exportName]) => [name, { type: "durable-object" as const, worker: NAME, exportName }]),
    ),
    exports: Object.fromEntries(
      bindings.map(([, className]) => [className, { type: "durable-object" as const, storage: "sqlite" as const }]),
    ),
  };
}

function contents(file: string, type: Module["type"]): string | Uint8Array<ArrayBuffer> {
  return type === "esm" ? readFileSync(file, "utf8") : new Uint8Array(readFileSync(file));
}

export interface WorkerOptions {
  /** Serves the build that honours `X-Fault` (see the Cargo feature `faults`). */
  faults?: boolean;
  /** Served instead of `entry.js`: a module of the repository that puts something in front of it. */
  entry?: string;
  /** State is kept here and left behind; without it a new folder, removed by `stop`. */
  persistTo?: string;
  vars?: Record<string, string>;
  bindings?: {
    rateLimiter?: { limit: number; period: 10 | 60 };
    /** In the limiter's place something that has no `limit`, or a service whose `limit` is rejected. */
    brokenRateLimiter?: "throws" | "rejects";
    /** Miniflare's data set takes data points and keeps none. */
    analytics?: boolean;
  };
  withoutKv?: boolean;
  withoutObjects?: boolean;
}

export interface Claims {
  /** For the documents' own examples, which print their tokens. Random otherwise. */
  token?: string;
  user?: string;
  project?: string | null;
  roles: string[];
  /** Seconds; negative for a token that has expired already. */
  expiresIn?: number;
}

export type HeaderList = [string, string][];

export class Headers {
  constructor(readonly list: HeaderList) {}

  /** All values of one name, joined as HTTP allows. */
  get(name: string): string | null {
    const values = this.all(name);
    return values.length === 0 ? null : values.join(", ");
  }

  all(name: string): string[] {
    return this.list.filter(([key]) => key.toLowerCase() === name.toLowerCase()).map(([, value]) => value);
  }

  has(name: string): boolean {
    return this.all(name).length > 0;
  }
}

export class Answer {
  constructor(
    readonly status: number,
    readonly headers: Headers,
    readonly bytes: Buffer,
    readonly milliseconds: number,
  ) {}

  get text(): string {
    return this.bytes.toString("utf8");
  }

  // biome-ignore lint/suspicious/noExplicitAny: its shape is what a test asserts next; a type would be a claim.
  json(): any {
    try {
      return JSON.parse(this.text);
    } catch {
      throw new assert.AssertionError({ message: `status ${this.status}, and no JSON: ${this.text || "(empty)"}` });
    }
  }
}

export interface RequestOptions {
  token?: string;
  /** A list of pairs is sent in its order and keeps names that occur twice. */
  headers?: Record<string, string> | HeaderList;
  /** An object is sent as JSON, with a `Content-Type` unless `headers` has one. */
  body?: string | Uint8Array | object;
  /** Sends the body without a `Content-Length`, in two chunks. */
  chunked?: boolean;
  /** Never ends the body. */
  unfinished?: boolean;
  /** Milliseconds until the client gives up. No request of a test waits for ever. */
  patience?: number;
}

export interface Namespace {
  get(key: string): Promise<string | null>;
  put(key: string, value: string): Promise<void>;
  delete(key: string): Promise<void>;
  list(): Promise<{ keys: { name: string }[] }>;
}

export type Fields = Record<string, unknown>;

export async function startWorker(options: WorkerOptions = {}): Promise<Worker> {
  const worker = new Worker(options);
  await worker.start();
  return worker;
}

export class Worker {
  url = "";
  #runtime: InstanceType<typeof Miniflare> | undefined;
  #folder: string | undefined;
  #registrar: string | undefined;
  readonly #printed: string[] = [];

  constructor(readonly options: WorkerOptions) {}

  /** Where the state is kept. */
  get folder(): string {
    assert.ok(this.#folder, "the Worker was never started");
    return this.#folder;
  }

  /** Called by `startWorker` and `restart`. */
  async start(): Promise<void> {
    this.#folder ??= this.options.persistTo ?? (await mkdtemp(path.join(tmpdir(), "edge-metadata-test-")));
    await mkdir(this.#folder, { recursive: true });
    const folder = this.options.faults ? path.join(repository, "build-faults") : repository;
    const { entry } = this.options;
    const modules = workerModules(folder, entry === undefined ? ["entry.js"] : [entry, "entry.js"]);
    const config = served(modules, !this.options.withoutObjects);
    this.#runtime = new Miniflare({
      cf: false,
      host: "127.0.0.1",
      logRequests: false,
      enableDevRegistry: false,
      resourcePersistencePath: this.#folder,
      handleStructuredLogs: ({ message }: WorkerdStructuredLog) => this.#printed.push(...message.split("\n")),
      workers: [
        {
          config: { ...config, env: { ...config.env, ...this.#bindings() } },
          dev: {
            // Straight to the Worker: Miniflare's own entrance rewrites headers and answers errors as HTML.
            unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }],
          },
        },
      ],
    });
    await this.#runtime.ready;
    this.url = (await this.#runtime.unsafeGetDirectURL()).origin;
  }

  /** What is bound beside the objects. */
  #bindings(): MiniflareWorker["config"]["env"] {
    const { rateLimiter, brokenRateLimiter, analytics } = this.options.bindings ?? {};
    const { withoutKv, vars = {} } = this.options;
    return {
      ...Object.fromEntries(Object.entries(vars).map(([name, value]) => [name, { type: "text" as const, value }])),
      ...(withoutKv ? {} : { TOKENS: { type: "kv" as const, id: "TOKENS" } }),
      ...(rateLimiter ? { RATE_LIMITER: { type: "rate-limit" as const, namespace: "1001", simple: rateLimiter } } : {}),
      ...(analytics ? { ANALYTICS: { type: "analytics-engine-dataset" as const, name: "requests" } } : {}),
      ...(brokenRateLimiter === "throws" ? { RATE_LIMITER: { type: "json" as const, value: {} } } : {}),
      ...(brokenRateLimiter === "rejects"
        ? { RATE_LIMITER: { type: "fetcher" as const, handler: () => new Response() as never } }
        : {}),
    };
  }

  /** Ends workerd with SIGKILL (it ignores SIGTERM while a request hangs) and waits until it is gone. */
  async #kill(): Promise<void> {
    await this.#runtime?.dispose();
    this.#runtime = undefined;
  }

  async stop(): Promise<void> {
    await this.#kill();
    if (this.#folder !== undefined && this.options.persistTo === undefined) {
      await rm(this.#folder, { recursive: true, force: true, maxRetries: 3 });
    }
  }

  async restart(): Promise<void> {
    await this.#kill();
    await this.start();
  }

  /** Everything workerd has printed since the first start. */
  logs(): string[] {
    return this.#printed;
  }

  async kv(): Promise<Namespace> {
    assert.ok(this.#runtime, "the Worker is not running");
    return (await this.#runtime.getKVNamespace("TOKENS")) as unknown as Namespace;
  }

  async token(claims: Claims): Promise<string> {
    const token = claims.token ?? randomBytes(16).toString("hex");
    const expiresAt = new Date(Date.now() + (claims.expiresIn ?? 3600) * 1000);
    const value = {
      user_id: claims.user ?? randomBytes(16).toString("hex"),
      project_id: claims.project ?? null,
      roles: claims.roles,
      expires_at: expiresAt.toISOString(),
    };
    await (await this.kv()).put(tokenKey(token), JSON.stringify(value));
    return token;
  }

  async revoke(token: string): Promise<void> {
    await (await this.kv()).delete(tokenKey(token));
  }

  /** A token that may write the registry, the same one throughout. */
  async registrar(): Promise<string> {
    this.#registrar ??= await this.token({ project: projectId(), roles: ["admin"] });
    return this.#registrar;
  }

  async putServer(id: string, fields: Fields): Promise<Fields> {
    return this.#register(`/registry/servers/${id}`, "server", fields);
  }

  async putImage(id: string, fields: Fields): Promise<Fields> {
    return this.#register(`/registry/images/${id}`, "image", fields);
  }

  async #register(resource: string, name: string, fields: Fields): Promise<Fields> {
    const answer = await this.request("PUT", resource, { token: await this.registrar(), body: { [name]: fields } });
    assert.ok(answer.status === 200 || answer.status === 201, `PUT ${resource}: ${answer.status} ${answer.text}`);
    return answer.json()[name] as Fields;
  }

  /** The record the registry holds, or null: how a test looks at state without the operation it tests. */
  async record(kind: "servers" | "images", id: string): Promise<Fields | null> {
    const answer = await this.request("GET", `/registry/${kind}/${id}`, { token: await this.registrar() });
    if (answer.status === 404) return null;
    assert.equal(answer.status, 200, answer.text);
    return answer.json()[kind === "servers" ? "server" : "image"] as Fields;
  }

  async metadata(kind: "servers" | "images", id: string): Promise<Record<string, string> | null> {
    return ((await this.record(kind, id))?.["metadata"] as Record<string, string> | undefined) ?? null;
  }

  /** The files of the Worker's state whose name or content holds this text. */
  async stored(text: string): Promise<string[]> {
    const found: string[] = [];
    for (const name of await readdir(this.folder, { recursive: true })) {
      const content = await readFile(path.join(this.folder, name)).catch((error: NodeJS.ErrnoException) => {
        // A folder, or a file of SQLite's that came and went meanwhile.
        if (error.code === "EISDIR" || error.code === "ENOENT") return "";
        throw error;
      });
      if (name.includes(text) || content.includes(text)) found.push(name);
    }
    return found;
  }

  /** Sends the path's UTF-8 bytes as they are: no resolving of dots, no encoding, no joining of headers. */
  async request(method: string, target: string, options: RequestOptions = {}): Promise<Answer> {
    const { headers, body } = wire(new URL(this.url).host, method, options);
    const started = performance.now();
    return new Promise<Answer>((resolve, reject) => {
      const request = http.request(
        {
          host: "127.0.0.1",
          port: new URL(this.url).port,
          method,
          path: Buffer.from(target, "utf8").toString("latin1"),
          headers: headers.flat(),
          // A connection each: what one test leaves behind on a socket is no other test's matter.
          agent: false,
        },
        (response) => {
          const parts: Buffer[] = [];
          response.on("data", (part: Buffer) => parts.push(part));
          response.on("error", (error) => {
            clearTimeout(timer);
            reject(error);
          });
          response.on("end", () => {
            clearTimeout(timer);
            const list: HeaderList = [];
            for (let at = 0; at + 1 < response.rawHeaders.length; at += 2) {
              list.push([response.rawHeaders[at] as string, response.rawHeaders[at + 1] as string]);
            }
            const took = performance.now() - started;
            resolve(new Answer(response.statusCode ?? 0, new Headers(list), Buffer.concat(parts), took));
          });
        },
      );
      const timer = setTimeout(() => {
        request.destroy(new Error(`${method} ${target}: no answer within ${options.patience ?? 30_000} ms`));
      }, options.patience ?? 30_000);
      request.on("error", (error) => {
        clearTimeout(timer);
        reject(error);
      });
      if (body === undefined) {
        request.end();
      } else if (options.unfinished) {
        request.write(body);
      } else if (options.chunked) {
        const middle = body.length >> 1;
        request.write(body.subarray(0, middle), () => request.end(body.subarray(middle)));
      } else {
        request.end(body);
      }
    }).then((answer) =>
      described({ method, target, headers, body, basePath: this.options.vars?.["API_BASE_PATH"] ?? "" }, answer),
    );
  }
}

function wire(host: string, method: string, options: RequestOptions): { headers: HeaderList; body?: Buffer } {
  const given: HeaderList = Array.isArray(options.headers) ? options.headers : Object.entries(options.headers ?? {});
  const names = new Set(given.map(([name]) => name.toLowerCase()));
  const headers: HeaderList = [];
  const add = (name: string, value: string): void => {
    if (!names.has(name.toLowerCase())) headers.push([name, value]);
  };
  // An array of headers makes node add none of its own, which is what keeps the request ours to the byte.
  add("Host", host);
  if (options.token !== undefined) add("X-Auth-Token", options.token);
  let body: Buffer | undefined;
  if (typeof options.body === "string") body = Buffer.from(options.body, "utf8");
  else if (options.body instanceof Uint8Array) body = Buffer.from(options.body);
  else if (options.body !== undefined) {
    body = Buffer.from(JSON.stringify(options.body), "utf8");
    add("Content-Type", "application/json");
  }
  if (options.chunked || options.unfinished) add("Transfer-Encoding", "chunked");
  else if (body !== undefined || method === "POST" || method === "PUT") add("Content-Length", String(body?.length ?? 0));
  headers.push(...given);
  const bytes = headers.map(([name, value]): [string, string] => [name, Buffer.from(value, "utf8").toString("latin1")]);
  return body === undefined ? { headers: bytes } : { headers: bytes, body };
}

/** 32 hexadecimal digits, as Keystone writes a project's id. */
export function projectId(): string {
  return randomBytes(16).toString("hex");
}

export function resourceId(): string {
  return randomUUID();
}
