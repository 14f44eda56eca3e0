// Interleaved rounds: in each, every side takes a turn, starting with another side each time.
import { Failure, progress } from "../scripts/command.mjs";
import { fill } from "./fill.ts";
import { hasObjects } from "./sides.ts";
import { deleteKeys, type Keys, type Seen } from "./load.ts";
import { cpuMicroseconds, peakBytes, resetPeak } from "./processes.ts";
import type { Served } from "./workerd.ts";

/** One side's results of one round. */
export interface Turn extends Seen {
  perSecond: number;
  /** CPU time per request, in µs. */
  cpu: number;
  peakBytes: number;
}

export interface RoundOptions {
  rounds: number;
  seconds: number;
  connections: number;
  keys: Keys;
}

/** The turns of each side, by name. The first round warms up and is dropped. */
export async function interleave(sides: Served[], options: RoundOptions): Promise<Map<string, Turn[]>> {
  const turns = new Map(sides.map(({ side }): [string, Turn[]] => [side.name, []]));
  for (let round = 0; round <= options.rounds; round += 1) {
    progress(round === 0 ? "warming up" : `round ${round} of ${options.rounds}`);
    const begin = round % sides.length;
    for (const served of [...sides.slice(begin), ...sides.slice(0, begin)]) {
      const turn = await takeTurn(served, options);
      if (round > 0) turns.get(served.side.name)?.push(turn);
    }
  }
  return turns;
}

/** Restores all items, so that each DELETE finds one. */
export async function takeTurn(served: Served, options: Omit<RoundOptions, "rounds">): Promise<Turn> {
  const { port, pid, side } = served;
  const { keys } = options;
  if (hasObjects(side)) await fill(port, keys.first, keys.servers, keys.items);
  resetPeak(pid);
  const before = cpuMicroseconds(pid);
  // A side that deletes nothing needs no items.
  const asked = hasObjects(side) ? keys : { ...keys, items: Number.MAX_SAFE_INTEGER };
  const seen = await deleteKeys(port, options.connections, options.seconds, asked);
  const cpu = (cpuMicroseconds(pid) - before) / seen.requests;
  requireAllDeleted(side.name, seen);
  return { ...seen, cpu, perSecond: seen.requests / (seen.microseconds / 1e6), peakBytes: peakBytes(pid) };
}

/** Fails when a DELETE was refused or not answered. */
export function requireAllDeleted(name: string, { requests, refused, broken }: Seen): void {
  if (refused === 0 && broken === 0) return;
  throw new Failure(`${name}: ${refused} of ${requests} DELETEs refused, ${broken} without an answer`);
}
