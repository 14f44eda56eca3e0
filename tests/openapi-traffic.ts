/**
 * Holds every response of the tests to the description of the API: its path, status, headers and fields have to be there,
 * and a request that was accepted has to be one that is described. What was met is kept, so that the end of the run can tell
 * what never was (scripts/openapi-coverage.mjs).
 */
import assert from "node:assert/strict";

import {
  below,
  headerPart,
  locate,
  nameOf,
  operations,
  otherMethods,
  otherPaths,
  parameterPart,
  statusPart,
  typePart,
} from "../scripts/openapi-document.mjs";
import { keep } from "./openapi-coverage.ts";
import { methodsOf, route } from "./openapi-route.ts";
import { problems, visit } from "./openapi-schema.ts";

type Operation = (typeof operations)[number];
type Response = Operation["responses"][string];

/** A request as it was sent. */
export interface Sent {
  method: string;
  target: string;
  headers: [string, string][];
  body: Uint8Array | undefined;
  /** The setting `API_BASE_PATH`. */
  basePath: string;
}

/** A response as it came. */
export interface Received {
  status: number;
  headers: { list: [string, string][] };
  text: string;
}

/** Carried by what a test's own entry answers in front of the Worker: no part of the API. */
const NOT_OURS = "X-Test-Only";

/** What HTTP itself needs, whatever the API is. */
const FRAMING = new Set(["connection", "content-length", "content-type", "date", "keep-alive", "transfer-encoding"]);

/**
 * Returns the response when the description has it.
 * @throws {assert.AssertionError} it has not; the message says what of it is not described
 */
