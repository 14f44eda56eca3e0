/** The metadata operations besides DELETE, as tests send them. */
import assert from "node:assert/strict";

import { assertRequestId } from "./answers.ts";
import type { Answer, Fields, RequestOptions } from "./harness.ts";
import type { Project } from "./project.ts";

export interface Operation {
  name: string;
  method: string;
  /** Path below the resource. */
  path: string;
  body?: object;
  /** Last part of N's policy name for servers. */
  right: string;
  /** The answer and the items afterwards, for a resource that holds `both`. */
  answer: object;
  leaves: Record<string, string>;
}

/** The items of a resource that `Project` creates. */
export const both = { key1: "value1", key2: "value2" };

export const READS: Operation[] = [
  {
    name: "GET of all items",
    method: "GET",
    path: "metadata",
    right: "index",
    answer: { metadata: both },
    leaves: both,
  },
  {
    name: "GET of one item",
    method: "GET",
    path: "metadata/key1",
    right: "show",
    answer: { meta: { key1: "value1" } },
    leaves: both,
  },
];

export const WRITES: Operation[] = [
  {
    name: "POST",
    method: "POST",
    path: "metadata",
    body: { metadata: { key1: "changed", key3: "added" } },
    right: "create",
    answer: { metadata: { key1: "changed", key2: "value2", key3: "added" } },
    leaves: { key1: "changed", key2: "value2", key3: "added" },
  },
  {
    name: "PUT of all items",
    method: "PUT",
    path: "metadata",
    body: { metadata: { key1: "changed", key3: "added" } },
    right: "update_all",
    answer: { metadata: { key1: "changed", key3: "added" } },
    leaves: { key1: "changed", key3: "added" },
  },
  {
    name: "PUT of one item",
    method: "PUT",
    path: "metadata/key1",
    body: { meta: { key1: "changed" } },
    right: "update",
    answer: { meta: { key1: "changed" } },
    leaves: { key1: "changed", key2: "value2" },
  },
];

export const KINDS = ["servers", "images"] as const;
export type Kind = (typeof KINDS)[number];

export const PREFIXES = ["", "/v2", "/v2.1", "/v2/{project_id}", "/v2.1/{project_id}"];

/** Creates a resource of the project with the items `both`, unless the fields say otherwise. */
export function make(project: Project, kind: Kind, fields: Fields = {}): Promise<string> {
  return kind === "servers" ? project.server(fields) : project.image(fields);
}

/** Shortens a text for a test's name. */
export function brief(text: string): string {
  return text.length > 80 ? `${text.slice(0, 40)}… (${text.length})` : text;
}

/** A resource's path below a prefix. */
export function resourcePath(prefix: string, project: Project, kind: Kind, id: string): string {
  return `${prefix.replace("{project_id}", project.id)}/${kind}/${id}`;
}

/** Sends an operation as the project's member, unless the options name another token. */
export async function perform(
  project: Project,
  resource: string,
  { method, path, body }: Operation,
  options: RequestOptions = {},
): Promise<Answer> {
  const token = await project.as("member");
  return project.worker.request(method, `${resource}/${path}`, { token, ...(body && { body }), ...options });
}

export function assertDocument(answer: Answer, document: unknown): void {
  assert.equal(answer.status, 200, answer.text);
  assert.deepEqual(answer.json(), document);
  assert.deepEqual(answer.headers.all("Content-Type"), ["application/json"]);
  assert.deepEqual(answer.headers.all("Content-Length"), [String(answer.bytes.length)]);
  assertRequestId(answer);
}
