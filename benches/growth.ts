// Whether a DELETE costs the same however much there is: servers, items of a server, tokens.
import http from "node:http";
import { Failure, progress } from "../scripts/command.mjs";
import { fill, send } from "./fill.ts";
import { cpuMicroseconds, residentBytes } from "./processes.ts";
import { ours } from "./sides.ts";
import { spread, type Spread } from "./statistics.ts";
import { serve, type Served } from "./workerd.ts";
import { ITEMS, itemPath, key, token, tokens } from "./workload.ts";

export interface Curve {
  title: string;
  points: { count: number; /** µs of CPU per DELETE */ cpu: Spread }[];
}

export interface Growth {
  curves: Curve[];
  /** Of a server with all its items that is awake. */
  bytesPerObject: number;
}

const AT_ONCE = 16;
/** Of each DELETE phase. One server has at most 128. */
const SERVERS_AT_ONCE = 640;
const DELETES = 6_400;
const GROUPS = 5;
/** Servers whose objects are in one process at a time: with 2,600 and more, SQLite has no memory left in it. */
const MOST_AWAKE = 2_000;

export async function measureGrowth(most: number): Promise<Growth> {
  const upTo = (counts: number[]): number[] => counts.filter((count) => count <= most);
  const servers: Curve = { title: "servers", points: [] };
  const items: Curve = { title: "items of a server", points: [] };
  const manyTokens: Curve = { title: "tokens", points: [] };
  for (const count of upTo([1, 10, 100, 1_000, 10_000, 100_000])) {
    servers.points.push({ count, cpu: await measure({ servers: count, items: 10, tokens: 10 }) });
  }
  for (const count of [1, 8, 32, ITEMS]) {
    items.points.push({ count, cpu: await measure({ servers: SERVERS_AT_ONCE, items: count, tokens: 10 }) });
  }
  for (const count of [1, 10, 100, 1_000]) {
    manyTokens.points.push({ count, cpu: await measure({ servers: SERVERS_AT_ONCE, items: 10, tokens: count }) });
  }
  return { curves: [servers, items, manyTokens], bytesPerObject: await measureMemory() };
}

async function measure(amount: { servers: number; items: number; tokens: number }): Promise<Spread> {
  progress(`growth: ${amount.servers} servers, ${amount.items} items each, ${amount.tokens} tokens`);
  let served = await serve(ours, { tokens: tokens(amount.tokens) });
  const agent = new http.Agent({ keepAlive: true, maxSockets: AT_ONCE });
  try {
    const used = Math.min(amount.servers, SERVERS_AT_ONCE);
    const itemsOfUsed = amount.servers < SERVERS_AT_ONCE ? ITEMS : amount.items;
    for (let first = used + 1; first <= amount.servers; first += MOST_AWAKE) {
      await fill(served.port, first, Math.min(MOST_AWAKE, amount.servers + 1 - first), amount.items);
      served = await served.restart();
    }
    await fill(served.port, 1, used, itemsOfUsed);
    const keys: [server: number, item: number][] = [];
    const itemsEach = Math.max(1, Math.min(itemsOfUsed, Math.floor(SERVERS_AT_ONCE / used)));
    for (let item = 0; item < itemsEach; item += 1) {
      for (let server = 1; server <= used; server += 1) keys.push([server, item]);
    }
    const each = [];
    await phases(served, agent, keys, amount.tokens, 2);
    for (let group = 0; group < GROUPS; group += 1) {
      each.push(await phases(served, agent, keys, amount.tokens, Math.ceil(DELETES / GROUPS / keys.length)));
    }
    return spread(each);
  } finally {
    agent.destroy();
    await served.end();
  }
}

/** Deletes the keys and puts them back, several times; CPU per DELETE. */
async function phases(
  served: Served,
  agent: http.Agent,
  keys: [server: number, item: number][],
  tokenCount: number,
  times: number,
): Promise<number> {
  let cpu = 0;
  for (let time = 0; time < times; time += 1) {
    const before = cpuMicroseconds(served.pid);
    await ask(served.port, agent, "DELETE", keys, tokenCount, 204);
    cpu += cpuMicroseconds(served.pid) - before;
    await ask(served.port, agent, "PUT", keys, tokenCount, 200);
  }
  return cpu / (times * keys.length);
}

async function ask(
  port: number,
  agent: http.Agent,
  method: "DELETE" | "PUT",
  keys: [server: number, item: number][],
  tokenCount: number,
  expected: number,
): Promise<void> {
  let next = 0;
  const work = async (): Promise<void> => {
    for (let at = next++; at < keys.length; at = next++) {
      const [server, item] = keys[at] ?? [0, 0];
      const headers = { "X-Auth-Token": token(1 + (at % tokenCount)), "Content-Type": "application/json" };
      const body = method === "PUT" ? JSON.stringify({ meta: { [key(item)]: "put back" } }) : undefined;
      const { status, body: text } = await send(port, agent, method, itemPath(server, item), headers, body);
      if (status !== expected) throw new Failure(`${method} ${itemPath(server, item)}: ${status} ${text}`);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
}

async function measureMemory(): Promise<number> {
  const count = 1_000;
  const served = await serve(ours, { tokens: tokens(1) });
  try {
    await fill(served.port, 1, 100, ITEMS);
    const before = residentBytes(served.pid);
    await fill(served.port, 101, count, ITEMS);
    return (residentBytes(served.pid) - before) / count;
  } finally {
    await served.end();
  }
}
