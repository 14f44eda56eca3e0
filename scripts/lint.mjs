// `npm run lint`: formatting, lints, types, links and the direction of imports, of everything in this repository. Runs
// all of them, so that one run shows everything there is to mend.
//
//   npm run lint             all of it
//   npm run lint -- --fix    formats first, and mends what the linters can

import { basename, join } from "node:path";
import { parseArgs } from "node:util";
import { Failure, command, progress } from "./command.mjs";
import { root } from "./layout.mjs";
import { checkMsrv } from "./msrv.mjs";
import { capture, exitCode, run } from "./run.mjs";
import { setup } from "./setup.mjs";

/** @typedef {{ program: string, args: string[], env?: Record<string, string> }} Check */

/** What is compiled to wasm; the bridge is a native program. */
const WASM = ["--lib", "--target", "wasm32-unknown-unknown"];

/** @type {Check[]} */
const CHECKS = [
  { program: "cargo", args: ["fmt", "--all", "--check"] },
  { program: "cargo", args: ["fmt", "--manifest-path", "fuzz/Cargo.toml", "--check"] },
  clippy("--workspace", "--all-targets"),
  clippy("--workspace", "--exclude", "edge-metadata-bridge", ...WASM),
  clippy("--package", "edge-metadata", "--features", "faults", ...WASM),
  clippy("--manifest-path", "fuzz/Cargo.toml"),
  {
    program: "cargo",
    args: ["doc", "--workspace", "--no-deps", "--document-private-items", "--locked"],
    env: { RUSTDOCFLAGS: "-D warnings" },
  },
  node("scripts/modules.mjs", "--brief"),
  node("scripts/openapi.mjs", "--check"),
  node("scripts/versions.mjs"),
  node(packaged("typescript", "bin", "tsc"), "--noEmit"),
  node(packaged("typescript", "bin", "tsc"), "--noEmit", "--project", "tsconfig.ui.json"),
  node(packaged("@biomejs", "biome", "bin", "biome"), "check", "--error-on-warnings"),
  node(packaged("markdownlint-cli2", "markdownlint-cli2-bin.mjs")),
];

/** @type {Check[]} */
const FIXES = [
  { program: "cargo", args: ["fmt", "--all"] },
  node(packaged("@biomejs", "biome", "bin", "biome"), "check", "--write"),
  node(packaged("markdownlint-cli2", "markdownlint-cli2-bin.mjs"), "--fix"),
];

await command(async () => {
  const { values } = parseArgs({ options: { fix: { type: "boolean", default: false } } });
  await setup();
  await ensureComponents();
  if (values.fix) for (const fix of FIXES) await passes(fix);
  const failed = [];
  for (const check of CHECKS) if (!(await passes(check))) failed.push(lineOf(check));
  progress("rust-version");
  if (!(await checkMsrv())) failed.push("rust-version");
  if (failed.length > 0) throw new Failure(`not clean:\n${failed.map((line) => `  ${line}`).join("\n")}`);
});

/** @param {Check} check */
async function passes(check) {
  progress(lineOf(check));
  return (await exitCode(check.program, check.args, check.env ? { env: check.env } : {})) === 0;
}

/** @param {Check} check */
function lineOf({ program, args }) {
  const words = args.map((arg) => (arg.startsWith(root) ? basename(arg) : arg));
  return (program === process.execPath ? words : [program, ...words]).join(" ");
}

/** rust-toolchain.toml asks for them, but a toolchain that was there before it may lack them. */
async function ensureComponents() {
  const ready = await Promise.all([capture("cargo", ["fmt", "--version"]), capture("cargo", ["clippy", "--version"])]);
  if (ready.every(({ code }) => code === 0)) return;
  progress("rustup component add rustfmt clippy");
  await run("rustup", ["component", "add", "rustfmt", "clippy"]);
}

/** @param {string[]} what @returns {Check} */
function clippy(...what) {
  return { program: "cargo", args: ["clippy", ...what, "--locked", "--", "-D", "warnings"] };
}

/** @param {string[]} args @returns {Check} */
function node(...args) {
  return { program: process.execPath, args };
}

/** @param {string[]} path */
function packaged(...path) {
  return join(root, "node_modules", ...path);
}
