// CPU of the requests that are dear: full lists, brief ones, the largest PUT, and a DELETE that wakes its object.
import http from "node:http";
import { Failure, progress } from "../scripts/command.mjs";
import { register, send } from "./fill.ts";
import { cpuMicroseconds } from "./processes.ts";
import { quiet } from "./quiet.ts";
import { ratio, spread, type Spread } from "./statistics.ts";
import type { Side } from "./sides.ts";
import { serve, type Served } from "./workerd.ts";
import { ITEMS, PROJECT, serverId, token, tokens } from "./workload.ts";

export interface ExpensiveRequest {
  title: string;
  goal: string;
  /** Milliseconds of CPU, by side. */
  milliseconds: { side: string; spread: Spread }[];
  /** The first side : each other one. */
  ratios: Spread[];
  /** Bytes of the first side's answer. */
  bytes: number;
}

const SERVERS = 100;
const ROUNDS = 7;
/** Servers that sleep until their item is deleted. */
const FIRST_ASLEEP = 1_001;
const ASLEEP_AT_ONCE = 50;

interface Request {
  title: string;
  goal: string;
  /** How often in one measurement. */
  times: number;
  ask(served: Served, agent: http.Agent, time: number): Promise<number>;
}

/** Keys of 255 characters, and values of 255 that take two bytes each: near the limit of a body. */
function largest(time: number): string {
  const entries = Array.from({ length: ITEMS }, (_, at) => [String(at).padEnd(255, "k"), `${time % 10}`.padEnd(255, "é")]);
  return JSON.stringify({ metadata: Object.fromEntries(entries) });
}

const REQUESTS: Request[] = [
  {
    title: `a page of full servers with ${ITEMS} items each`,
    goal: "≤ 40 ms",
    times: 5,
    ask: (served, agent) => get(served, agent, "servers/detail"),
  },
  { title: "a page of 100 brief servers", goal: "≤ 60 ms", times: 10, ask: (served, agent) => get(served, agent, "servers") },
  {
    title: `PUT of ${ITEMS} items, ${Math.round(Buffer.byteLength(largest(0)) / 1_000)} KB`,
    goal: "≤ 6 ms",
    times: 20,
    async ask({ port }, agent, time) {
      const headers = { "X-Auth-Token": token(1), "Content-Type": "application/json" };
      const path = `/v2.1/${PROJECT}/servers/${serverId(1)}/metadata`;
      const { status, body } = await send(port, agent, "PUT", path, headers, largest(time));
      if (status !== 200) throw new Failure(`PUT ${path}: ${status} ${body}`);
      return Buffer.byteLength(body);
    },
  },
  {
    title: `a DELETE that wakes a server of ${ITEMS} items`,
    goal: "",
    times: ASLEEP_AT_ONCE,
    async ask({ port }, agent, time) {
      const path = `/v2.1/${PROJECT}/servers/${serverId(FIRST_ASLEEP + time)}/metadata/${encodeURIComponent(key(0))}`;
      const { status, body } = await send(port, agent, "DELETE", path, { "X-Auth-Token": token(1) });
      if (status !== 204) throw new Failure(`DELETE ${path}: ${status} ${body}`);
      return 0;
    },
  },
];

export async function measureRequests(sides: Side[]): Promise<ExpensiveRequest[]> {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 16 });
  const served: Served[] = [];
  try {
    for (const side of sides) served.push(await prepare(side, agent));
    const all = [];
    for (const { title, goal, times, ask } of REQUESTS) {
      progress(title);
      const seen = served.map((): number[] => []);
      let bytes = 0;
      for (let round = 0; round <= ROUNDS; round += 1) {
        for (const [at, one] of served.entries()) {
          const before = cpuMicroseconds(one.pid);
          for (let time = 0; time < times; time += 1) {
            const answered = await ask(one, agent, round * times + time);
            if (at === 0) bytes = answered;
          }
          if (round > 0) seen[at]?.push((cpuMicroseconds(one.pid) - before) / times / 1_000);
        }
      }
      const [own = [], ...others] = seen;
      all.push({
        title,
        goal,
        milliseconds: sides.map(({ title }, at) => ({ side: title, spread: spread(seen[at] ?? []) })),
        ratios: others.map((other) => ratio(own, other)),
        bytes,
      });
    }
    return all;
  } finally {
    agent.destroy();
    for (const { end } of served) await end();
  }
}

async function prepare(side: Side, agent: http.Agent): Promise<Served> {
  const filled = await serve(side, { tokens: tokens(1) });
  const asleep = (ROUNDS + 1) * ASLEEP_AT_ONCE;
  const metadata = Object.fromEntries(Array.from({ length: ITEMS }, (_, at) => [key(at), `value ${at}`.padEnd(64, "v")]));
  // In this order: a list shows the newest first.
  for (const [first, count] of [
    [FIRST_ASLEEP, asleep],
    [1, SERVERS],
  ] as const) {
    for (let number = first; number < first + count; number += 1) {
      const server = { project_id: PROJECT, name: `server ${number}`, metadata };
      await register(filled.port, agent, `servers/${serverId(number)}`, { server });
    }
  }
  await quiet(filled.pid);
  const served = await filled.restart();
  await quiet(served.pid);
  return served;
}

function key(at: number): string {
  return `key ${at}`.padEnd(32, "k");
}

async function get({ port }: Served, agent: http.Agent, resource: string): Promise<number> {
  const path = `/v2.1/${PROJECT}/${resource}`;
  const { status, body } = await send(port, agent, "GET", path, { "X-Auth-Token": token(1) });
  if (status !== 200) throw new Failure(`GET ${path}: ${status} ${body}`);
  return Buffer.byteLength(body);
}
