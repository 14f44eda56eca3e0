/** Reads `nova-recorded/`: requests to a real Nova and its answers. The README there describes the format. */
import { readFileSync } from "node:fs";
import path from "node:path";

import { repository, type HeaderList } from "./harness.ts";

export interface Recorded {
  case: string;
  request: { method: string; path: string; token: string | null; headers: HeaderList; body?: string };
  status: number;
  headers: HeaderList;
  body: string;
}

export interface Fixtures {
  servers: {
    id: string;
    name: string;
    project: string;
    vm_state: string;
    task_state?: string;
    metadata: Record<string, string>;
    locked_by?: string;
    never_launched?: boolean;
    destroyed?: boolean;
  }[];
  images: {
    id: string;
    name: string;
    project: string;
    visibility: string;
    status?: string;
    properties: Record<string, string>;
    member?: string;
    protected?: boolean;
    deleted?: boolean;
  }[];
}

/** The compared part of an answer: headers by lower-case name, the body as a JSON value. */
export interface Compared {
  status: number;
  headers: Record<string, string[]>;
  body: unknown;
}

const folder = path.join(repository, "tests", "nova-recorded");

export const recording = read("recorded.json") as Recorded[];
export const fixtures = read("fixtures.json") as Fixtures;

function read(file: string): unknown {
  return JSON.parse(readFileSync(path.join(folder, file), "utf8"));
}

/** Expands a request's body from the recording's notation. */
export function bytesOf(body: string): Buffer {
  // With a capturing separator every second part is the separator.
  const parts = unabridged(body).split(/\\x([0-9a-f]{2})/);
  return Buffer.concat(parts.map((part, at) => Buffer.from(part, at % 2 === 0 ? "utf8" : "hex")));
}

function unabridged(body: string): string {
  const abridged = /^(.*)\.\.\.\((\d+) bytes\)$/s.exec(body);
  if (abridged === null) return body;
  const length = Number(abridged[2]);
  // One character may be two escapes, the second of which may be cut off at the end of the prefix.
  const beginning = (abridged[1] ?? "").replace(/((?:\\u[0-9a-f]{4}){2})\\u[0-9a-f]{4}$/, "$1");
  const last = /(?:\\u[0-9a-f]{4}){2}$|.$/s.exec(beginning)?.[0] ?? "";
  // A repeated character may open a bracket each time, which is closed as often.
  const open = closing(beginning).length;
  const step = last.length + closing(beginning + last).length - open;
  const whole = beginning + last.repeat((length - beginning.length - open) / step);
  return whole + closing(whole);
}

/** Returns the text that closes a truncated JSON text. */
function closing(text: string): string {
  const [code = "", ...unfinished] = text.replace(/"(?:[^"\\]|\\.)*"/gs, "").split('"');
  let closers = "";
  for (const character of code) {
    if (character === "{") closers = `}${closers}`;
    else if (character === "[") closers = `]${closers}`;
    else if (character === "}" || character === "]") closers = closers.slice(1);
  }
  return unfinished.length > 0 ? `"${closers}` : closers;
}

export function headersByName(list: HeaderList): Compared["headers"] {
  const headers: Compared["headers"] = {};
  for (const [header, value] of list) {
    const name = header.toLowerCase();
    // Several values in one header are the same as one header each.
    const values = name === "vary" ? value.split(/\s*,\s*/) : [value];
    headers[name] = [...(headers[name] ?? []), ...values];
  }
  return headers;
}

const RULES = [
  "is not of type '[a-z]+'",
  "is too long",
  "should be non-empty",
  "has too many properties",
  "does not match any of the regexes: '.*'",
  "do not match any of the regexes: '.*'",
].join("|");

/** Removes Python renderings of values from a JSON-schema message. */
export function withoutValues(message: string): string {
  const below = new RegExp(`^(Invalid input for field/attribute .*?\\. Value: ).*\\. .* (${RULES})$`, "s").exec(message);
  if (below !== null) return `${below[1]}{}. {} ${below[2]}`;
  return message.replace(/^.* (is not of type '[a-z]+')$/s, "{} $1");
}
