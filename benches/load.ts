// Runs wrk and parses its results.
import path from "node:path";
import { Failure } from "../scripts/command.mjs";
import { root } from "../scripts/layout.mjs";
import { capture } from "../scripts/run.mjs";
import { PROJECT } from "./workload.ts";

export interface Keys {
  servers: number;
  items: number;
  tokens: number;
  /** The number of the first server. */
  first: number;
}

/** The project and tokens, where a Keystone chooses them. */
export interface Owner {
  project: string;
  /** A file with one token per line. */
  tokenFile: string;
}

/** Times are in µs. */
export interface Seen {
  requests: number;
  microseconds: number;
  p50: number;
  p99: number;
  most: number;
  /** Error responses. */
  refused: number;
  /** Requests without an answer. */
  broken: number;
}

export async function requireWrk(): Promise<string> {
  const { code, stdout } = await capture("wrk", ["--version"]);
  const version = /^wrk (\S+)/m.exec(stdout)?.[1];
  if (code === 127 || version === undefined) throw new Failure("wrk is missing: apt-get install wrk");
  return version;
}

/** Sends DELETEs for a time, or until no key is left. One thread, so that keys form one sequence. */
export async function deleteKeys(port: number, connections: number, seconds: number, keys: Keys, owner?: Owner): Promise<Seen> {
  const script = path.join(root, "benches", "load.lua");
  const { servers, items, tokens, first } = keys;
  const args = ["-t1", `-c${connections}`, `-d${seconds}s`, "--timeout", "30s", "-s", script, `http://127.0.0.1:${port}`];
  const { code, stdout, stderr } = await capture("wrk", [
    ...args,
    "--",
    ...[owner?.project ?? PROJECT, servers, items, tokens, first].map(String),
    ...(owner ? [owner.tokenFile] : []),
  ]);
  const line = stdout.split("\n").find((line) => line.startsWith("{"));
  if (code !== 0 || line === undefined) throw new Failure(`wrk ended with exit code ${code}: ${stderr || stdout}`);
  return JSON.parse(line) as Seen;
}
