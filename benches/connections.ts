// Few and many connections, beside a bare object, on a disk: there a commit decides how long a DELETE takes.
import { progress } from "../scripts/command.mjs";
import { interleave, type Turn } from "./rounds.ts";
import { bareObject, ours } from "./sides.ts";
import { ratio, spread, type Spread } from "./statistics.ts";
import { DISK, serve, type Served } from "./workerd.ts";
import { ITEMS, TOKENS, tokens } from "./workload.ts";

export interface Load {
  connections: number;
  /** Of this Worker and of the bare object; times in milliseconds. */
  perSecond: [Spread, Spread];
  p50: [Spread, Spread];
  p99: [Spread, Spread];
  /** This Worker : bare object, in one round each. */
  perSecondRatio: Spread;
  p50Ratio: Spread;
  p99Ratio: Spread;
}

const COUNTS = [1, 16, 128];
/** Enough for a second on a disk. */
const SERVERS_PER_SECOND = 20;

export async function measureConnections(rounds: number, seconds: number): Promise<Load[]> {
  const served: Served[] = [];
  try {
    for (const side of [ours, bareObject]) served.push(await serve(side, { storage: DISK, tokens: tokens(TOKENS) }));
    const keys = { servers: SERVERS_PER_SECOND * seconds, items: ITEMS, tokens: TOKENS, first: 1 };
    const loads = [];
    for (const connections of COUNTS) {
      progress(`${connections} connections, objects on a disk`);
      const turns = await interleave(served, { rounds, seconds, connections, keys });
      loads.push(load(connections, turns.get(ours.name) ?? [], turns.get(bareObject.name) ?? []));
    }
    return loads;
  } finally {
    for (const { end } of served) await end();
  }
}

function load(connections: number, own: Turn[], bare: Turn[]): Load {
  const perSecond = ({ perSecond }: Turn): number => perSecond;
  const p50 = ({ p50 }: Turn): number => p50 / 1_000;
  const p99 = ({ p99 }: Turn): number => p99 / 1_000;
  const both = (value: (turn: Turn) => number): [Spread, Spread] => [spread(own.map(value)), spread(bare.map(value))];
  const ratioOf = (value: (turn: Turn) => number): Spread => ratio(own.map(value), bare.map(value));
  return {
    connections,
    perSecond: both(perSecond),
    p50: both(p50),
    p99: both(p99),
    perSecondRatio: ratioOf(perSecond),
    p50Ratio: ratioOf(p50),
    p99Ratio: ratioOf(p99),
  };
}
