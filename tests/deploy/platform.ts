/**
 * Stands in for api.cloudflare.com: the endpoints that wrangler asks when it deploys, over HTTP on this machine. What
 * it keeps and refuses is in account.ts. An endpoint that is not here is a 404 and is kept in `unknown`, so that a test
 * notices when another wrangler asks for more.
 */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";

import { Account, ApiError, type Binding, type Deployment, type Metadata, type UploadedModule, type Version } from "./account.ts";

export interface Asked {
  method: string;
  path: string;
  query: URLSearchParams;
  body: Buffer;
}

type Handler = (asked: Asked & { headers: http.IncomingHttpHeaders }, ...parts: string[]) => unknown;

export async function startPlatform(): Promise<Platform> {
  const platform = new Platform();
  await platform.start();
  return platform;
}

export class Platform {
  readonly accountId = randomBytes(16).toString("hex");
  readonly apiToken = randomBytes(20).toString("hex");
  readonly account = new Account();
  /** Everything that was asked, in order. */
  readonly asked: Asked[] = [];
  readonly unknown: string[] = [];
  #server: http.Server | undefined;

  get url(): string {
    const { port } = (this.#server?.address() ?? {}) as Partial<AddressInfo>;
    return `http://127.0.0.1:${port}/client/v4`;
  }

  async start(): Promise<void> {
    this.#server = http.createServer((request, response) => void this.#answer(request, response));
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
  }

  async stop(): Promise<void> {
    this.#server?.closeAllConnections();
    await new Promise((resolve) => this.#server?.close(resolve));
  }

  /** What was asked to change something since then, in order, without the account's part of the path. */
  changes(since = 0): string[] {
    return this.asked
      .slice(since)
      .filter(({ method }) => method !== "GET")
      .map(({ method, path }) => `${method} ${path}`);
  }

  async #answer(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const reply = await this.#reply(request, Buffer.concat(parts)).catch((error: unknown) => {
      const { status, code, message } = error instanceof ApiError ? error : new ApiError(500, 10001, String(error));
      return { status, success: false, errors: [{ code, message }], messages: [], result: null };
    });
    const { status, ...envelope } = reply;
    response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(envelope));
  }

  async #reply(request: http.IncomingMessage, body: Buffer): Promise<{ status: number; [field: string]: unknown }> {
    const { method = "", headers } = request;
    const url = new URL(request.url ?? "", this.url);
    const path = url.pathname.replace(`/client/v4/accounts/${this.accountId}`, "");
    const asked = { method, path, query: url.searchParams, body };
    this.asked.push(asked);
    const found = this.#handlers.flatMap(([pattern, handler]) => {
      const match = pattern.exec(`${method} ${path}`);
      return match === null ? [] : [{ handler, parts: match.slice(1).map(decodeURIComponent) }];
    })[0];
    if (found === undefined) {
      this.unknown.push(`${method} ${url.pathname}`);
      throw new ApiError(404, 7003, `Could not route to ${url.pathname}`);
    }
    // Files are sent with the token of their upload.
    const isAllowed = path === "/workers/assets/upload" || headers.authorization === `Bearer ${this.apiToken}`;
    if (!isAllowed) throw new ApiError(403, 10000, "Authentication error");
    const result = (await found.handler({ ...asked, headers }, ...found.parts)) ?? null;
    return { status: 200, success: true, errors: [], messages: [], result };
  }

  readonly #handlers: [RegExp, Handler][] = [
    [
      /^GET \/workers\/services\/([^/]+)$/,
      (_, name) => {
        const script = this.account.scripts.get(name ?? "");
        if (script === undefined) throw new ApiError(404, 10090, "workers.api.error.service_not_found");
        const { tag, tags, migrationTag } = script;
        const shown = { tag, tags, migration_tag: migrationTag, last_deployed_from: "wrangler" };
        return { id: name, default_environment: { environment: "production", script: shown } };
      },
    ],
    [
      /^DELETE \/workers\/services\/([^/]+)$/,
      (_, name = "") => void (this.account.script(name) && this.account.scripts.delete(name)),
    ],
    [/^GET \/workers\/scripts\/([^/]+)\/references$/, () => ({ services: { incoming: [], outgoing: [] } })],
    [
      /^GET \/workers\/durable_objects\/namespaces$/,
      () =>
        [...this.account.scripts].flatMap(([script, { classes }]) =>
          [...classes].map((name) => ({
            id: `${script}-${name}`,
            name: `${script}_${name}`,
            script,
            class: name,
            use_sqlite: true,
          })),
        ),
    ],
    [/^GET \/containers\/applications$/, () => []],
    [/^GET \/workers\/tails\/by-consumer\/([^/]+)$/, () => []],
    [/^GET \/workers\/subdomain$/, () => ({ subdomain: "example" })],
    [
      /^PUT \/workers\/scripts\/([^/]+)$/,
      async (asked, name = "") => {
        const { metadata, modules } = await upload(asked);
        const version = this.account.put(name, metadata, modules);
        return { id: name, etag: version.id, deployment_id: version.id.replaceAll("-", ""), startup_time_ms: 1 };
      },
    ],
    [
      /^POST \/workers\/scripts\/([^/]+)\/versions$/,
      async (asked, name = "") => {
        const { metadata, modules } = await upload(asked);
        return shown(this.account.addVersion(name, metadata, modules));
      },
    ],
    [
      /^GET \/workers\/scripts\/([^/]+)\/versions$/,
      (_, name = "") => ({ items: this.account.script(name).versions.toReversed().slice(0, 10).map(shown) }),
    ],
    [
      /^GET \/workers\/scripts\/([^/]+)\/versions\/([^/]+)$/,
      (_, name = "", id) => {
        const version = this.account.script(name).versions.find((version) => version.id === id);
        if (version === undefined) throw new ApiError(404, 10007, `there is no version ${id}`);
        return shown(version);
      },
    ],
    [
      /^GET \/workers\/scripts\/([^/]+)\/deployments$/,
      (_, name = "") => ({ deployments: this.account.script(name).deployments.slice(0, 10).map(deployed) }),
    ],
    [
      /^POST \/workers\/scripts\/([^/]+)\/deployments$/,
      (asked, name = "") => {
        const { versions, annotations } = json(asked) as Deployment;
        return deployed(this.account.deploy(name, versions, annotations ?? {}));
      },
    ],
    [/^GET \/workers\/scripts\/([^/]+)\/settings$/, (_, name = "") => ({ bindings: hidden(this.account.served(name).bindings) })],
    [
      /^(GET|PATCH) \/workers\/scripts\/([^/]+)\/script-settings$/,
      (asked, method, name = "") => {
        const script = this.account.script(name);
        if (method === "PATCH") {
          const { observability, tags } = json(asked) as { observability?: Record<string, unknown>; tags?: string[] };
          if (observability !== undefined) script.observability = observability;
          if (tags !== undefined) script.tags = tags;
        }
        return { observability: script.observability, tags: script.tags };
      },
    ],
    [
      /^GET \/workers\/workers\/([^/]+)$/,
      (_, name = "") => {
        const host = `${name}.example.workers.dev`;
        return {
          name,
          subdomain: { ...this.account.script(name).subdomain, url: `https://${host}`, preview_url_suffix: `-${host}` },
        };
      },
    ],
    [
      /^POST \/workers\/scripts\/([^/]+)\/subdomain$/,
      (asked, name = "") => Object.assign(this.account.script(name).subdomain, json(asked)),
    ],
    [
      /^GET \/workers\/scripts\/([^/]+)\/secrets$/,
      (_, name = "") => hidden(this.account.served(name).bindings.filter(({ type }) => type === "secret_text")),
    ],
    [
      /^PATCH \/workers\/scripts\/([^/]+)\/secrets-bulk$/,
      (asked, name = "") => {
        const { secrets } = json(asked) as { secrets: Record<string, Binding> };
        this.account.putSecrets(name, Object.values(secrets));
        return Object.values(secrets).map(({ name, type }) => ({ name, type }));
      },
    ],
    [
      /^POST \/workers\/scripts\/([^/]+)\/assets-upload-session$/,
      (asked) => {
        const { manifest } = json(asked) as { manifest: Record<string, { hash: string; size: number }> };
        return this.account.openSession(new Map(Object.entries(manifest)));
      },
    ],
    [
      /^POST \/workers\/assets\/upload$/,
      async (asked) => {
        const files = new Map<string, Buffer>();
        for (const [hash, file] of await form(asked)) {
          files.set(hash, Buffer.from(typeof file === "string" ? file : await file.text(), "base64"));
        }
        return this.account.takeFiles((asked.headers.authorization ?? "").replace("Bearer ", ""), files);
      },
    ],
    [
      /^GET \/storage\/kv\/namespaces$/,
      ({ query }) =>
        Number(query.get("page") ?? 1) > 1 ? [] : [...this.account.namespaces.values()].map(({ id, title }) => ({ id, title })),
    ],
    [
      /^POST \/storage\/kv\/namespaces$/,
      (asked) => {
        const { id, title } = this.account.createNamespace((json(asked) as { title: string }).title);
        return { id, title };
      },
    ],
    [
      /^DELETE \/storage\/kv\/namespaces\/([^/]+)$/,
      (_, id = "") => void this.account.namespaces.delete(this.account.namespace(id).id),
    ],
    [
      /^PUT \/storage\/kv\/namespaces\/([^/]+)\/bulk$/,
      (asked, id = "") => {
        const { pairs } = this.account.namespace(id);
        for (const { key, ...pair } of json(asked) as { key: string; value: string; expiration_ttl?: number }[])
          pairs.set(key, pair);
      },
    ],
    [
      /^GET \/storage\/kv\/namespaces\/([^/]+)\/keys$/,
      ({ query }, id = "") =>
        [...this.account.namespace(id).pairs.keys()]
          .filter((name) => name.startsWith(query.get("prefix") ?? ""))
          .map((name) => ({ name })),
    ],
    [
      /^DELETE \/storage\/kv\/namespaces\/([^/]+)\/values\/([^/]+)$/,
      (_, id = "", key = "") => void this.account.namespace(id).pairs.delete(key),
    ],
  ];
}

