/**
 * What the platform keeps of an account, and what it refuses. The codes are those of the real API, as people have
 * reported them, and 10400 where no report has one; the messages say the same in short.
 */
import { randomBytes, randomUUID } from "node:crypto";

/** What the API answers instead of a result. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: number,
    message: string,
  ) {
    super(message);
  }
}

export interface Binding {
  name: string;
  type: string;
  [field: string]: unknown;
}

interface MigrationStep {
  new_sqlite_classes?: string[];
  [field: string]: unknown;
}

interface Migrations {
  old_tag?: string;
  new_tag?: string;
  steps?: MigrationStep[];
}

/** The part `metadata` of an upload. */
export interface Metadata {
  main_module: string;
  compatibility_date: string;
  bindings: Binding[];
  keep_bindings?: string[];
  migrations?: Migrations;
  assets?: { jwt: string; config: Record<string, unknown> };
  observability?: Record<string, unknown>;
  annotations?: Record<string, string>;
}

export interface UploadedModule {
  name: string;
  type: string;
  content: Buffer;
}

/** What an upload leaves behind, and what a deployment gives a share of the requests to. */
export interface Version {
  id: string;
  number: number;
  created: string;
  metadata: Metadata;
  modules: UploadedModule[];
  /** Those that were named, and those that were kept. */
  bindings: Binding[];
  /** The files, by path. */
  assets: Map<string, string>;
  annotations: Record<string, string>;
}

export interface Deployment {
  id: string;
  created: string;
  versions: { version_id: string; percentage: number }[];
  annotations: Record<string, string>;
}

export interface Script {
  tag: string;
  tags: string[];
  migrationTag: string | undefined;
  /** The classes that have objects. */
  classes: Set<string>;
  versions: Version[];
  /** The newest first. */
  deployments: Deployment[];
  observability: Record<string, unknown>;
  subdomain: { enabled: boolean; previews_enabled: boolean };
}

export interface KvNamespace {
  id: string;
  title: string;
  pairs: Map<string, { value: string; expiration_ttl?: number }>;
}

/** What an upload session of files is for. */
interface Session {
  manifest: Map<string, { hash: string; size: number }>;
  missing: Set<string>;
}

export class Account {
  readonly scripts = new Map<string, Script>();
  readonly namespaces = new Map<string, KvNamespace>();
  /** The files' contents, by hash. */
  readonly files = new Map<string, Buffer>();
  readonly #sessions = new Map<string, Session>();
  /** What may be named as the files of an upload. */
  readonly #complete = new Map<string, Map<string, string>>();

  script(name: string): Script {
    const script = this.scripts.get(name);
    if (script === undefined) throw new ApiError(404, 10007, "This Worker does not exist on your account.");
    return script;
  }

  /** The version that the newest deployment gives most requests. */
  served(name: string): Version {
    const { deployments, versions } = this.script(name);
    const [first] = [...(deployments[0]?.versions ?? [])].sort((one, other) => other.percentage - one.percentage);
    const version = versions.find(({ id }) => id === first?.version_id);
    if (version === undefined) throw new ApiError(404, 10007, "Nothing is deployed.");
    return version;
  }

  createNamespace(title: string): KvNamespace {
    for (const namespace of this.namespaces.values()) {
      if (namespace.title === title) throw new ApiError(400, 10014, "a namespace with this account ID and title already exists");
    }
    const namespace = { id: randomBytes(16).toString("hex"), title, pairs: new Map() };
    this.namespaces.set(namespace.id, namespace);
    return namespace;
  }

  namespace(id: string): KvNamespace {
    const namespace = this.namespaces.get(id);
    if (namespace === undefined) throw new ApiError(404, 10013, "namespace not found");
    return namespace;
  }

