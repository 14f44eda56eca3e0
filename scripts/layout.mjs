// Where things lie in this repository, for every script that needs to know.

import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
export const tools = join(root, ".tools");
export const wasmBindgen = join(tools, "bin", "wasm-bindgen");

/** What `wrangler dev` would choose itself, so that plain wrangler commands find the same data. */
export const defaultState = join(root, ".wrangler", "state");

/**
 * A folder as the person meant it: npm changes to the repository's root before it runs a script,
 * and keeps in INIT_CWD where it was called.
 * @param {string} path
 */
export function fromCaller(path) {
  return resolve(process.env["INIT_CWD"] ?? process.cwd(), path);
}
