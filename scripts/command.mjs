// How every script here begins and ends: progress on stderr, one readable line for an expected
// failure, a stack for a surprise, and an exit code that tells.

import { realpathSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** An expected failure: its message is all that the person needs. */
export class Failure extends Error {}

/** @param {string} line */
export function progress(line) {
  process.stderr.write(`» ${line}\n`);
}

/** @param {() => Promise<void>} body */
export async function command(body) {
  try {
    await body();
  } catch (error) {
    process.stderr.write(error instanceof Failure ? `error: ${error.message}\n` : `${stack(error)}\n`);
    process.exitCode = 1;
  }
}

/**
 * Whether a module is the one that was started. Real paths, because node resolves a link in
 * import.meta.url and leaves it in argv.
 * @param {string} url
 */
export function isMain(url) {
  return process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(url);
}

/** @param {unknown} error */
function stack(error) {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
