/**
 * Each operation of the description answers with each status that the description has for it. That the answer is described in
 * all its parts is held by the harness (tests/openapi-traffic.ts).
 */
import assert from "node:assert/strict";
import { after, test } from "node:test";

import { nameOf, operations, otherMethods, otherPaths } from "../scripts/openapi-document.mjs";
import { projectId, resourceId, startWorker, type Answer, type RequestOptions, type Worker } from "./harness.ts";
import { Project } from "./project.ts";

type Operation = (typeof operations)[number];
type Kind = "servers" | "images";

const plain = await startWorker();
const workers = {
  plain,
  keepsChanges: await startWorker({ vars: { CHANGES: "keep" } }),
  misconfigured: await startWorker({ vars: { TOKEN_CACHE_SECONDS: "soon" } }),
  withoutTokens: await startWorker({ vars: { KV_FAILURE: "throws" }, entry: "tests/failing-kv.js" }),
  limited: await startWorker({ vars: { RATE_LIMIT_STATUS: "429" }, bindings: { rateLimiter: { limit: 1, period: 60 } } }),
};
after(() => Promise.all(Object.values(workers).map((worker) => worker.stop())));

/** One for each Worker: what a test changes is a server or an image of its own. */
const projects = new Map(Object.values(workers).map((worker) => [worker, new Project(worker)]));

function projectOf(worker: Worker): Project {
  return projects.get(worker) as Project;
}

const TOO_LARGE = "x".repeat(1_048_577);
const KEY = "key1";

/** A request of an operation, as it succeeds. */
class Trial {
  readonly project: Project;
  readonly kind: Kind;
  readonly isRegistry: boolean;
  readonly isCompute: boolean;
  prefix = "";
  query = "";
  id = resourceId();
  options: RequestOptions = {};

  constructor(
    readonly operation: Operation,
    readonly worker: Worker = plain,
  ) {
    this.project = projectOf(worker);
    this.kind = operation.template.includes("images") ? "images" : "servers";
    this.isRegistry = operation.template.startsWith("/registry/");
    this.isCompute = /^\/(servers|images)/.test(operation.template);
    this.prefix = this.isCompute ? "/v2.1" : "";
    if (operation.template === `/registry/${this.kind}`) this.query = `?project_id=${this.project.id}`;
  }

  /** Registers the server or image that the path names, and takes a token that may do it. */
  async prepared(fields: Record<string, unknown> = {}, role = this.isRegistry ? "admin" : "member"): Promise<this> {
    if (this.operation.template.includes("_id}"))
      this.id = await (this.kind === "servers" ? this.project.server(fields) : this.project.image(fields));
    return this.as(role);
  }

  async as(...roles: string[]): Promise<this> {
    this.options.token = await this.project.as(...roles);
    return this;
  }

  with(options: RequestOptions): this {
    this.options = { ...this.options, ...options };
    return this;
  }

  answer(): Promise<Answer> {
    const path = this.operation.template.replace(/\{(server|image)_id\}/, this.id).replace("{key}", KEY);
    const body = this.options.body ?? this.body();
    return this.worker.request(this.operation.method, `${this.prefix}${path}${this.query}`, {
      ...this.options,
      ...(body === undefined ? {} : { body }),
    });
  }

  private body(): object | undefined {
    const { method, template } = this.operation;
    if (template === "/registry/feed") return { feed: { observed_at: new Date().toISOString() } };
    if (method !== "PUT" && method !== "POST") return undefined;
    if (this.isRegistry) return { [this.kind.slice(0, -1)]: { project_id: this.project.id } };
    return template.endsWith("{key}") ? { meta: { [KEY]: "new" } } : { metadata: { [KEY]: "new" } };
  }
}

