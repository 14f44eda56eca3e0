// Cargo's subcommands that only some checks need, installed into .tools when they are first needed.

import { delimiter, join } from "node:path";
import { progress } from "./report.mjs";
import { tools } from "./layout.mjs";
import { capture, exitCode } from "./run.mjs";

const VERSIONS = { "cargo-deny": "0.20.2", "cargo-fuzz": "0.13.1", "cargo-mutants": "27.1.0" };

/**
 * The program's path, or undefined when it is not there and cannot be installed.
 * @param {keyof typeof VERSIONS} name
 * @returns {Promise<string | undefined>}
 */
export async function cargoTool(name) {
  const version = VERSIONS[name];
  const program = join(tools, "bin", name);
  const asked = name === "cargo-mutants" ? ["mutants", "--version"] : ["--version"];
  if ((await capture(program, asked)).stdout.trim() === `${name} ${version}`) return program;
  progress(`cargo install ${name} ${version} into .tools (a few minutes)`);
  const code = await exitCode("cargo", ["install", name, "--version", version, "--locked", "--root", tools], {
    env: {
      // They wait for rustc or run for a second: optimising them would take longer than it saves.
      CARGO_PROFILE_RELEASE_OPT_LEVEL: "0",
      CARGO_PROFILE_RELEASE_LTO: "off",
      CARGO_PROFILE_RELEASE_CODEGEN_UNITS: "256",
      // Else cargo advises to put .tools on the PATH, which nobody needs.
      PATH: [process.env["PATH"], join(tools, "bin")].join(delimiter),
    },
  });
  return code === 0 ? program : undefined;
}
