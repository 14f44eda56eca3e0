import { appendFileSync } from "node:fs";

/** Counts an event for the suite's summary, across the processes of the test files. */
export function tally(what: string, count: number): void {
  const file = process.env["FAULTS_TALLY"];
  if (file !== undefined) appendFileSync(file, `${JSON.stringify({ what, count })}\n`);
}
