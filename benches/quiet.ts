// Waiting until a server has nothing left to do.
import { setTimeout as sleep } from "node:timers/promises";
import { Failure } from "../scripts/command.mjs";
import { cpuMicroseconds } from "./processes.ts";

/** Waits for the alarms that update the lists. */
export async function quiet(pid: number): Promise<void> {
  for (let seconds = 0; seconds < 120; seconds += 1) {
    const before = cpuMicroseconds(pid);
    await sleep(1_000);
    if (cpuMicroseconds(pid) - before <= 10_000) return;
  }
  throw new Failure("the Worker is still busy two minutes after it was filled");
}
