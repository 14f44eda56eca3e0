// CPU of the requests that are dear: full lists, brief ones, and the largest PUT.
import http from "node:http";
import { Failure, progress } from "../scripts/command.mjs";
import { register, send } from "./fill.ts";
import { cpuMicroseconds } from "./processes.ts";
import { quiet } from "./quiet.ts";
import { ratio, spread, type Spread } from "./statistics.ts";
import type { Side } from "./sides.ts";
import { serve, type Served } from "./workerd.ts";
import { ITEMS, PROJECT, serverId, token, tokens } from "./workload.ts";

export interface DearRequest {
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
];

export async function measureRequests(sides: Side[]): Promise<DearRequest[]> {
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
  const served = await serve(side, { tokens: tokens(1) });
  for (let number = 1; number <= SERVERS; number += 1) {
    const entries = Array.from({ length: ITEMS }, (_, at) => [`key ${at}`.padEnd(32, "k"), `value ${at}`.padEnd(64, "v")]);
    const server = { project_id: PROJECT, name: `server ${number}`, metadata: Object.fromEntries(entries) };
    await register(served.port, agent, `servers/${serverId(number)}`, { server });
  }
  await quiet(served.pid);
  return served;
}

async function get({ port }: Served, agent: http.Agent, resource: string): Promise<number> {
  const path = `/v2.1/${PROJECT}/${resource}`;
  const { status, body } = await send(port, agent, "GET", path, { "X-Auth-Token": token(1) });
  if (status !== 200) throw new Failure(`GET ${path}: ${status} ${body}`);
  return Buffer.byteLength(body);
}
