// Makes a fresh clone ready: checks what the machine has to bring, then installs the rest into this
// folder. Every step looks first, so that a second time it costs next to nothing.
//
// No step downloads from anywhere but the registries of npm, crates.io and rustup.

import { existsSync, readFileSync, statSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { Failure, progress } from "./command.mjs";
import { root, tools, wasmBindgen } from "./layout.mjs";
import { atLeast, checkPrerequisites } from "./prerequisites.mjs";
import { capture, run } from "./run.mjs";

const RUST = [1, 91];
const CHANNEL = "stable";
const TARGET = "wasm32-unknown-unknown";

/** Everything that `npm start` and `npm test` need. */
export async function setup() {
  await checkPrerequisites();
  await installPackages();
  await installToolchain();
}

/** What a build alone needs. Leaves node_modules alone, because wrangler, which may be the one that
 * called for the build, runs from there. */
export async function setupBuild() {
  await checkPrerequisites();
  await installToolchain();
}

async function installPackages() {
  const installed = join(root, "node_modules", ".package-lock.json");
  if (existsSync(installed) && modified(installed) >= modified(join(root, "package-lock.json"))) return;
  progress("npm ci (about a minute)");
  // None of the packages needs its install script: their binaries come as packages of their own.
  await run("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"]);
}

async function installToolchain() {
  await installRust();
  await installTarget();
  await installWasmBindgen();
}

async function installRust() {
  // Most versions of rustup would install it by themselves when rustc is first called, and be silent for
  // the minute that it takes.
  const { stdout: toolchains } = await capture("rustup", ["toolchain", "list"]);
  if (!toolchains.includes(`${CHANNEL}-`) && !process.env["RUSTUP_TOOLCHAIN"]) {
    progress(`rustup toolchain install ${CHANNEL} (about a minute)`);
    await run("rustup", ["toolchain", "install", CHANNEL, "--profile", "minimal"]);
  }
  const { stdout } = await capture("rustc", ["--version"]);
  const version = /^rustc (\d+\.\d+)/.exec(stdout)?.[1] ?? "0.0";
  if (atLeast(version, RUST)) return;
  // Not done here: this toolchain is shared with everything else on the machine.
  throw new Failure(`Rust ${RUST.join(".")} or newer is needed, and this is ${version}. It comes with:\n  rustup update ${CHANNEL}`);
}

async function installTarget() {
  const { stdout } = await capture("rustc", ["--print", "target-libdir", "--target", TARGET]);
  if (existsSync(stdout.trim())) return;
  progress(`rustup target add ${TARGET}`);
  await run("rustup", ["target", "add", TARGET]);
}

async function installWasmBindgen() {
  const version = lockedWasmBindgen();
  const { stdout } = await capture(wasmBindgen, ["--version"]);
  if (stdout.trim() === `wasm-bindgen ${version}`) return;
  progress(`cargo install wasm-bindgen-cli ${version} into .tools (about a minute)`);
  await run(
    "cargo",
    ["install", "wasm-bindgen-cli", "--version", version, "--locked", "--bin", "wasm-bindgen", "--root", tools],
    {
      env: {
        // It runs for a fraction of a second per build: optimising it would take far longer than it saves.
        CARGO_PROFILE_RELEASE_OPT_LEVEL: "0",
        CARGO_PROFILE_RELEASE_CODEGEN_UNITS: "256",
        // Else cargo advises to put .tools on the PATH, which nobody needs.
        PATH: [process.env["PATH"], dirname(wasmBindgen)].join(delimiter),
      },
    },
  );
}

/** The command must have the version of the crate to the digit, so it is written down only once. */
function lockedWasmBindgen() {
  const lock = readFileSync(join(root, "Cargo.lock"), "utf8");
  const version = /name = "wasm-bindgen"\nversion = "([^"]+)"/.exec(lock)?.[1];
  if (!version) throw new Failure("Cargo.lock names no version of wasm-bindgen");
  return version;
}

/** @param {string} path */
function modified(path) {
  return statSync(path).mtimeMs;
}