/** What leads to each status. */
const PROVOKED: Record<string, (operation: Operation) => Promise<Answer>> = {
  200: succeeded,
  async 201(operation) {
    return (await new Trial(operation).as("admin")).answer();
  },
  204: succeeded,
  async 400(operation) {
    const trial = await new Trial(operation, workers.keepsChanges).prepared();
    if (trial.isCompute) trial.prefix = `/v2.1/${projectId()}`;
    else if (operation.template === "/registry/feed") trial.with({ body: { feed: {} } });
    else if (operation.template.includes("_id}")) trial.id = "no-uuid";
    else trial.query = "?limit=many";
    return trial.answer();
  },
  401: (operation) => new Trial(operation).answer(),
  async 403(operation) {
    const trial = await new Trial(operation).prepared();
    const changesImage = trial.kind === "images" && trial.isCompute;
    return (await trial.as(trial.isRegistry || changesImage ? "reader" : "service")).answer();
  },
  async 404(operation) {
    const trial = await new Trial(operation).prepared();
    if (operation.template.startsWith("/images") && !operation.template.includes("{"))
      return trial.with({ headers: { "OpenStack-API-Version": "compute 2.39" } }).answer();
    if (operation.template.startsWith("/registry/") && operation.method === "PUT") return removedLater(trial);
    trial.id = resourceId();
    return trial.answer();
  },
  async 406(operation) {
    return (await new Trial(operation).prepared()).with({ headers: { "OpenStack-API-Version": "compute 2.999" } }).answer();
  },
  async 409(operation) {
    return (
      await new Trial(operation).prepared(operation.template.startsWith("/images") ? { status: "saving" } : { locked: true })
    ).answer();
  },
  async 413(operation) {
    return (await new Trial(operation).prepared())
      .with({ body: TOO_LARGE, headers: { "Content-Type": "application/json" } })
      .answer();
  },
  async 415(operation) {
    return (await new Trial(operation).prepared()).with({ headers: { "Content-Type": "text/html" } }).answer();
  },
  async 429(operation) {
    const trial = await new Trial(operation, workers.limited).prepared();
    // The window may end between two.
    const answers = [await trial.answer(), await trial.answer(), await trial.answer()];
    return answers.find(({ status }) => status === 429) ?? (answers[0] as Answer);
  },
  500: (operation) => new Trial(operation, workers.misconfigured).with({ token: "any" }).answer(),
  503: (operation) => {
    const isHealth = operation.template === "/healthcheck";
    return new Trial(operation, isHealth ? workers.misconfigured : workers.withoutTokens).with({ token: "any" }).answer();
  },
};

async function succeeded(operation: Operation): Promise<Answer> {
  const worker = operation.template === "/registry/changes" ? workers.keepsChanges : plain;
  return (await new Trial(operation, worker).prepared()).answer();
}

/** What was seen before it was deleted comes too late. */
async function removedLater(trial: Trial): Promise<Answer> {
  const path = `/registry/${trial.kind}/${trial.id}`;
  const answer = await trial.worker.request("DELETE", path, trial.options);
  assert.equal(answer.status, 204, answer.text);
  const document = { project_id: trial.project.id, observed_at: "2026-01-01T00:00:00Z" };
  return trial.with({ body: { [trial.kind.slice(0, -1)]: document } }).answer();
}

for (const operation of operations) {
  for (const status of Object.keys(operation.responses)) {
    test(`${status} of ${nameOf(operation)}`, async () => {
      const answer = await PROVOKED[status]?.(operation);
      assert.equal(String(answer?.status), status, answer?.text);
    });
  }
}

/** The same of what is not described: another method of a path, and another path. */
const UNDESCRIBED: Record<string, (method: string, path: string) => Promise<Answer>> = {
  401: (method, path) => plain.request(method, path),
  async 404(method, path) {
    return plain.request(method, path, { token: await projectOf(plain).as("member") });
  },
  async 405(method, path) {
    return plain.request(method, path, { token: await projectOf(plain).as("member") });
  },
  async 413(method, path) {
    return plain.request(method, path, { token: await projectOf(plain).as("member"), body: TOO_LARGE });
  },
  500: (method, path) => workers.misconfigured.request(method, path, { token: "any" }),
  503: (method, path) => workers.withoutTokens.request(method, path, { token: "any" }),
};

for (const [responses, method, path] of [
  [otherMethods.responses, "PATCH", `/v2.1/servers/${resourceId()}`],
  [otherPaths.responses, "GET", "/v2.1/flavors"],
] as const) {
  for (const status of Object.keys(responses)) {
    test(`${status} of ${method} ${path.replace(/[0-9a-f-]{36}/, "{server_id}")}, which is not described`, async () => {
      const answer = await UNDESCRIBED[status]?.(method, path);
      assert.equal(String(answer?.status), status, answer?.text);
    });
  }
}
