// How every script here begins and ends: on a supported Node, with one readable line for an expected failure, a
// stack for a surprise, and an exit code that tells.

import { realpathSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { continueOnSupportedNode } from "./node.mjs";
import { Failure } from "./report.mjs";

export { Failure, progress } from "./report.mjs";

/** @param {() => Promise<void>} body */
export async function command(body) {
  try {
    const code = await continueOnSupportedNode();
    if (code === undefined) await body();
    else process.exitCode = code;
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
