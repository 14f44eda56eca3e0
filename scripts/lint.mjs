// `npm run lint`: formatting, clippy for both targets, the documentation's links, and the types of the
// scripts and tests. Runs all of them, so that one run shows everything there is to mend.

import { basename, join } from "node:path";
import { Failure, command, progress } from "./command.mjs";
import { root } from "./layout.mjs";
import { capture, exitCode, run } from "./run.mjs";
import { setup } from "./setup.mjs";

const tsc = join(root, "node_modules", "typescript", "bin", "tsc");

/** @type {{ program: string, args: string[], env?: Record<string, string> }[]} */
const CHECKS = [
  { program: "cargo", args: ["fmt", "--check"] },
  clippy("--all-targets"),
  clippy("--lib", "--target", "wasm32-unknown-unknown"),
  clippy("--lib", "--target", "wasm32-unknown-unknown", "--features", "faults"),
  {
    program: "cargo",
    args: ["doc", "--no-deps", "--document-private-items", "--locked"],
    env: { RUSTDOCFLAGS: "-D warnings" },
  },
  { program: process.execPath, args: [tsc, "--noEmit"] },
];

await command(async () => {
  await setup();
  await ensureComponents();
  const failed = [];
  for (const { program, args, env } of CHECKS) {
    const line = [program, ...args].map((word) => basename(word)).join(" ");
    progress(line);
    if ((await exitCode(program, args, env ? { env } : {})) !== 0) failed.push(line);
  }
  if (failed.length > 0) throw new Failure(`not clean:\n${failed.map((line) => `  ${line}`).join("\n")}`);
});

/** rust-toolchain.toml asks for them, but a toolchain that was there before it may lack them. */
async function ensureComponents() {
  const ready = await Promise.all([capture("cargo", ["fmt", "--version"]), capture("cargo", ["clippy", "--version"])]);
  if (ready.every(({ code }) => code === 0)) return;
  progress("rustup component add rustfmt clippy");
  await run("rustup", ["component", "add", "rustfmt", "clippy"]);
}

/** @param {string[]} what */
function clippy(...what) {
  return { program: "cargo", args: ["clippy", ...what, "--locked", "--", "-D", "warnings"] };
}
