/**
 * Which parts of the description this process has met: a line each, appended to a file of its own in the folder that
 * OPENAPI_COVERAGE names. Without it nothing is kept.
 */
import { appendFileSync } from "node:fs";
import path from "node:path";

const folder = process.env["OPENAPI_COVERAGE"];
const file = folder === undefined ? undefined : path.join(folder, `${process.pid}-${Date.now()}.txt`);
const known = new Set<string>();

/** Keeps those that are new. */
export function keep(parts: Iterable<string>): void {
  const fresh = [...parts].filter((part) => !known.has(part));
  if (fresh.length === 0) return;
  for (const part of fresh) known.add(part);
  // At once: a process of tests may end in any way.
  if (file !== undefined) appendFileSync(file, fresh.map((part) => `${part}\n`).join(""));
}