  /** Begins an upload of files; those that are here already are not asked for. */
  openSession(manifest: Map<string, { hash: string; size: number }>): { jwt: string; buckets: string[][] } {
    const missing = new Set([...manifest.values()].map(({ hash }) => hash).filter((hash) => !this.files.has(hash)));
    const jwt = token();
    this.#sessions.set(jwt, { manifest, missing });
    if (missing.size > 0) return { jwt, buckets: [[...missing]] };
    return { jwt: this.#completed(jwt), buckets: [] };
  }

  /** Takes files; once all are here, the token is told that an upload names them by. */
  takeFiles(jwt: string, files: Map<string, Buffer>): { jwt?: string } {
    const session = this.#sessions.get(jwt);
    if (session === undefined) throw new ApiError(401, 10000, "Authentication error");
    for (const [hash, content] of files) {
      const wanted = [...session.manifest.values()].find((file) => file.hash === hash);
      if (wanted === undefined) throw new ApiError(400, 10400, `the file ${hash} is not in the manifest`);
      if (wanted.size !== content.length) throw new ApiError(400, 10400, `the file ${hash} has another size`);
      this.files.set(hash, content);
      session.missing.delete(hash);
    }
    return session.missing.size > 0 ? {} : { jwt: this.#completed(jwt) };
  }

  #completed(session: string): string {
    const jwt = token();
    const { manifest } = this.#sessions.get(session) as Session;
    this.#complete.set(jwt, new Map([...manifest].map(([path, { hash }]) => [path, hash])));
    return jwt;
  }

  /** A deployment of a Worker that is new or has a migration: version and deployment in one. */
  put(name: string, metadata: Metadata, modules: UploadedModule[]): Version {
    const script = this.scripts.get(name) ?? {
      tag: randomBytes(16).toString("hex"),
      tags: [],
      migrationTag: undefined,
      classes: new Set(),
      versions: [],
      deployments: [],
      observability: { enabled: false },
      subdomain: { enabled: false, previews_enabled: false },
    };
    const exported = exportsOf(metadata, modules);
    const { migrationTag, classes } = migrated(script, metadata.migrations, exported);
    const version = this.#version({ ...script, classes }, metadata, modules);
    Object.assign(script, { migrationTag, classes });
    if (metadata.observability !== undefined) script.observability = metadata.observability;
    this.scripts.set(name, script);
    script.versions.push(version);
    this.deploy(name, [{ version_id: version.id, percentage: 100 }], {});
    return version;
  }

  addVersion(name: string, metadata: Metadata, modules: UploadedModule[]): Version {
    const script = this.script(name);
    if (metadata.migrations !== undefined) {
      throw new ApiError(400, 10211, "migrations must be fully applied via a non-versioned deployment");
    }
    const version = this.#version(script, metadata, modules);
    script.versions.push(version);
    return version;
  }

  #version(script: Script, metadata: Metadata, modules: UploadedModule[]): Version {
    const exported = exportsOf(metadata, modules);
    for (const name of script.classes) {
      if (!exported.has(name)) {
        throw new ApiError(
          400,
          10064,
          `New version of script does not export class '${name}' which is depended on by existing Durable Objects.`,
        );
      }
    }
    if (!/^\d{4}-\d\d-\d\d$/.test(metadata.compatibility_date) || Date.parse(metadata.compatibility_date) > Date.now()) {
      throw new ApiError(400, 10021, `Can't set compatibility date in the future: ${metadata.compatibility_date}`);
    }
    const before = script.versions.at(-1)?.bindings ?? [];
    for (const binding of metadata.bindings) this.#check(binding, script.classes, before);
    const names = metadata.bindings.map(({ name }) => name);
    for (const name of names) {
      if (names.indexOf(name) !== names.lastIndexOf(name)) throw new ApiError(400, 10021, `binding ${name} is there twice`);
    }
    const kept = before.filter(({ name, type }) => metadata.keep_bindings?.includes(type) && !names.includes(name));
    return {
      id: randomUUID(),
      number: script.versions.length + 1,
      created: new Date().toISOString(),
      metadata,
      modules,
      bindings: [...metadata.bindings.map((binding) => inherited(binding, before)), ...kept],
      assets: this.#assets(metadata),
      annotations: metadata.annotations ?? {},
    };
  }