function json({ body }: Asked): unknown {
  return JSON.parse(body.toString("utf8"));
}

function form({ body, headers }: Asked & { headers: http.IncomingHttpHeaders }): Promise<FormData> {
  return new Response(new Uint8Array(body), { headers: { "Content-Type": headers["content-type"] ?? "" } }).formData();
}

/** The parts of an upload: what is said about it, and its modules. */
async function upload(asked: Parameters<Handler>[0]): Promise<{ metadata: Metadata; modules: UploadedModule[] }> {
  const parts = await form(asked);
  const modules: UploadedModule[] = [];
  for (const [name, part] of parts) {
    if (typeof part === "string") continue;
    modules.push({ name, type: part.type, content: Buffer.from(await part.arrayBuffer()) });
  }
  return { metadata: JSON.parse(String(parts.get("metadata"))) as Metadata, modules };
}

function shown({ id, number, created, annotations, bindings }: Version): unknown {
  return {
    id,
    number,
    annotations: { "workers/triggered_by": "upload", ...annotations },
    metadata: { created_on: created, modified_on: created, author_email: "", source: "wrangler", has_preview: false },
    resources: { bindings: hidden(bindings), script: { etag: id, handlers: ["fetch"] }, script_runtime: {} },
    startup_time_ms: 1,
  };
}

function deployed({ id, created, versions, annotations }: Deployment): unknown {
  return { id, created_on: created, source: "wrangler", strategy: "percentage", author_email: "", annotations, versions };
}

/** Nobody is told a secret again. */
function hidden(bindings: Binding[]): Binding[] {
  return bindings.map(({ name, type, ...rest }) => (type === "secret_text" ? { name, type } : { name, type, ...rest }));
}
