// A small cloud of real parts: Keystone, Nova, Glance and RabbitMQ, and people who use it.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { startKeystone, type Keystone, type User } from "../keystone/server.ts";
import type { Later } from "../programs.ts";
import { Glance, type NewImage } from "./glance.ts";
import { Nova, type NewServer } from "./nova.ts";
import { RabbitMq } from "./rabbitmq.ts";
import { startStandIn } from "./stand-ins.ts";

/** Set by scripts/test-cloud.mjs. */
export function given(name: string): string {
  const value = process.env[name];
  assert.ok(value, "run it by `npm run test:cloud`");
  return value;
}

/** The queues that the bridge reads, by virtual host. */
export const QUEUES = { nova: ["edge_metadata.info", "edge_metadata.error"], glance: ["edge_metadata_images.info"] } as const;

export interface Reply {
  status: number;
  text: string;
  // biome-ignore lint/suspicious/noExplicitAny: its shape is what a test asserts next; a type would be a claim.
  json: any;
}

/** Someone with a token, who asks Nova and Glance. */
export class Person {
  constructor(
    readonly cloud: Cloud,
    readonly user: User,
    readonly project: string,
    public token: string,
  ) {}

  async nova(method: string, resource: string, body?: object, patience = 60_000): Promise<Reply> {
    const url = `${this.cloud.nova.url}${resource}`;
    for (;;) {
      const reply = await ask(url, method, this.token, body, { "X-OpenStack-Nova-API-Version": "2.9" }, patience);
      // SQLite refuses one of two writers that meet, and nothing has been changed then. Nova's own databases do not.
      if (reply.status !== 500 || !reply.text.includes("OperationalError")) return reply;
    }
  }

  glance(method: string, resource: string, body?: object, type = "application/json"): Promise<Reply> {
    return ask(`${this.cloud.glance.url}/v2${resource}`, method, this.token, body, { "Content-Type": type }, 60_000);
  }

  /** Changes an image's properties, as glanceclient does. */
  patch(image: string, ...operations: object[]): Promise<Reply> {
    return this.glance("PATCH", `/images/${image}`, operations, "application/openstack-images-v2.1-json-patch");
  }
}

/** Without an answer in time, or without one at all: status 0. */
export async function ask(
  url: string,
  method: string,
  token: string,
  body: object | undefined,
  headers: Record<string, string>,
  patience: number,
): Promise<Reply> {
  try {
    const response = await fetch(url, {
      method,
      headers: { "X-Auth-Token": token, "Content-Type": "application/json", ...headers },
      signal: AbortSignal.timeout(patience),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, text, json: parsed(text) };
  } catch (error) {
    return { status: 0, text: String(error), json: undefined };
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

export class Cloud {
  private constructor(
    readonly folder: string,
    readonly keystone: Keystone,
    readonly rabbit: RabbitMq,
    readonly nova: Nova,
    readonly glance: Glance,
    readonly admin: Person,
    readonly member: Person,
    readonly bridgeUser: User,
    readonly serviceProject: string,
  ) {}

  static async start(later: Later): Promise<Cloud> {
    const folder = mkdtempSync(path.join(tmpdir(), "edge-metadata-cloud-"));
    later(() => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }));
    const template = given("CLOUD_TEMPLATE");
    const rabbit = RabbitMq.start(
      { rabbitmq: given("CLOUD_RABBITMQ"), epmd: given("CLOUD_EPMD"), python: path.join(given("CLOUD_NOVA"), "bin", "python") },
      folder,
      later,
    );
    // An exception elsewhere must not leave it unheard.
    rabbit.catch(() => {});
    const keystone = await startKeystone({ expiration: 7_200 });
    later(() => keystone.remove());
    await keystone.findable();
    const identity = { keystone: keystone.url, adminPassword: given("KEYSTONE_ADMIN_PASSWORD") };
    const bus = await rabbit;
    const glance = Glance.start(
      {
        ...identity,
        environment: given("CLOUD_GLANCE"),
        template: path.join(template, "glance"),
        folder: path.join(folder, "glance"),
        notifications: bus.announcing("glance"),
      },
      later,
    );
    glance.catch(() => {});
    const nova = await Nova.start(
      {
        ...identity,
        environment: given("CLOUD_NOVA"),
        template: path.join(template, "nova"),
        folder: path.join(folder, "nova"),
        notifications: bus.announcing("nova"),
        others: await startStandIn(later),
      },
      later,
    );
    await endpoints(keystone, "compute", "nova", nova.url);
    await endpoints(keystone, "image", "glance", (await glance).url);
    return Cloud.#populate(folder, keystone, bus, nova, await glance);
  }

  static async #populate(folder: string, keystone: Keystone, rabbit: RabbitMq, nova: Nova, glance: Glance): Promise<Cloud> {
    const project = await keystone.project("acme");
    const service = await keystone.project("service");
    const member = await keystone.user("alice");
    const bridge = await keystone.user("bridge");
    const root = await keystone.user("root");
    await keystone.grant(member, "member", `/projects/${project}`);
    await keystone.grant(root, "admin", `/projects/${project}`);
    // What docs/operate.md gives it: it sees and changes the servers and images of all projects.
    await keystone.grant(bridge, "admin", `/projects/${service}`);
    const cloud = new Cloud(folder, keystone, rabbit, nova, glance, undefined as never, undefined as never, bridge, service);
    const person = async (user: User): Promise<Person> =>
      new Person(cloud, user, project, await keystone.token(user, { project: { id: project } }));
    Object.assign(cloud, { admin: await person(root), member: await person(member) });
    return cloud;
  }

  get project(): string {
    return this.member.project;
  }

  async servers(servers: Omit<NewServer, "project" | "user">[]): Promise<void> {
    await this.nova.insert(servers.map((server) => ({ project: this.project, user: this.member.user.id, ...server })));
  }

  async images(images: (Omit<NewImage, "project"> & { project?: string })[]): Promise<void> {
    await this.glance.insert(images.map((image) => ({ project: this.project, ...image })));
  }
}

/** For everyone, and for those inside. */
async function endpoints(keystone: Keystone, type: string, name: string, url: string): Promise<void> {
  const { service } = await keystone.manage("POST", "/services", { service: { type, name } });
  for (const kind of ["public", "internal"]) {
    const endpoint = { service_id: service.id, interface: kind, region_id: "RegionOne", url };
    await keystone.manage("POST", "/endpoints", { endpoint });
  }
}
