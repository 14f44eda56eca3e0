/** The control plane as tests play it: a client of the registry, and what each of its records is held to. */
import assert from "node:assert/strict";

import { assertFaultHeaders, assertRequestId, assertVersion } from "./answers.ts";
import type { Answer, Fields, RequestOptions, Worker } from "./harness.ts";

export type Kind = "servers" | "images";
export const KINDS: Kind[] = ["servers", "images"];

/** The word that a record of this kind is wrapped in. */
export function wrapper(kind: Kind): "server" | "image" {
  return kind === "servers" ? "server" : "image";
}

export function registryPath(kind: Kind, id: string): string {
  return `/registry/${kind}/${id}`;
}

export class RegistryClient {
  constructor(readonly worker: Worker) {}

  /** Sends a request with a token that may use the registry, unless the options name another one. */
  async request(method: string, path: string, options: RequestOptions = {}): Promise<Answer> {
    return this.worker.request(method, path, { token: await this.worker.registrar(), ...options });
  }

  put(kind: Kind, id: string, fields: unknown, options: RequestOptions = {}): Promise<Answer> {
    return this.request("PUT", registryPath(kind, id), { body: { [wrapper(kind)]: fields }, ...options });
  }

  get(kind: Kind, id: string): Promise<Answer> {
    return this.request("GET", registryPath(kind, id));
  }

  /** `observedAt` is RFC 3339, the parameter `observed_at`. */
  delete(kind: Kind, id: string, observedAt?: string): Promise<Answer> {
    const query = observedAt === undefined ? "" : `?observed_at=${encodeURIComponent(observedAt)}`;
    return this.request("DELETE", `${registryPath(kind, id)}${query}`);
  }
}

/** A record with these fields, and the status 200 or 201. */
export function assertRecord(answer: Answer, status: number, kind: Kind, fields: Fields): void {
  assert.equal(answer.status, status, answer.text);
  assert.deepEqual(answer.headers.all("Content-Type"), ["application/json"]);
  assertRequestId(answer);
  assertVersion(answer, null);
  assert.deepEqual(Object.keys(answer.json()), [wrapper(kind)]);
  const record = answer.json()[wrapper(kind)] as Fields;
  for (const [name, value] of Object.entries(fields)) assert.deepEqual(record[name], value, name);
}

/** The 400 of a document, whose message names this field. */
export function assertInvalid(answer: Answer, field: string): void {
  assert.equal(answer.status, 400, answer.text);
  assert.deepEqual(Object.keys(answer.json()), ["badRequest"]);
  const { message, code } = answer.json().badRequest as { message: string; code: number };
  assert.equal(code, 400);
  const named = /^Invalid input for field '(.*?)': ./.exec(message)?.[1];
  assert.ok(named !== undefined, message);
  assert.ok(named === field || named.endsWith(`.${field}`) || named.includes(`${field}.`), message);
  assertFaultHeaders(answer);
}
