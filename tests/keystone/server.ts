/** A real Keystone with its own process, database and port, and a client that administers it. */
import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { freePort } from "../../scripts/free-port.mjs";
import { configuration } from "../../scripts/keystone-environment.mjs";

const STARTS_WITHIN_MS = 60_000;

/** Set by scripts/test-keystone.mjs. */
function given(name: string): string {
  const value = process.env[name];
  assert.ok(value, "run it by `npm run test:keystone`");
  return value;
}

const bin = given("KEYSTONE_BIN");
const template = given("KEYSTONE_TEMPLATE");
const adminPassword = given("KEYSTONE_ADMIN_PASSWORD");
export const provider = given("KEYSTONE_PROVIDER");

export interface KeystoneOptions {
  /** Seconds until a token expires. */
  expiration?: number;
  /** Seconds for which an expired token is accepted together with a service token. */
  grace?: number;
}

export type Scope = { project: { id: string } } | { domain: { id: string } } | { system: { all: true } } | "unscoped";

export interface AccessRule {
  service: string;
  method: string;
  path: string;
}

// biome-ignore lint/suspicious/noExplicitAny: its shape is what a test asserts next; a type would be a claim.
type Document = any;

export async function startKeystone({ expiration = 3600, grace = 3600 }: KeystoneOptions = {}): Promise<Keystone> {
  const folder = await mkdtemp(path.join(tmpdir(), "edge-metadata-keystone-"));
  await cp(template, folder, { recursive: true });
  await writeFile(path.join(folder, "keystone.conf"), configuration(folder, { provider, expiration, grace }));
  const keystone = new Keystone(folder, await freePort());
  await keystone.start();
  return keystone;
}

export class Keystone {
  #process: ChildProcess | undefined;
  #admin: Promise<string> | undefined;
  readonly #roles = new Map<string, Promise<string>>();

  constructor(
    readonly folder: string,
    readonly port: number,
  ) {}

  get url(): string {
    return `http://127.0.0.1:${this.port}/v3`;
  }

  async start(): Promise<void> {
    const args = [
      ...["--http-socket", `127.0.0.1:${this.port}`, "--module", "keystone.wsgi.api:application"],
      ...["--master", "--processes", "2", "--lazy-apps", "--need-app", "--die-on-term", "--buffer-size", "32768"],
      // uWSGI closes each connection but does not announce it by default.
      ...["--add-header", "Connection: close"],
      ...["--disable-logging", "--logto", path.join(this.folder, "uwsgi.log")],
    ];
    const child = spawn(path.join(bin, "uwsgi"), args, {
      cwd: this.folder,
      env: { ...process.env, OS_KEYSTONE_CONFIG_DIR: this.folder },
      stdio: "ignore",
    });
    this.#process = child;
    const until = Date.now() + STARTS_WITHIN_MS;
    while (!(await this.#answers())) {
      const log = async (): Promise<string> => readFile(path.join(this.folder, "uwsgi.log"), "utf8").catch(() => "");
      assert.ok(child.exitCode === null && Date.now() < until, `Keystone does not start:\n${await log()}`);
      await sleep(100);
    }
  }

  async #answers(): Promise<boolean> {
    try {
      return (await fetch(this.url)).ok;
    } catch {
      return false;
    }
  }