  #assets({ assets }: Metadata): Map<string, string> {
    if (assets === undefined) return new Map();
    const files = this.#complete.get(assets.jwt);
    if (files === undefined) throw new ApiError(400, 10021, "the files are not uploaded");
    return files;
  }

  #check(binding: Binding, classes: Set<string>, before: Binding[]): void {
    const invalid = (what: string): ApiError =>
      new ApiError(400, 10021, `binding ${binding.name} of type ${binding.type} ${what}`);
    const isText = (field: string): boolean => typeof binding[field] === "string" && binding[field] !== "";
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(binding.name)) throw invalid("has an invalid name");
    switch (binding.type) {
      case "durable_object_namespace":
        if (!classes.has(String(binding["class_name"]))) {
          throw new ApiError(
            400,
            10061,
            `Cannot create binding for class '${binding["class_name"]}' because it is not currently configured to implement Durable Objects.`,
          );
        }
        break;
      case "kv_namespace":
        if (!this.namespaces.has(String(binding["namespace_id"]))) {
          throw new ApiError(400, 10041, `KV namespace '${binding["namespace_id"]}' not found.`);
        }
        break;
      case "ratelimit": {
        const { limit, period } = (binding["simple"] ?? {}) as { limit?: number; period?: number };
        if (!/^[1-9]\d*$/.test(String(binding["namespace_id"])))
          throw invalid("must have a namespace_id that is a positive integer");
        if (!limit || limit < 1 || (period !== 10 && period !== 60)) throw invalid("must have a limit, and a period of 10 or 60");
        break;
      }
      case "analytics_engine":
        if (!isText("dataset")) throw invalid("must have a dataset");
        break;
      case "plain_text":
      case "secret_text":
        if (typeof binding["text"] !== "string") throw invalid("must have a text");
        break;
      case "inherit":
        if (!before.some(({ name }) => name === binding.name)) throw invalid("is in no earlier version");
        break;
      default:
        throw invalid("is of an unknown type");
    }
  }

  /** Gives versions their shares of the requests. */
  deploy(name: string, versions: Deployment["versions"], annotations: Record<string, string>): Deployment {
    const script = this.script(name);
    for (const { version_id } of versions) {
      if (!script.versions.some(({ id }) => id === version_id))
        throw new ApiError(404, 10007, `there is no version ${version_id}`);
    }
    const sum = versions.reduce((sum, { percentage }) => sum + percentage, 0);
    if (versions.length < 1 || versions.length > 2 || sum !== 100) {
      throw new ApiError(400, 10400, "one or two versions, with shares that are 100 percent together");
    }
    const deployment = { id: randomUUID(), created: new Date().toISOString(), versions, annotations };
    script.deployments.unshift(deployment);
    return deployment;
  }

  /** A version like the newest, with other secrets, deployed at once. */
  putSecrets(name: string, secrets: Binding[]): void {
    const script = this.script(name);
    const newest = script.versions.at(-1) as Version;
    if (!script.deployments[0]?.versions.some(({ version_id }) => version_id === newest.id)) {
      throw new ApiError(400, 10215, "Secret edit failed. The latest version of your Worker isn't currently deployed.");
    }
    const names = new Set(secrets.map(({ name }) => name));
    const bindings = [...newest.bindings.filter(({ name }) => !names.has(name)), ...secrets];
    script.versions.push({ ...newest, id: randomUUID(), number: newest.number + 1, created: new Date().toISOString(), bindings });
    this.deploy(name, [{ version_id: script.versions.at(-1)?.id ?? "", percentage: 100 }], {});
  }
}

/** Three parts, the middle one JSON, as wrangler reads it. */
function token(): string {
  return `e30.${Buffer.from(JSON.stringify({ id: randomUUID() })).toString("base64url")}.sig`;
}

/** `inherit` stands for the binding of that name of the version before. */
function inherited(binding: Binding, before: Binding[]): Binding {
  return binding.type === "inherit" ? (before.find(({ name }) => name === binding.name) ?? binding) : binding;
}

/** The names that the main module exports. */
function exportsOf(metadata: Metadata, modules: UploadedModule[]): Set<string> {
  const main = modules.find(({ name }) => name === metadata.main_module);
  if (main === undefined) throw new ApiError(400, 10021, `No such module "${metadata.main_module}".`);
  const clauses = main.content.toString("utf8").matchAll(/\bexport\s*\{([^}]*)\}/g);
  const names = [...clauses].flatMap(([, clause = ""]) => clause.split(",")).map((name) => name.trim().split(/\s+as\s+/));
  return new Set(names.flatMap((words) => words.at(-1) ?? []));
}

/** What the migrations of an upload make of a script's classes. */
function migrated(
  script: Script,
  migrations: Migrations | undefined,
  exported: Set<string>,
): Pick<Script, "migrationTag" | "classes"> {
  const { migrationTag } = script;
  const classes = new Set(script.classes);
  if (migrations === undefined) return { migrationTag, classes };
  if (migrations.old_tag !== migrationTag) {
    throw new ApiError(412, 10079, `Migration tag precondition failed; current tag is ${migrationTag}`);
  }
  for (const { new_sqlite_classes: added = [], ...others } of migrations.steps ?? []) {
    for (const kind of Object.keys(others)) throw new ApiError(400, 10021, `migrations of ${kind} are not played here`);
    for (const name of added) {
      if (!exported.has(name))
        throw new ApiError(
          400,
          10070,
          `Cannot apply new-sqlite-class migration to class '${name}' that isn't exported by script.`,
        );
      if (classes.has(name)) {
        throw new ApiError(
          400,
          10074,
          `Cannot apply new-sqlite-class migration to class '${name}' that is already depended on by existing Durable Objects.`,
        );
      }
      classes.add(name);
    }
  }
  return { migrationTag: migrations.new_tag, classes };
}
