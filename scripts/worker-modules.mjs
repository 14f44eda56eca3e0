// The modules that make the built Worker, for whoever serves it without wrangler: the tests and the benches.

import { existsSync, readdirSync } from "node:fs";
import { join, posix, relative, sep } from "node:path";
import { Failure } from "./report.mjs";

/** @typedef {{ name: string, file: string, type: "esm" | "wasm" }} Module `name` is what the others import it by */

/**
 * @param {string} folder where they lie, and `build/` beside them
 * @param {string[]} [entries] those that are not built; the first of them is served
 * @returns {Module[]} in the same order
 */
export function workerModules(folder, entries = ["entry.js"]) {
  if (!existsSync(join(folder, "build", "index_bg.wasm"))) {
    throw new Failure(`${join(folder, "build")} is missing: run npm run build, with -- --faults for the build with faults`);
  }
  const built = readdirSync(join(folder, "build"), { recursive: true, encoding: "utf8" })
    .filter((file) => /\.(js|wasm)$/.test(file))
    .map((file) => join("build", file));
  return [...entries, ...built].map((file) => ({
    name: relative(folder, join(folder, file)).split(sep).join(posix.sep),
    file: join(folder, file),
    type: file.endsWith(".wasm") ? "wasm" : "esm",
  }));
}
