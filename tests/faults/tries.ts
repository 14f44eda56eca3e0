/** Parses what the build with faults prints of each call to an object. */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

import type { Worker } from "../harness.ts";

export interface Try {
  retry: boolean;
  at: number;
}

/** Headers that request a fault, with an operation id by which its tries are found in the log. */
export function named(fault: string, id: string = `op-${randomUUID()}`): { id: string; headers: Record<string, string> } {
  return { id, headers: { "X-Fault": fault, "X-Operation-Id": id } };
}

/** Returns the tries of one operation; the last line may arrive after the answer. */
export async function tries(worker: Worker, id: string, atLeast: number): Promise<Try[]> {
  const of = (): Try[] =>
    [
      ...worker
        .logs()
        .join("\n")
        .matchAll(new RegExp(`^try ${id} (true|false) (\\d+)$`, "gm")),
    ].map(([, retry, at]) => ({ retry: retry === "true", at: Number(at) }));
  for (let waited = 0; waited < 2000 && of().length < atLeast; waited += 20) await sleep(20);
  return of();
}

/** Rows written by each try of the operation. */
export async function rowsWritten(worker: Worker, id: string): Promise<number[]> {
  const of = (): number[] =>
    [
      ...worker
        .logs()
        .join("\n")
        .matchAll(new RegExp(`^rows ${id} (\\d+)$`, "gm")),
    ].map(([, rows]) => Number(rows));
  for (let waited = 0; waited < 2000 && of().length === 0; waited += 20) await sleep(20);
  return of();
}
