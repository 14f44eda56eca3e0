// Where the CPU of a DELETE goes: samples of `perf`, each counted by the innermost function of JavaScript or wasm on its
// stack and what that one called.
import { spawn } from "node:child_process";
import { rmSync } from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline";
import { Failure, progress } from "../scripts/command.mjs";
import { capture } from "../scripts/run.mjs";
import { fill } from "./fill.ts";
import { deleteKeys } from "./load.ts";
import { cpuMicroseconds } from "./processes.ts";
import { requireAllDeleted } from "./rounds.ts";
import { ours, sameJob, type Side } from "./sides.ts";
import { MEMORY, serve, type Served } from "./workerd.ts";
import { CONNECTIONS, ITEMS, SERVERS_PER_SECOND, TOKENS, tokens } from "./workload.ts";

/** What a sample is counted for. */
export const CATEGORIES = {
  around: "workerd outside JavaScript and wasm: HTTP, RPC, timers, SQLite's commit, garbage collection",
  called: "workerd's functions called from JavaScript or wasm: SQL, RPC, response, headers, log, `waitUntil`",
  texts: "conversion of strings and bytes: `TextDecoder`, `TextEncoder`, JSON, typed arrays",
  builtins: "V8's builtins and inline caches",
  javascript: "JavaScript of the Worker",
  wasm: "wasm of the Worker",
};

export type Category = keyof typeof CATEGORIES;

export interface Profile {
  side: string;
  /** µs of CPU per DELETE. */
  cpu: number;
  /** What of it is of each category, in µs. */
  categories: Record<Category, number>;
}

/** Samples of one side. */
interface Samples {
  requests: number;
  cpu: number;
  counts: Record<Category, number>;
}

/** Rounds that are not counted. After them V8's optimizing compilers have compiled what each request calls. */
const WARM_UP_ROUNDS = 4;
/** Samples per second: a prime number, so that sampling does not run in step with a periodic timer. */
const FREQUENCY = 499;

export async function requirePerf(): Promise<void> {
  if ((await capture("perf", ["--version"])).code !== 0) throw new Failure("perf is missing: apt-get install linux-perf");
}

/** Sides take turns, as everywhere: a machine is not as fast in one minute as in the next. */
export async function measureProfiles(rounds: number, seconds: number): Promise<Profile[]> {
  const all = new Map<Served, Samples>();
  try {
    for (const side of [sameJob, ours]) {
      // V8 writes the names of functions down where perf looks for them.
      const served = await serve(side, { storage: MEMORY, tokens: tokens(TOKENS), v8Flags: ["--perf-basic-prof"] });
      all.set(served, { requests: 0, cpu: 0, counts: ofEach(() => 0) });
    }
    for (let round = 0; round < WARM_UP_ROUNDS + rounds; round += 1) {
      progress(round < WARM_UP_ROUNDS ? "profile: warming up" : `profile: round ${round - WARM_UP_ROUNDS + 1} of ${rounds}`);
      for (const [served, samples] of all) await takeTurn(served, seconds, round < WARM_UP_ROUNDS ? undefined : samples);
    }
    return [...all].map(([{ side }, samples]) => profile(side, samples));
  } finally {
    for (const { end, pid } of all.keys()) {
      await end();
      rmSync(`/tmp/perf-${pid}.map`, { force: true });
    }
  }
}

/** Deletes for `seconds`. With `samples`, records the process with `perf` meanwhile and adds what it finds. */
async function takeTurn({ side, port, pid, folder }: Served, seconds: number, samples?: Samples): Promise<void> {
  const keys = { servers: SERVERS_PER_SECOND * seconds, items: ITEMS, tokens: TOKENS, first: 1 };
  await fill(port, keys.first, keys.servers, keys.items);
  const file = path.join(folder, "perf.data");
  const what = ["-F", String(FREQUENCY), "-g", "-e", "cpu-clock", "-p", String(pid), "-o", file];
  const args = ["record", ...what, "--", "sleep", String(seconds)];
  const before = cpuMicroseconds(pid);
  const [seen, recorded] = await Promise.all([
    deleteKeys(port, CONNECTIONS, seconds, keys),
    samples ? capture("perf", args) : undefined,
  ]);
  requireAllDeleted(side.name, seen);
  if (!samples) return;
  if (recorded?.code !== 0) throw new Failure(`perf record failed: ${recorded?.stderr}`);
  samples.cpu += cpuMicroseconds(pid) - before;
  samples.requests += seen.requests;
  for await (const frames of stacks(file)) samples.counts[categoryOf(frames)] += 1;
}

function profile(side: Side, { cpu, requests, counts }: Samples): Profile {
  const all = Object.values(counts).reduce((sum, count) => sum + count, 0);
  if (all === 0) throw new Failure(`perf took no samples of ${side.title}`);
  const perRequest = cpu / requests;
  const categories = ofEach((category) => (counts[category] / all) * perRequest);
  return { side: side.title, cpu: perRequest, categories };
}

function ofEach(value: (category: Category) => number): Record<Category, number> {
  const entries = Object.keys(CATEGORIES).map((category) => [category, value(category as Category)]);
  return Object.fromEntries(entries) as Record<Category, number>;
}

/** The stack of each sample, the innermost frame first. */
async function* stacks(file: string): AsyncGenerator<string[]> {
  const script = spawn("perf", ["script", "--no-demangle", "-i", file, "-F", "comm,ip,sym,dso"], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  const ended = new Promise<number | null>((resolve) => script.once("close", resolve));
  let frames: string[] = [];
  for await (const line of createInterface(script.stdout)) {
    if (line.startsWith("\t") || line.startsWith(" ")) {
      frames.push(line.trim().replace(/^[0-9a-f]+ /, ""));
    } else if (line === "" && frames.length > 0) {
      yield frames;
      frames = [];
    }
  }
  if (frames.length > 0) yield frames;
  if ((await ended) !== 0) throw new Failure(`perf script failed on ${file}`);
}

function categoryOf(frames: string[]): Category {
  const script = frames.findIndex((frame) => frame.startsWith("JS:"));
  if (script < 0) return "around";
  const innermost = frames[script] ?? "";
  const called = frames.slice(0, script);
  const calls = (pattern: RegExp): boolean => called.some((frame) => pattern.test(frame));
  if (called.length === 0) return /^JS:wasm-to-js|-(turbofan|liftoff)\b/.test(innermost) ? "wasm" : "javascript";
  if (calls(/TextDecoder|TextEncoder|JsonParser|JsonStringifier|TypedArray|ArrayBuffer|WriteUtf8|WriteOneByte/)) return "texts";
  if (/^Builtins_|^Stub:/.test(called[0] ?? "")) return "builtins";
  if (calls(/CollectGarbage/)) return "around";
  return calls(/workerd|sqlite3/) ? "called" : "builtins";
}
