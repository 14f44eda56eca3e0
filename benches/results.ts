// The results of a run, as stored in results/latest.json.
import type { Load } from "./connections.ts";
import type { FirstRequests } from "./first-request.ts";
import type { Growth } from "./growth.ts";
import type { HotObject } from "./hot-object.ts";
import type { IndexSize } from "./index-size.ts";
import type { Machine } from "./machine.ts";
import type { NovaComparison } from "./nova.ts";
import type { Profile } from "./profile.ts";
import type { Registrations } from "./registrations.ts";
import type { ExpensiveRequest } from "./requests.ts";
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
  isOnDisk: boolean;
  rounds: number;
  seconds: number;
  connections: number;
  sides: SideResult[];
  ratios: Ratio[];
  /** This Worker's to each other build of it that was measured, by that one's title. */
  builds: Record<string, { cpu: Spread; perSecond: Spread }>;
}

export interface Results {
  machine: Machine;
  /** Requests that the same job in JavaScript answered like the Worker. */
  conforming: number;
  memory?: Comparison;
  disk?: Comparison;
  connections?: Load[];
  requests?: ExpensiveRequest[];
  registrations?: Registrations;
  index?: IndexSize;
  first?: FirstRequests;
  growth?: Growth;
  hot?: HotObject;
  profiles?: Profile[];
  nova?: NovaComparison;
}

/** Each name with its turns, in the order of the table. */
export function compare(
  titles: Map<string, string>,
  turns: Map<string, Turn[]>,
  how: Pick<Comparison, "rounds" | "seconds" | "connections" | "isOnDisk">,
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
    { title: "CPU, edge-metadata : the same job in JavaScript", goal: "≤ 1.10", value: ratio(cpu(ours), cpu("same-job")) },
    {
      title: "req/s, edge-metadata : the same job in JavaScript",
      goal: how.isOnDisk ? "" : "≥ 0.92",
      value: ratio(perSecond(ours), perSecond("same-job")),
    },
    {
      title: "req/s, edge-metadata : bare object",
      goal: how.isOnDisk ? "≥ 0.90" : "",
      value: ratio(perSecond(ours), perSecond("bare-object")),
    },
  ];
  const builds: Comparison["builds"] = {};
  for (const [name, title] of titles) {
    if (["null", "bare-object", "same-job", ours].includes(name)) continue;
    const beside = { cpu: ratio(cpu(ours), cpu(name)), perSecond: ratio(perSecond(ours), perSecond(name)) };
    builds[title] = beside;
    ratios.push(
      { title: `CPU, edge-metadata : ${title}`, goal: "", value: beside.cpu },
      { title: `req/s, edge-metadata : ${title}`, goal: "", value: beside.perSecond },
    );
  }
  return { ...how, sides, ratios, builds };
}
