/**
 * Requests whose bodies are not needed, or are refused before they have come: for each answer, what leads to it.
 * What is sent of each body, and how, is up to who uses them.
 */
import assert from "node:assert/strict";

import { resourceId, type Answer } from "../harness.ts";
import { chunked, Connection } from "./connection.ts";

/** Bytes that a body of servers and images may have. */
export const LIMIT = 114_688;
/** Of a body that is not read, this much is thrown away before the connection may be closed. */
const DRAINED = 16 * 1024 * 1024;

export interface Known {
  member: string;
  /** A token without a role. */
  nobody: string;
  project: string;
  server: string;
}

export interface Refusal {
  name: string;
  method: string;
  path: (known: Known) => string;
  token: (known: Known) => string;
  contentType: string;
  /** What is answered to a body within the limit. */
  status: number;
  /** Whether the body is counted while it comes; otherwise only its announced length counts. */
  isRead: boolean;
  limit: number;
}

const metadata = ({ server }: Known): string => `/servers/${server}/metadata`;
const member = ({ member }: Known): string => member;

function refusal(status: number, name: string, fields: Partial<Refusal>): Refusal {
  return {
    ...{ name, status, method: "PUT", path: metadata, token: member, contentType: "application/json" },
    ...{ isRead: false, limit: LIMIT },
    ...fields,
  };
}

export const REFUSALS: Refusal[] = [
  refusal(400, "a body that is no JSON", { isRead: true }),
  refusal(400, "POST of a body that is no JSON", { method: "POST", isRead: true }),
  refusal(401, "a made-up token", { token: () => "nobody-knows-it" }),
  refusal(403, "the registry without a role", {
    path: () => `/registry/servers/${resourceId()}`,
    token: ({ nobody }) => nobody,
    limit: 1_048_576,
  }),
  refusal(404, "an unknown path", { path: () => "/nothing/here" }),
  refusal(405, "a method that the path does not have", { method: "DELETE" }),
  refusal(406, "a microversion of the future", { path: (known) => `/v2.1${metadata(known)}?v=2.999` }),
  refusal(415, "another content type", { contentType: "text/html" }),
  refusal(404, "DELETE with a body", { method: "DELETE", path: (known) => `${metadata(known)}/not-there` }),
  refusal(200, "GET with a body", { method: "GET" }),
  refusal(204, "OPTIONS with a body", { method: "OPTIONS" }),
  refusal(200, "a version document with a body", { method: "GET", path: () => "/" }),
];

export interface Body {
  size: number;
  isChunked: boolean;
  /** Whether all of it is sent. */
  isFinished: boolean;
}

export function describe({ size, isChunked, isFinished }: Body): string {
  return `${size} bytes${isChunked ? ", chunked" : ""}${isFinished ? "" : ", unfinished"}`;
}

/** What is answered. An unfinished body that is waited for is a 503, and one that is not, whatever it would have been. */
export function expectedStatus(refusal: Refusal, { size, isChunked, isFinished }: Body): number {
  const isPublic = refusal.method === "OPTIONS" || refusal.name.startsWith("a version document");
  // One byte is missing of an unfinished body, and without a length only what was sent counts.
  const counted = isChunked && !isFinished ? size - 1 : size;
  const isTooLarge = counted > refusal.limit && (!isChunked || refusal.isRead);
  if (isTooLarge && !isPublic) return 413;
  if (!isFinished && refusal.isRead) return 503;
  return refusal.status;
}

/** Sends the request, and gives its answer and the connection it came on. */
export async function sendBody(
  url: string,
  known: Known,
  refusal: Refusal,
  body: Body,
): Promise<{ answer: Answer; connection: Connection }> {
  const { size, isChunked, isFinished } = body;
  const connection = await Connection.open(url);
  const headers = {
    "X-Auth-Token": refusal.token(known),
    "Content-Type": refusal.contentType,
    ...(refusal.status === 406 ? { "X-OpenStack-Nova-API-Version": "2.999" } : {}),
    ...(isChunked ? { "Transfer-Encoding": "chunked" } : { "Content-Length": String(size) }),
  };
  // What is missing of an unfinished one is little, so that sizes over a limit are over it before that.
  const bytes = Buffer.alloc(isFinished ? size : size - 1, "x");
  void connection.send(connection.head(refusal.method, refusal.path(known), headers));
  void connection.send(isChunked ? chunked(bytes, 16_384, isFinished) : bytes);
  const answer = await connection.answer({ hasBody: refusal.method !== "HEAD" });
  return { answer, connection };
}

/** The next request on the same connection is answered, unless the connection was closed, as HTTP allows. */
export async function assertUsable(connection: Connection, { size, isFinished }: Body, known: Known): Promise<void> {
  if (!isFinished || size > DRAINED) {
    connection.close();
    return;
  }
  assert.ok(!connection.isClosed, "the connection was closed");
  await connection.send(connection.head("GET", metadata(known), { "X-Auth-Token": known.member }));
  const next = await connection.answer();
  assert.equal(next.status, 200, `the next request on the connection: ${next.status} ${next.text}`);
  connection.close();
}
