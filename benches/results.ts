// The results of a run, as stored in results/latest.json.
import type { FirstRequests } from "./first-request.ts";
import type { Growth } from "./growth.ts";
import type { HotObject } from "./hot-object.ts";
import type { Machine } from "./machine.ts";
import type { NovaComparison } from "./nova.ts";
import type { Turn } from "./rounds.ts";
import { ratio, spread, type Spread } from "./statistics.ts";

export interface SideResult {
  name: string;
  title: string;
  perSecond: Spread;
  /** Milliseconds. */
  p50: Spread;
  p99: Spread;
  /** µs of CPU per request. */
  cpu: Spread;
  peakBytes: Spread;
}

export interface Ratio {
  title: string;
  goal: string;
  value: Spread;
}

export interface Comparison {
  rounds: number;
  seconds: number;
  connections: number;
  sides: SideResult[];
  ratios: Ratio[];
}

export interface Results {
  machine: Machine;
  /** Requests that the same job in JavaScript answered like the Worker. */
  conforming: number;
  memory?: Comparison;
  disk?: Comparison;
  first?: FirstRequests;
  growth?: Growth;
  hot?: HotObject;
  nova?: NovaComparison;
}

/** Nova 34 on MariaDB, 2 processes, cached token, an idle machine of 2 cores: recorded once. */
export const NOVA = { title: "Nova 34 on MariaDB (recorded)", perSecond: 110, cpu: 16_000, p50: 16.5 };

/** Each name with its turns, in the order of the table. */
export function compare(
  titles: Map<string, string>,
  turns: Map<string, Turn[]>,
  how: Pick<Comparison, "rounds" | "seconds" | "connections">,
): Comparison {
  const of = (name: string, value: (turn: Turn) => number): number[] => (turns.get(name) ?? []).map(value);
  const sides = [...titles].map(([name, title]) => ({
    name,
    title,
    perSecond: spread(of(name, (turn) => turn.perSecond)),
    p50: spread(of(name, (turn) => turn.p50 / 1000)),
    p99: spread(of(name, (turn) => turn.p99 / 1000)),
    cpu: spread(of(name, (turn) => turn.cpu)),
    peakBytes: spread(of(name, (turn) => turn.peakBytes)),
  }));
  const cpu = (name: string): number[] => of(name, (turn) => turn.cpu);
  const perSecond = (name: string): number[] => of(name, (turn) => turn.perSecond);
  const ours = "edge-metadata";
  const ratios: Ratio[] = [
    { title: "CPU, edge-metadata : the same job in JavaScript", goal: "≤ 1.0", value: ratio(cpu(ours), cpu("same-job")) },
    { title: "req/s, edge-metadata : bare object", goal: "≥ 0.8", value: ratio(perSecond(ours), perSecond("bare-object")) },
    { title: "CPU, Nova : edge-metadata", goal: "≥ 60", value: spread(cpu(ours).map((cpu) => NOVA.cpu / cpu)) },
  ];
  // Other builds of this Worker, if any were measured.
  for (const [name, title] of titles) {
    if (["null", "bare-object", "same-job", ours].includes(name)) continue;
    ratios.push({ title: `CPU, edge-metadata : ${title}`, goal: "", value: ratio(cpu(ours), cpu(name)) });
  }
  return { ...how, sides, ratios };
}
