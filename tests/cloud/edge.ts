// The built Worker in write-behind mode, at an address that stays the same however often it is ended.
import assert from "node:assert/strict";

import { startWorkerd, type PlainWorkerd } from "../workerd.ts";
import type { Answer } from "../harness.ts";
import type { Later } from "../programs.ts";
import { Front } from "./front.ts";

export type Plural = "servers" | "images";

export interface Change {
  revision: number;
  value: string | null;
}

// biome-ignore lint/suspicious/noExplicitAny: its shape is what a test asserts next; a type would be a claim.
export type EdgeRecord = any;

export class Edge {
  private constructor(
    readonly worker: PlainWorkerd,
    readonly front: Front,
    readonly registrar: string,
    /** A member of the project in which the tests' servers are. */
    readonly member: string,
  ) {}

  static async start(project: string, later: Later, vars: Record<string, string> = {}): Promise<Edge> {
    const worker = await startWorkerd({ vars: { CHANGES: "keep", ...vars } });
    later(() => worker.stop());
    const front = await Front.start(later);
    front.aim(worker.url);
    const registrar = await worker.token({ project: "ace", roles: ["service"], expiresIn: 7_200 });
    const member = await worker.token({ project, roles: ["member"], expiresIn: 7_200 });
    return new Edge(worker, front, registrar, member);
  }

  get url(): string {
    return this.front.url;
  }

  /** SIGKILL, at once. */
  async kill(): Promise<void> {
    await this.worker.kill();
    this.front.cut();
  }

  async restart(): Promise<void> {
    await this.worker.restart();
    this.front.aim(this.worker.url);
  }

  /** As a user of the project. */
  user(method: string, resource: string, body?: object): Promise<Answer> {
    return this.worker.request(method, `/v2.1${resource}`, { token: this.member, ...(body === undefined ? {} : { body }) });
  }

  put(kind: Plural, id: string, key: string, value: string): Promise<Answer> {
    return this.user("PUT", `/${kind}/${id}/metadata/${key}`, { meta: { [key]: value } });
  }

  delete(kind: Plural, id: string, key: string): Promise<Answer> {
    return this.user("DELETE", `/${kind}/${id}/metadata/${key}`);
  }

  registry(method: string, resource: string, body?: object): Promise<Answer> {
    return this.worker.request(method, `/registry${resource}`, {
      token: this.registrar,
      ...(body === undefined ? {} : { body }),
    });
  }

  /** The full record, or null. */
  async record(kind: Plural, id: string): Promise<EdgeRecord> {
    const answer = await this.registry("GET", `/${kind}/${id}`);
    if (answer.status === 404) return null;
    assert.equal(answer.status, 200, answer.text);
    return answer.json()[kind.slice(0, -1)];
  }

  async metadata(kind: Plural, id: string): Promise<Record<string, string> | null> {
    return (await this.record(kind, id))?.metadata ?? null;
  }

  /** The keys that the cloud has yet to apply. */
  async marks(kind: Plural, id: string): Promise<string[]> {
    return Object.keys((await this.record(kind, id))?.changes ?? {});
  }

  /** All resources that have marks. */
  async changed(): Promise<string[]> {
    const answer = await this.registry("GET", "/changes");
    assert.equal(answer.status, 200, answer.text);
    return answer.json().changes.map(({ id }: { id: string }) => id);
  }
}
