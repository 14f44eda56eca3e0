// What each subject's tests have: the cloud of all of them, and a Worker and a bridge of their own.
import assert from "node:assert/strict";
import { after, before, describe } from "node:test";

import type { Later } from "../programs.ts";
import { Bridge, type BridgeOptions } from "./bridge.ts";
import { QUEUES, type Cloud, type Person } from "./cloud.ts";
import { Edge, type Plural } from "./edge.ts";
import { eventually, type Patience } from "./wait.ts";

export class Subject {
  constructor(
    readonly cloud: Cloud,
    readonly edge: Edge,
    readonly bridge: Bridge,
  ) {}

  get member(): Person {
    return this.cloud.member;
  }

  /** The metadata that the cloud has; null when it does not have the resource. */
  async original(kind: Plural, id: string): Promise<Record<string, string> | null> {
    if (kind === "servers") {
      const { status, json, text } = await this.cloud.admin.nova("GET", `/servers/${id}`);
      assert.ok(status === 200 || status === 404, `${status} ${text}`);
      return status === 404 ? null : json.server.metadata;
    }
    const { status, json, text } = await this.cloud.admin.glance("GET", `/images/${id}`);
    assert.ok(status === 200 || status === 404, `${status} ${text}`);
    if (status === 404) return null;
    const own = ([name, value]: [string, unknown]): boolean => typeof value === "string" && !GLANCES.has(name);
    return Object.fromEntries(Object.entries(json as Record<string, string>).filter(own));
  }

  /** Waits until both sides have the same metadata, and no mark is left. */
  async inStep(kind: Plural, id: string, expected?: Record<string, string>, patience: Patience = {}): Promise<void> {
    const look = async (): Promise<void> => {
      // The edge first: to ask Nova again and again would take from the bridge what it waits for.
      const record = await this.edge.record(kind, id);
      assert.deepEqual(record?.changes ?? {}, {}, `marks of ${id}`);
      if (expected !== undefined) assert.deepEqual(record?.metadata, expected);
      assert.deepEqual(record?.metadata ?? null, await this.original(kind, id), `${kind} ${id}`);
    };
    await eventually(look, { within: 60_000, why: () => this.bridge.tail(), ...patience });
  }
}

/** What Glance itself says of an image. */
const GLANCES = new Set(
  ["id", "name", "status", "visibility", "owner", "checksum", "os_hash_algo", "os_hash_value", "container_format"].concat([
    "disk_format",
    "created_at",
    "updated_at",
    "self",
    "file",
    "schema",
    "direct_url",
  ]),
);

/** Tests of one subject. Their bridge is prepared, and not started. */
export function subject(
  name: string,
  cloud: Cloud,
  tests: (given: () => Subject) => void,
  options: Partial<BridgeOptions> = {},
): void {
  describe(name, () => {
    const undos: (() => unknown)[] = [];
    const later: Later = (undo) => undos.push(undo);
    let made: Subject | undefined;
    before(async () => {
      const edge = await Edge.start(cloud.project, later);
      const bridge = await Bridge.prepare(name.replaceAll(/\W+/g, "-"), {
        cloud,
        edge: edge.url,
        token: edge.registrar,
        ...options,
      });
      later(() => bridge.kill());
      for (const vhost of ["nova", "glance"] as const) {
        for (const queue of QUEUES[vhost]) {
          await cloud.rabbit.purge(vhost, queue);
        }
      }
      made = new Subject(cloud, edge, bridge);
    });
    tests(() => {
      assert.ok(made, "it was not prepared");
      return made;
    });
    // Behind the subject's own.
    after(async () => {
      for (const undo of undos.reverse()) await undo();
    });
  });
}
