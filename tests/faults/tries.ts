/** What the build with faults prints of each call that reaches an object. */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

import type { Worker } from "../harness.ts";

export interface Try {
  retry: boolean;
  at: number;
}

/** Headers that ask for a fault, under an operation id by which its tries are found in the log. */
export function named(fault: string, id: string = `op-${randomUUID()}`): { id: string; headers: Record<string, string> } {
  return { id, headers: { "X-Fault": fault, "X-Operation-Id": id } };
}

/** The tries of one operation so far; the last line may still be on its way when the answer is there. */
export async function tries(worker: Worker, id: string, atLeast: number): Promise<Try[]> {
  const of = (): Try[] =>
    [...worker.logs().join("\n").matchAll(new RegExp(`^try ${id} (true|false) (\\d+)$`, "gm"))].map(
      ([, retry, at]) => ({ retry: retry === "true", at: Number(at) }),
    );
  for (let waited = 0; waited < 2000 && of().length < atLeast; waited += 20) await sleep(20);
  return of();
}

/** Rows that the operation's tries wrote, each try counted alone. */
export async function rowsWritten(worker: Worker, id: string): Promise<number[]> {
  const of = (): number[] =>
    [...worker.logs().join("\n").matchAll(new RegExp(`^rows ${id} (\\d+)$`, "gm"))].map(([, rows]) => Number(rows));
  for (let waited = 0; waited < 2000 && of().length === 0; waited += 20) await sleep(20);
  return of();
}