export function described<Answer extends Received>(sent: Sent, answer: Answer): Answer {
  if (headerOf(answer.headers.list, NOT_OURS) !== undefined) return answer;
  const template = route(sent.target.split(/[?#]/)[0] ?? "", sent.basePath);
  const operation = operationOf(template, sent.method);
  const met = new Set<string>();
  const fail = (problem: string): never =>
    assert.fail(
      `${sent.method} ${sent.target} answered ${answer.status}, which is not as docs/openapi.yaml has it: ${problem}\n${answer.text.slice(0, 500)}`,
    );
  const response = operation.responses[String(answer.status)] ?? fail(`there is no such status at ${nameOf(operation)}`);
  met.add(statusPart(operation, answer.status));
  checkHeaders(response, answer, met, fail);
  if (answer.status === 405 && template !== undefined) {
    const allow = headerOf(answer.headers.list, "Allow");
    if (allow !== methodsOf(template)) fail(`it allows ${allow}, and described are ${methodsOf(template)}`);
  }
  noteAttributes(sent);
  checkBody(response, sent, answer, met, fail);
  meetParameters(operation, sent, met);
  if (answer.status < 300) checkAccepted(operation, sent, met, fail);
  keep(met);
  return answer;
}

function operationOf(template: string | undefined, method: string): Operation {
  if (template === undefined) return otherPaths;
  return operations.find((operation) => operation.template === template && operation.method === method) ?? otherMethods;
}

function checkHeaders(response: Response, answer: Received, met: Set<string>, fail: (problem: string) => never): void {
  const names = Object.keys(response.node["headers"] ?? {});
  for (const [name, value] of answer.headers.list) {
    if (FRAMING.has(name.toLowerCase())) continue;
    const described = names.find((other) => other.toLowerCase() === name.toLowerCase()) ?? fail(`there is no header ${name}`);
    const { pointer } = locate(below(response.pointer, "headers", described));
    const problem = problems(below(pointer, "schema"), value);
    if (problem !== undefined) fail(`header ${name}: ${value} ${problem}`);
    met.add(headerPart(response, described));
  }
  for (const name of names) {
    const isRequired = locate(below(response.pointer, "headers", name)).node["required"] === true;
    if (isRequired && headerOf(answer.headers.list, name) === undefined) fail(`header ${name} is missing`);
  }
}

function checkBody(response: Response, sent: Sent, answer: Received, met: Set<string>, fail: (problem: string) => never): void {
  const content = (response.node["content"] ?? {}) as Record<string, { schema?: unknown }>;
  const type = headerOf(answer.headers.list, "Content-Type");
  if (type === undefined) {
    if (Object.keys(content).length > 0) fail("it has no Content-Type");
    if (answer.text !== "") fail("it has a body without a type");
    return;
  }
  const described = content[type] ?? fail(`there is no content of type ${type}`);
  met.add(typePart(type));
  if (sent.method === "HEAD" || described.schema === undefined) {
    if (answer.text !== "") fail("it has a body");
    return;
  }
  const schema = locate(below(response.pointer, "content", type, "schema"));
  const instance = type.includes("json") ? withoutAttributes(parsed(answer.text, fail)) : answer.text;
  const problem = problems(schema.pointer, instance);
  if (problem !== undefined) fail(`the body ${problem}`);
  visit(schema, instance, (part) => met.add(part));
}

/** The names of attributes that the tests of this process have registered. */
const attributes = new Set<string>();

/** Attributes that Nova does not have are shown as they are, under any name. */
function noteAttributes({ method, target, body }: Sent): void {
  if (method !== "PUT" || !target.includes("/registry/") || body === undefined) return;
  try {
    const document = JSON.parse(Buffer.from(body).toString("utf8")) as Record<string, { attributes?: object }>;
    for (const { attributes: named } of Object.values(document))
      for (const name of Object.keys(named ?? {})) attributes.add(name);
  } catch {
    // No JSON, or null: nothing was registered.
  }
}

/** Members that only a test has named are taken out of documents; what the description names is compared. */
function withoutAttributes(instance: unknown): unknown {
  if (attributes.size === 0 || typeof instance !== "object" || instance === null) return instance;
  const copy: Record<string, unknown> = { ...instance };
  for (const [wrapper, schema] of [
    ["server", "Server"],
    ["servers", "Server"],
    ["image", "Image"],
    ["images", "Image"],
  ] as const) {
    const known = locate(`#/components/schemas/${schema}`).node["properties"];
    const strip = (fields: unknown): unknown =>
      typeof fields === "object" && fields !== null && "links" in fields
        ? Object.fromEntries(Object.entries(fields).filter(([name]) => Object.hasOwn(known, name) || !attributes.has(name)))
        : fields;
    if (wrapper in copy) copy[wrapper] = Array.isArray(copy[wrapper]) ? copy[wrapper].map(strip) : strip(copy[wrapper]);
  }
  return copy;
}

/** A request that did what it was sent for, and its body is not what the description says is taken. */
function checkAccepted({ requestSchema }: Operation, sent: Sent, met: Set<string>, fail: (problem: string) => never): void {
  if (requestSchema === undefined) return;
  const instance = parsed(Buffer.from(sent.body ?? []).toString("utf8"), fail);
  const problem = problems(requestSchema.pointer, instance);
  if (problem !== undefined) fail(`it accepted a body that ${problem}`);
  visit(requestSchema, instance, (part) => met.add(part));
}

function meetParameters({ parameters }: Operation, { target, headers }: Sent, met: Set<string>): void {
  const query = new URLSearchParams(target.split("?")[1] ?? "");
  for (const parameter of parameters) {
    const { name, in: place } = parameter.node as { name: string; in: string };
    const isThere = place === "path" || (place === "query" ? query.has(name) : headerOf(headers, name) !== undefined);
    if (isThere) met.add(parameterPart(parameter));
  }
}

function headerOf(list: [string, string][], name: string): string | undefined {
  return list.find(([other]) => other.toLowerCase() === name.toLowerCase())?.[1];
}

function parsed(text: string, fail: (problem: string) => never): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return fail("it is not JSON");
  }
}
