// The version of this repository, which several files name. `npm run lint` holds them equal.
//
//   node scripts/versions.mjs

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Failure, command, isMain } from "./command.mjs";
import { root } from "./layout.mjs";

/**
 * @param {string} folder
 * @returns {Map<string, string>} by the place that names it
 */
export function versions(folder) {
  /** @param {string} file */
  const text = (file) => readFileSync(join(folder, file), "utf8");
  const lock = JSON.parse(text("package-lock.json"));
  // Without a package that reads TOML: a release begins on a fresh clone, before anything is installed.
  const [, cargo = "none"] = /^\[workspace\.package\]\n(?:[^[].*\n)*?version = "(.*)"$/m.exec(text("Cargo.toml")) ?? [];
  return new Map([
    ["package.json", JSON.parse(text("package.json")).version],
    ["package-lock.json", lock.version],
    ["package-lock.json, packages", lock.packages[""].version],
    ["Cargo.toml", cargo],
  ]);
}

/**
 * @param {string} folder
 * @returns {string} the version that all of them name
 */
export function onlyVersion(folder) {
  const named = versions(folder);
  const [first = "", ...others] = new Set(named.values());
  if (others.length === 0) return first;
  throw new Failure(`the versions differ:\n${[...named].map(([place, version]) => `  ${version}  ${place}`).join("\n")}`);
}

if (isMain(import.meta.url)) {
  await command(async () => {
    process.stdout.write(`${onlyVersion(root)}\n`);
  });
}
