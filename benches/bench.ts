// `npm run bench`: what a DELETE costs, beside yardsticks, in one run on one machine.
//
//   npm run bench                           every part but profile and nova: an hour or more on two cores
//   npm run bench -- --quick                a shorter run of the same
//   npm run bench -- --rounds 9 --seconds 5
//   npm run bench -- --servers 10000        growth up to so many servers (100,000 take half an hour)
//   npm run bench -- --only sides,first     parts of it: sides, disk, connections, first, requests, registrations,
//                                           index, growth, hot, profile, nova
//   npm run bench -- --only profile         what the CPU of a DELETE goes to (needs perf)
//   npm run bench -- --nova                 beside a real Nova too (about 5 minutes more; needs MariaDB)
//   npm run bench -- --only sides --against /path/to/a/built/checkout   the effect of a change
//   npm run bench -- --check                beside release 0.1: fails where this one is worse by more than a tenth
//   npm run bench -- --all                  every part, beside release 0.1 too: what docs/performance.md shows
//
// Writes benches/results/: latest.json, tables.md and the plots.
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { build, deployed } from "../scripts/build.mjs";
import { Failure, command, progress } from "../scripts/command.mjs";
import { fromCaller, root } from "../scripts/layout.mjs";
import { setup } from "../scripts/setup.mjs";
import { buildBaseline, regressions } from "./baseline.ts";
import { checkConformance } from "./conformance.ts";
import { measureConnections } from "./connections.ts";
import { measureFirstRequests } from "./first-request.ts";
import { measureGrowth } from "./growth.ts";
import { measureHotObject } from "./hot-object.ts";
import { measureIndexSize } from "./index-size.ts";
import { requireWrk } from "./load.ts";
import { describeMachine } from "./machine.ts";
import { measureNova } from "./nova.ts";
import { requireMariaDb } from "./nova/mariadb.ts";
import { buildNullRust } from "./null-rust.ts";
import { plotGrowth, plotSides } from "./plot.ts";
import { measureProfiles, requirePerf } from "./profile.ts";
import { measureRegistrations } from "./registrations.ts";
import { report } from "./report.ts";
import { measureRequests } from "./requests.ts";
import { compare, type Comparison, type Results } from "./results.ts";
import { interleave } from "./rounds.ts";
import { another, bareObject, nothing, ours, sameJob, type Side } from "./sides.ts";
import { DISK, MEMORY, serve, type Served } from "./workerd.ts";
import { CONNECTIONS, ITEMS, SERVERS_PER_SECOND, TOKENS, tokens } from "./workload.ts";

const PARTS = ["sides", "disk", "connections", "first", "requests", "registrations", "index", "growth", "hot"];
/** Those of which release 0.1 has figures to compare with. */
const CHECKED_PARTS = ["sides", "disk", "first", "requests"];
/** Only on request: one needs perf, the other installs a Nova. */
const OPTIONAL_PARTS = ["profile", "nova"];
const folder = path.join(root, "benches", "results");

await command(async () => {
  const { rounds, seconds, most, isQuick, isCheck, parts, others } = options();
  const wrk = await requireWrk();
  if (parts.has("profile")) await requirePerf();
  if (parts.has("nova")) await requireMariaDb();
  await setup();
  await build(deployed);
  await buildNullRust();
  // First: what compares with one other build compares with it.
  if (isCheck) others.unshift(another(await buildBaseline()));
  progress("conformance");
  const results: Results = { machine: await describeMachine(wrk), conforming: await checkConformance() };
  const few = Math.min(rounds, 5);
  const brief = Math.min(seconds, 2);
  const sides = [bareObject, sameJob, ours, ...others];
  const measure: Record<string, () => Promise<Partial<Results>>> = {
    sides: async () => ({ memory: await sideBySide([nothing, ...sides], MEMORY, rounds, seconds) }),
    disk: async () => ({ disk: await sideBySide(sides, DISK, rounds, brief) }),
    connections: async () => ({ connections: await measureConnections(few, brief) }),
    first: async () => ({ first: await measureFirstRequests(isQuick ? 7 : 25, others) }),
    requests: async () => ({ requests: await measureRequests([ours, ...others]) }),
    registrations: async () => ({ registrations: await measureRegistrations(few) }),
    index: async () => ({ index: await measureIndexSize(isQuick ? 1_000 : 100_000) }),
    growth: async () => ({ growth: await measureGrowth(most) }),
    hot: async () => ({ hot: await measureHotObject() }),
    profile: async () => ({ profiles: await measureProfiles(rounds, brief) }),
    nova: async () => ({ nova: await measureNova(isQuick ? rounds : Math.max(rounds, 5), seconds) }),
  };
  for (const part of [...PARTS, ...OPTIONAL_PARTS]) {
    if (!parts.has(part)) continue;
    Object.assign(results, await measure[part]?.());
    // After each part: what was measured is not lost when a later one fails.
    write(results);
  }
  process.stdout.write(report(results));
  const worse = isCheck ? regressions(results) : [];
  if (worse.length > 0) throw new Failure(`worse than release 0.1 by more than a tenth:\n  ${worse.join("\n  ")}`);
});

