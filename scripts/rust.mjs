// The Rust toolchain that rust-toolchain.toml pins, and the wasm-bindgen command that belongs to Cargo.lock.

import { existsSync, readFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { root, tools, wasmBindgen } from "./layout.mjs";
import { Failure, progress } from "./report.mjs";
import { capture, run } from "./run.mjs";
import { atLeast } from "./version.mjs";

const TARGET = "wasm32-unknown-unknown";

export async function installRust() {
  await installToolchain();
  await installTarget();
  await installWasmBindgen();
}

/** The version that rust-toolchain.toml pins. */
export function pinnedVersion() {
  return found("rust-toolchain.toml", /^channel = "([^"]+)"/m);
}

/** The oldest version that the crates promise to build with. */
export function oldestVersion() {
  return found("Cargo.toml", /^rust-version = "([^"]+)"/m);
}

async function installToolchain() {
  if (process.env["RUSTUP_TOOLCHAIN"]) return checkOwnChoice();
  const pinned = pinnedVersion();
  if (await isInstalled(pinned)) return;
  // A machine whose stable is the pinned version has all of it already, under another name.
  const stable = await capture("rustup", ["run", "stable", "rustc", "--version"]);
  if (stable.code === 0 && stable.stdout.startsWith(`rustc ${pinned} `)) {
    process.env["RUSTUP_TOOLCHAIN"] = "stable";
    return;
  }
  // Not left to rustup, which would be silent for the minute that it takes, or refuse where that is switched off.
  progress(`rustup toolchain install ${pinned} (about a minute)`);
  const parts = ["--component", "rustfmt", "--component", "clippy", "--target", TARGET];
  await run("rustup", ["toolchain", "install", pinned, "--profile", "minimal", ...parts]);
}

/** RUSTUP_TOOLCHAIN goes before rust-toolchain.toml: whoever sets it tries another compiler. */
async function checkOwnChoice() {
  const { stdout } = await capture("rustc", ["--version"]);
  const version = /^rustc (\S+)/.exec(stdout)?.[1] ?? "0.0";
  const oldest = oldestVersion();
  if (atLeast(version, oldest)) return;
  throw new Failure(`Rust ${oldest} or newer is needed, and RUSTUP_TOOLCHAIN=${process.env["RUSTUP_TOOLCHAIN"]} is ${version}`);
}

/** @param {string} version */
export async function isInstalled(version) {
  const { stdout } = await capture("rustup", ["toolchain", "list"]);
  return stdout.split("\n").some((line) => line.startsWith(`${version}-`));
}

async function installTarget() {
  const { stdout } = await capture("rustc", ["--print", "target-libdir", "--target", TARGET]);
  if (existsSync(stdout.trim())) return;
  progress(`rustup target add ${TARGET}`);
  await run("rustup", ["target", "add", TARGET]);
}

async function installWasmBindgen() {
  // The command must have the version of the crate to the digit, so it is written down only once.
  const version = found("Cargo.lock", /^name = "wasm-bindgen"\nversion = "([^"]+)"/m);
  const { stdout } = await capture(wasmBindgen, ["--version"]);
  if (stdout.trim() === `wasm-bindgen ${version}`) return;
  progress(`cargo install wasm-bindgen-cli ${version} into .tools (about a minute)`);
  const binary = ["--locked", "--bin", "wasm-bindgen", "--root", tools];
  await run("cargo", ["install", "wasm-bindgen-cli", "--version", version, ...binary], {
    env: {
      // It runs for a fraction of a second per build: optimising it would take far longer than it saves.
      CARGO_PROFILE_RELEASE_OPT_LEVEL: "0",
      CARGO_PROFILE_RELEASE_CODEGEN_UNITS: "256",
      // Otherwise cargo advises to put .tools on the PATH, which nobody needs.
      PATH: [process.env["PATH"], dirname(wasmBindgen)].join(delimiter),
    },
  });
}

/**
 * By a pattern, because this runs before the packages are installed, a TOML parser among them.
 * @param {string} file
 * @param {RegExp} pattern
 */
function found(file, pattern) {
  const value = pattern.exec(readFileSync(join(root, file), "utf8"))?.[1];
  if (value === undefined) throw new Failure(`${file} has nothing that matches ${pattern}`);
  return value;
}
