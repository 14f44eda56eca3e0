// One contended object: how many changes a second it takes, and what happens beyond that. On a disk, where the object
// is the bottleneck and not the Worker.
import { progress } from "../scripts/command.mjs";
import { fill } from "./fill.ts";
import { deleteKeys, type Seen } from "./load.ts";
import { residentBytes } from "./processes.ts";
import { ours } from "./sides.ts";
import { DISK, serve } from "./workerd.ts";
import { tokens } from "./workload.ts";

/** More items than a server may have: enough changes of one object for a few seconds. */
const ITEMS = 10_000;
const SECONDS = 15;

export interface HotObject {
  /** By the number of concurrent connections. */
  loads: { connections: number; deadlineMilliseconds: number; perSecond: number; seen: Seen }[];
  /** Resident memory after each load, in bytes. */
  resident: number[];
}

const LOADS = [
  { connections: 16, deadlineMilliseconds: 10_000 },
  { connections: 64, deadlineMilliseconds: 10_000 },
  { connections: 256, deadlineMilliseconds: 10_000 },
  { connections: 1_024, deadlineMilliseconds: 10_000 },
  // A deadline shorter than the wait. Locally requests wait in the sockets, where no deadline runs, so none is a 503.
  { connections: 1_024, deadlineMilliseconds: 100 },
];

export async function measureHotObject(): Promise<HotObject> {
  const loads: HotObject["loads"] = [];
  const resident = [];
  for (const { connections, deadlineMilliseconds } of LOADS) {
    progress(`one object, ${connections} connections, deadline ${deadlineMilliseconds} ms`);
    const vars = { METADATA_ITEMS: String(ITEMS), REQUEST_DEADLINE_MS: String(deadlineMilliseconds) };
    const served = await serve(ours, { storage: DISK, tokens: tokens(10), vars: { ...vars, LOG_LEVEL: "warn" } });
    try {
      // Warms up, so that compiled code is measured.
      await fill(served.port, 1, 20, 128);
      await deleteKeys(served.port, 16, SECONDS, { servers: 20, items: 128, tokens: 10, first: 1 });
      await fill(served.port, 100, 1, ITEMS);
      const seen = await deleteKeys(served.port, connections, SECONDS, { servers: 1, items: ITEMS, tokens: 10, first: 100 });
      loads.push({ connections, deadlineMilliseconds, perSecond: seen.requests / (seen.microseconds / 1e6), seen });
      resident.push(residentBytes(served.pid));
    } finally {
      await served.end();
    }
  }
  return { loads, resident };
}