interface Options {
  rounds: number;
  seconds: number;
  /** Servers of the largest point of growth. */
  most: number;
  isQuick: boolean;
  /** Whether it is measured beside release 0.1. */
  isCheck: boolean;
  parts: Set<string>;
  others: Side[];
}

function options(): Options {
  const { values } = parseArgs({
    options: {
      rounds: { type: "string" },
      seconds: { type: "string" },
      servers: { type: "string" },
      only: { type: "string" },
      against: { type: "string", multiple: true, default: [] },
      nova: { type: "boolean", default: false },
      quick: { type: "boolean", default: false },
      check: { type: "boolean", default: false },
      all: { type: "boolean", default: false },
    },
  });
  const known = [...PARTS, ...OPTIONAL_PARTS];
  const isCheck = values.check || values.all;
  const usual = values.all ? known : values.check ? CHECKED_PARTS : PARTS;
  const parts = new Set([...(values.only?.split(",") ?? usual), ...(values.nova ? ["nova"] : [])]);
  for (const part of parts) if (!known.includes(part)) throw new Failure(`no part ${part}; there are ${known.join(", ")}`);
  if (isCheck && !CHECKED_PARTS.some((part) => parts.has(part))) {
    throw new Failure(`--check compares ${CHECKED_PARTS.join(", ")}, and --only names none of them`);
  }
  const rounds = count("rounds", values.rounds, values.quick ? 3 : isCheck ? 11 : 7);
  const seconds = count("seconds", values.seconds, values.quick ? 2 : 5);
  const others = values.against.map((folder) => another(fromCaller(folder)));
  const most = count("servers", values.servers, values.quick ? 1_000 : 100_000);
  return { rounds, seconds, most, isQuick: values.quick, isCheck, parts, others };
}

function count(name: string, value: string | undefined, otherwise: number): number {
  const number = Number(value ?? otherwise);
  if (!Number.isInteger(number) || number < 1) throw new Failure(`--${name} is ${value}, but must be a whole number from 1 on`);
  return number;
}

async function sideBySide(sides: Side[], storage: string, rounds: number, seconds: number): Promise<Comparison> {
  progress(`side by side, ${rounds} rounds of ${seconds} s, objects in ${storage === MEMORY ? "memory" : "files on a disk"}`);
  const served: Served[] = [];
  try {
    for (const side of sides) served.push(await serve(side, { storage, tokens: tokens(TOKENS) }));
    const keys = { servers: SERVERS_PER_SECOND * seconds, items: ITEMS, tokens: TOKENS, first: 1 };
    const turns = await interleave(served, { rounds, seconds, connections: CONNECTIONS, keys });
    const titles = new Map(sides.map(({ name, title }) => [name, title]));
    return compare(titles, turns, { isOnDisk: storage === DISK, rounds, seconds, connections: CONNECTIONS });
  } finally {
    for (const { end } of served) await end();
  }
}

function write(results: Results): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, "latest.json"), `${JSON.stringify(results, null, 2)}\n`);
  writeFileSync(path.join(folder, "tables.md"), report(results));
  if (results.memory) writeFileSync(path.join(folder, "sides.svg"), plotSides(results.memory));
  if (results.growth) writeFileSync(path.join(folder, "growth.svg"), plotGrowth(results.growth));
}
