// Registrations of new servers a second on a disk, beside a bare object that makes one table and one row for each.
import { progress } from "../scripts/command.mjs";
import { AT_ONCE, fill } from "./fill.ts";
import { quiet } from "./quiet.ts";
import { bareObject, ours } from "./sides.ts";
import { ratio, spread, type Spread } from "./statistics.ts";
import { DISK, serve, type Served } from "./workerd.ts";
import { tokens } from "./workload.ts";

export interface Registrations {
  connections: number;
  servers: number;
  rounds: number;
  /** A second. */
  own: Spread;
  bare: Spread;
  ratio: Spread;
}

/** Of one turn. One process holds some 2,600 objects awake. */
const SERVERS = 400;

export async function measureRegistrations(rounds: number): Promise<Registrations> {
  const rates: [number[], number[]] = [[], []];
  for (let round = 0; round <= rounds; round += 1) {
    progress(round === 0 ? "registrations: warming up" : `registrations: round ${round} of ${rounds}`);
    for (const [at, side] of [ours, bareObject].entries()) {
      // A new process, of which no object is awake; it has registered before, so that its code is compiled.
      const served = await serve(side, { storage: DISK, tokens: tokens(1) });
      try {
        await register(served, 1);
        const rate = await register(served, 1 + SERVERS);
        if (round > 0) rates[at]?.push(rate);
      } finally {
        await served.end();
      }
    }
  }
  const [own, bare] = rates;
  return {
    connections: AT_ONCE,
    servers: SERVERS,
    rounds,
    own: spread(own),
    bare: spread(bare),
    ratio: ratio(own, bare),
  };
}

/** Registers servers with one item each, and gives how many a second. Lists that are told afterwards are not waited for. */
async function register({ port, pid }: Served, first: number): Promise<number> {
  const began = performance.now();
  await fill(port, first, SERVERS, 1);
  const seconds = (performance.now() - began) / 1_000;
  await quiet(pid);
  return SERVERS / seconds;
}
