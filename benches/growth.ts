// Whether the cost of a DELETE is independent of how many servers, items, tokens, deleted servers and marks there are.
import http from "node:http";
import { Failure, progress } from "../scripts/command.mjs";
import { fill, send, unregister } from "./fill.ts";
import { cpuMicroseconds, residentBytes } from "./processes.ts";
import { quiet } from "./quiet.ts";
import { ours } from "./sides.ts";
import { ratio, type Spread } from "./statistics.ts";
import { serve, type Served } from "./workerd.ts";
import { ITEMS, itemPath, key, token, tokens } from "./workload.ts";

export interface Curve {
  title: string;
  points: { count: number /** CPU per DELETE, as a share of the reference's */; cpu: Spread }[];
}

export interface Growth {
  curves: Curve[];
  /** Resident memory of an awake server with all its items. */
  bytesPerObject: number;
}

const AT_ONCE = 16;
/** Servers in use, and DELETEs per measurement. */
const SERVERS_AT_ONCE = 640;
/** Measurements of a point. */
const ROUNDS = 9;
/** Servers that are awake in one process: from 2,600 on SQLite runs out of memory. */
const MOST_AWAKE = 2_000;

interface Amount {
  servers: number;
  items: number;
  tokens: number;
  /** Servers that were deleted, each of which leaves a tombstone. */
  deleted: number;
  /** Keys of each server that the cloud has yet to apply; with any, changes are kept. */
  marks: number;
}

/** The reference of each point, measured in turns, because a shared machine's speed changes within minutes. */
const REFERENCE: Amount = { servers: SERVERS_AT_ONCE, items: 10, tokens: 10, deleted: 0, marks: 0 };

export async function measureGrowth(most: number): Promise<Growth> {
  const reference = await prepare(REFERENCE);
  try {
    const curve = async (title: string, counts: number[], amount: (count: number) => Partial<Amount>): Promise<Curve> => {
      const points = [];
      for (const count of counts) points.push({ count, cpu: await compare({ ...REFERENCE, ...amount(count) }, reference) });
      return { title, points };
    };
    const upTo = [1, 10, 100, 1_000, 10_000, 100_000].filter((count) => count <= most);
    const curves = [
      await curve("servers", upTo, (servers) => ({ servers })),
      await curve("items of a server", [1, 8, 32, ITEMS], (items) => ({ items })),
      await curve("tokens", [1, 10, 100, 1_000], (tokens) => ({ tokens })),
      await curve("deleted servers", upTo.slice(0, 5), (deleted) => ({ deleted })),
    ];
    curves.push(await measureMarks());
    return { curves, bytesPerObject: await measureMemory() };
  } finally {
    await reference.end();
  }
}

/** Marks are compared with few marks: with `CHANGES=keep` a DELETE writes one, which is another matter. */
async function measureMarks(): Promise<Curve> {
  const [few, ...counts] = [8, 32, ITEMS] as const;
  const amount = (marks: number): Amount => ({ ...REFERENCE, servers: 64, items: ITEMS, marks });
  const reference = await prepare(amount(few));
  try {
    const points = [];
    for (const count of [few, ...counts]) points.push({ count, cpu: await compare(amount(count), reference) });
    return { title: "marks of a server", points };
  } finally {
    await reference.end();
  }
}

/** A filled Worker, and the DELETEs of each phase. */
interface Prepared {
  served: Served;
  agent: http.Agent;
  keys: [server: number, item: number][];
  tokenCount: number;
  end(): Promise<void>;
}

async function prepare(amount: Amount): Promise<Prepared> {
  // The same number of DELETEs in each phase, however few servers there are.
  const vars = { METADATA_ITEMS: String(SERVERS_AT_ONCE), ...(amount.marks > 0 ? { CHANGES: "keep" } : {}) };
  let served = await serve(ours, { tokens: tokens(amount.tokens), vars });
  const agent = new http.Agent({ keepAlive: true, maxSockets: AT_ONCE });
  const end = async (): Promise<void> => {
    agent.destroy();
    await served.end();
  };
  try {
    const used = Math.min(amount.servers, SERVERS_AT_ONCE);
    const itemsEach = Math.ceil(SERVERS_AT_ONCE / used);
    const last = amount.servers + amount.deleted;
    for (let first = used + 1; first <= last; first += MOST_AWAKE) {
      const next = Math.min(first + MOST_AWAKE, last + 1);
      await fill(served.port, first, next - first, amount.items);
      await quiet(served.pid);
      const deleted = Math.max(first, amount.servers + 1);
      if (deleted < next) await unregister(served.port, deleted, next - deleted);
      // A pending alarm would wake its object in the next phase.
      await quiet(served.pid);
      served = await served.restart();
    }
    await fill(served.port, 1, used, Math.max(amount.items, itemsEach));
    await quiet(served.pid);
    const keys: [server: number, item: number][] = [];
    for (let item = 0; item < itemsEach; item += 1) {
      for (let server = 1; server <= used; server += 1) keys.push([server, item]);
    }
    const marked = Array.from({ length: used * amount.marks }, (_, at): [number, number] => [
      1 + (at % used),
      Math.floor(at / used),
    ]);
    if (marked.length > 0) {
      await ask(served.port, agent, "PUT", marked, amount.tokens, 200);
      await quiet(served.pid);
    }
    return { served, agent, keys, tokenCount: amount.tokens, end };
  } catch (error) {
    await end();
    throw error;
  }
}

/** CPU per DELETE, relative to the reference's in the same round. */
async function compare(amount: Amount, reference: Prepared): Promise<Spread> {
  const { servers, items, tokens, deleted, marks } = amount;
  progress(`growth: ${servers} servers, ${deleted} deleted, ${items} items and ${marks} marks each, ${tokens} tokens`);
  const prepared = await prepare(amount);
  try {
    const [ours, references]: [number[], number[]] = [[], []];
    for (let round = 0; round <= ROUNDS; round += 1) {
      const cpu = [await deleteAndRestore(prepared), await deleteAndRestore(reference)] as const;
      // The first round warms up.
      if (round === 0) continue;
      ours.push(cpu[0]);
      references.push(cpu[1]);
    }
    return ratio(ours, references);
  } finally {
    await prepared.end();
  }
}

/** Deletes the keys and restores them; returns CPU per DELETE. */
async function deleteAndRestore({ served, agent, keys, tokenCount }: Prepared): Promise<number> {
  const before = cpuMicroseconds(served.pid);
  await ask(served.port, agent, "DELETE", keys, tokenCount, 204);
  const cpu = cpuMicroseconds(served.pid) - before;
  await ask(served.port, agent, "PUT", keys, tokenCount, 200);
  return cpu / keys.length;
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