  /** Ends the process and waits for its exit. */
  async stop(): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (child === undefined || child.exitCode !== null) return;
    const ended = new Promise((resolve) => child.once("close", resolve));
    child.kill("SIGTERM");
    const kill = setTimeout(() => child.kill("SIGKILL"), 5_000);
    await ended;
    clearTimeout(kill);
  }

  async remove(): Promise<void> {
    await this.stop();
    await rm(this.folder, { recursive: true, force: true, maxRetries: 3 });
  }

  async request(
    method: string,
    resource: string,
    token: string,
    body?: object,
    headers: Record<string, string> = {},
  ): Promise<Response> {
    return fetch(`${this.url}${resource}`, {
      method,
      headers: { "X-Auth-Token": token, "Content-Type": "application/json", ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  }

  /** Sends a request as administrator; fails the test unless it succeeds. */
  async manage(method: string, resource: string, body?: object): Promise<Document> {
    return this.#succeeds(await this.request(method, resource, await this.admin(), body), `${method} ${resource}`);
  }

  async #succeeds(response: Response, what: string): Promise<Document> {
    const text = await response.text();
    assert.ok(response.ok, `${what}: ${response.status} ${text}`);
    return text === "" ? undefined : JSON.parse(text);
  }

  /** The administrator's token, in the project `admin`. */
  admin(): Promise<string> {
    this.#admin ??= this.#authenticate(
      { methods: ["password"], password: { user: { name: "admin", domain: { id: "default" }, password: adminPassword } } },
      { project: { name: "admin", domain: { id: "default" } } },
    );
    return this.#admin;
  }

  async #authenticate(identity: object, scope?: object | "unscoped"): Promise<string> {
    const response = await fetch(`${this.url}/auth/tokens`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ auth: { identity, ...(scope === undefined ? {} : { scope }) } }),
    });
    await this.#succeeds(response, "POST /auth/tokens");
    return response.headers.get("X-Subject-Token") ?? "";
  }

  /** Issues a token for a password. */
  token(user: User, scope: Scope): Promise<string> {
    const identity = { methods: ["password"], password: { user: { id: user.id, password: user.password } } };
    return this.#authenticate(identity, scope);
  }

  trustToken(trustee: User, trust: string): Promise<string> {
    const identity = { methods: ["password"], password: { user: { id: trustee.id, password: trustee.password } } };
    return this.#authenticate(identity, { "OS-TRUST:trust": { id: trust } });
  }

  credentialToken({ id, secret }: { id: string; secret: string }): Promise<string> {
    return this.#authenticate({ methods: ["application_credential"], application_credential: { id, secret } });
  }

  /** Revokes a token. */
  async revoke(token: string): Promise<void> {
    const response = await this.request("DELETE", "/auth/tokens", await this.admin(), undefined, { "X-Subject-Token": token });
    await this.#succeeds(response, "DELETE /auth/tokens");
  }

  async project(name: string): Promise<string> {
    const known = await this.manage("GET", `/projects?name=${name}&domain_id=default`);
    if (known.projects.length > 0) return known.projects[0].id as string;
    return (await this.manage("POST", "/projects", { project: { name, domain_id: "default" } })).project.id as string;
  }

  async user(name: string): Promise<User> {
    const password = `password of ${name}`;
    const { user } = await this.manage("POST", "/users", { user: { name, domain_id: "default", password } });
    return { id: user.id as string, name, password };
  }

  role(name: string): Promise<string> {
    const role = this.#roles.get(name) ?? this.#role(name);
    this.#roles.set(name, role);
    return role;
  }

  async #role(name: string): Promise<string> {
    const known = await this.manage("GET", `/roles?name=${name}`);
    if (known.roles.length > 0) return known.roles[0].id as string;
    return (await this.manage("POST", "/roles", { role: { name } })).role.id as string;
  }

  /** Gives a user a role in `/projects/{id}`, `/domains/{id}` or `/system`. */
  async grant(user: User, role: string, where: string): Promise<void> {
    await this.manage("PUT", `${where}/users/${user.id}/roles/${await this.role(role)}`);
  }

  /** Creates an application credential for the token's user. */
  async credential(user: User, token: string, rules?: AccessRule[]): Promise<{ id: string; secret: string }> {
    const credential = { name: `of ${user.name} ${Math.random()}`, ...(rules === undefined ? {} : { access_rules: rules }) };
    const resource = `/users/${user.id}/application_credentials`;
    const response = await this.request("POST", resource, token, { application_credential: credential });
    return (await this.#succeeds(response, `POST ${resource}`)).application_credential as { id: string; secret: string };
  }

  /** Deletes an application credential with a token of the same user. */
  async deleteCredential(user: User, token: string, id: string): Promise<void> {
    const resource = `/users/${user.id}/application_credentials/${id}`;
    await this.#succeeds(await this.request("DELETE", resource, token), `DELETE ${resource}`);
  }

  /** Creates a trust from the token's user to `trustee`, with or without impersonation. */
  async trust(
    trustor: User,
    token: string,
    trustee: User,
    project: string,
    role: string,
    impersonation: boolean,
  ): Promise<string> {
    const trust = {
      trustor_user_id: trustor.id,
      trustee_user_id: trustee.id,
      project_id: project,
      impersonation,
      roles: [{ name: role }],
    };
    const response = await this.request("POST", "/OS-TRUST/trusts", token, { trust });
    return (await this.#succeeds(response, "POST /OS-TRUST/trusts")).trust.id as string;
  }

  /** Adds a service to the catalog. */
  async service(type: string, name: string, url: string): Promise<void> {
    const { service } = await this.manage("POST", "/services", { service: { type, name } });
    const endpoint = { service_id: service.id, interface: "public", region_id: "RegionOne", url };
    await this.manage("POST", "/endpoints", { endpoint });
  }

  /** Updates the catalog's identity endpoint: the database was created before the port was known. */
  async findable(): Promise<void> {
    const { endpoints } = await this.manage("GET", "/endpoints");
    for (const { id } of endpoints) await this.manage("PATCH", `/endpoints/${id}`, { endpoint: { url: this.url } });
  }
}

export interface User {
  id: string;
  name: string;
  password: string;
}
