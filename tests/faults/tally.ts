import { appendFileSync } from "node:fs";

/** Counts something for the summary that the suite ends with; each file of tests runs in a process of its own. */
export function tally(what: string, count: number): void {
  const file = process.env["FAULTS_TALLY"];
  if (file !== undefined) appendFileSync(file, `${JSON.stringify({ what, count })}\n`);
}
