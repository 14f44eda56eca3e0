// What has to be on a machine before anything here can run, and how each part gets there.
// Everything else is installed into this folder by setup.mjs.

import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { Failure } from "./report.mjs";
import { capture } from "./run.mjs";

/** @typedef {{ missing: string, install: string }} Missing */

/** Names every missing part at once, so that nobody installs them one failed start at a time. */
export async function checkPrerequisites() {
  findCargoAfterInstall();
  const missing = [await checkGit(), await checkCompiler(), await checkRustup()].flatMap((m) => m ?? []);
  if (missing.length === 0) return;
  const lines = missing.map(({ missing, install }) => `  ${missing}\n      ${install}`);
  throw new Failure(`this machine lacks something that is needed. Each with the command that installs it:\n${lines.join("\n")}`);
}

/** rustup's installer changes the PATH of the next shell only; this one may be the shell it ran in. */
function findCargoAfterInstall() {
  const bin = join(process.env["CARGO_HOME"] ?? join(homedir(), ".cargo"), "bin");
  const path = (process.env["PATH"] ?? "").split(delimiter);
  if (existsSync(join(bin, "cargo")) && !path.includes(bin)) process.env["PATH"] = [...path, bin].join(delimiter);
}

/** @returns {Promise<Missing | undefined>} */
async function checkGit() {
  if ((await capture("git", ["--version"])).code === 0) return undefined;
  return { missing: "git", install: systemPackage({ apt: "git", other: "git" }) };
}

/** Cargo links build scripts and native tests with it. @returns {Promise<Missing | undefined>} */
async function checkCompiler() {
  if ((await capture("cc", ["--version"])).code === 0) return undefined;
  return { missing: "a C compiler (cc)", install: systemPackage({ apt: "build-essential", other: "gcc" }) };
}

/** @returns {Promise<Missing | undefined>} */
async function checkRustup() {
  if ((await capture("rustup", ["--version"])).code === 0) return undefined;
  return { missing: "rustup", install: "curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y" };
}

/** @param {{ apt: string, other: string }} names */
function systemPackage({ apt, other }) {
  if (process.platform === "darwin") return "xcode-select --install";
  if (existsSync("/usr/bin/dnf")) return `sudo dnf install -y ${other}`;
  if (existsSync("/usr/bin/pacman")) return `sudo pacman -S --needed ${other}`;
  return `sudo apt-get update && sudo apt-get install -y ${apt}`;
}
