// Makes a fresh clone ready: checks what the machine has to bring, then installs the rest into this
// folder. Every step looks first, so that a second time it costs next to nothing.
//
// No step downloads from anywhere but the registries of npm, crates.io and rustup.

import { existsSync, statSync, symlinkSync } from "node:fs";
import { join, relative } from "node:path";
import { root } from "./layout.mjs";
import { installedNode } from "./node.mjs";
import { checkPrerequisites } from "./prerequisites.mjs";
import { progress } from "./report.mjs";
import { run } from "./run.mjs";
import { installRust } from "./rust.mjs";

const packages = join(root, "node_modules");

/** Everything that `npm start` and `npm test` need. */
export async function setup() {
  await checkPrerequisites();
  await installPackages();
  await installRust();
}

/** What a build alone needs. Leaves node_modules alone, because wrangler, which may be the one that
 * called for the build, runs from there. */
export async function setupBuild() {
  await checkPrerequisites();
  await installRust();
}

async function installPackages() {
  const installed = join(packages, ".package-lock.json");
  if (!existsSync(installed) || modified(installed) < modified(join(root, "package-lock.json"))) {
    progress("npm ci (about a minute)");
    // None of the packages needs its install script: their binaries come as packages of their own.
    await run("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"]);
  }
  linkNode();
}

/** npm and npx put this folder first in PATH: with the installed Node in it, `npx wrangler` runs on that one. */
function linkNode() {
  const bin = join(packages, ".bin");
  const link = join(bin, "node");
  if (process.execPath === installedNode && !existsSync(link)) symlinkSync(relative(bin, installedNode), link);
}

/** @param {string} path */
function modified(path) {
  return statSync(path).mtimeMs;
}
