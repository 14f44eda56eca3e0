// Builds the Worker: Rust to wasm with cargo, then its JavaScript side with wasm-bindgen.
//
//   node scripts/build.mjs            build/          what is deployed
//   node scripts/build.mjs --faults   build-faults/   the same with faults on demand, for the tests
//
// wrangler runs this too, before it serves or deploys ([build] in wrangler.toml).

import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Failure, command, isMain, progress } from "./command.mjs";
import { root, wasmBindgen } from "./layout.mjs";
import { run } from "./run.mjs";
import { setupBuild } from "./setup.mjs";

/**
 * A target folder each, so that the two builds do not make each other's work out of date.
 * @typedef {{ name: string, features: string[], target: string, out: string }} Variant
 */

/** @type {Variant} */
export const deployed = {
  name: "build",
  features: [],
  target: join(root, "target"),
  out: join(root, "build"),
};

/** @type {Variant} */
export const faults = {
  name: "build with faults",
  features: ["--features", "faults"],
  target: join(root, "target", "faults"),
  out: join(root, "build-faults", "build"),
};

/** Panics name their source file. Where a machine keeps its crates is nobody's business. */
const withoutThisMachine = `--remap-path-prefix=${process.env["CARGO_HOME"] ?? join(homedir(), ".cargo")}=cargo`;

/** @param {Variant} variant */
export async function build(variant) {
  progress(`${variant.name}: cargo build`);
  const parameters = [
    "rustc",
    "--package",
    "edge-metadata",
    "--release",
    "--lib",
    // Alone: built together with the rlib that the tests link, the module would miss link-time optimization.
    "--crate-type",
    "cdylib",
    "--locked",
    "--target",
    "wasm32-unknown-unknown",
    "--target-dir",
    variant.target,
    ...variant.features,
  ];
  const flags = [process.env["RUSTFLAGS"], withoutThisMachine].filter(Boolean).join(" ");
  await run("cargo", parameters, { env: { RUSTFLAGS: flags } });
  const wasm = join(variant.target, "wasm32-unknown-unknown", "release", "edge_metadata.wasm");
  if (isOlder(join(variant.out, "index_bg.wasm"), [wasm, wasmBindgen, fileURLToPath(import.meta.url)])) {
    progress(`${variant.name}: wasm-bindgen`);
    await bindgen(wasm, variant.out);
  }
  // Beside its own build/, the same entrance finds the faulty module through the same import.
  if (variant === faults) copyFileSync(join(root, "entry.js"), join(variant.out, "..", "entry.js"));
}

/**
 * Writes next to the output first and then renames: whoever reads the folder meanwhile, a server or a
 * test, never meets half a file.
 * @param {string} wasm
 * @param {string} out
 */
async function bindgen(wasm, out) {
  mkdirSync(out, { recursive: true });
  const fresh = mkdtempSync(join(out, ".new-"));
  try {
    await run(wasmBindgen, [
      wasm,
      "--target",
      "web",
      "--no-typescript",
      "--remove-name-section",
      "--remove-producers-section",
      // Lets the entrance start the module anew after a panic.
      "--experimental-reset-state-function",
      "--out-name",
      "index",
      "--out-dir",
      fresh,
    ]);
    for (const file of readdirSync(fresh)) {
      // A folder, unlike a file, is not replaced by the one that takes its name.
      if (statSync(join(fresh, file)).isDirectory()) rmSync(join(out, file), { recursive: true, force: true });
      renameSync(join(fresh, file), join(out, file));
    }
  } finally {
    rmSync(fresh, { recursive: true });
  }
}

/**
 * @param {string} output
 * @param {string[]} inputs
 */
function isOlder(output, inputs) {
  if (!existsSync(output)) return true;
  const written = statSync(output).mtimeMs;
  return inputs.some((input) => statSync(input).mtimeMs > written);
}

if (isMain(import.meta.url)) {
  await command(async () => {
    const args = process.argv.slice(2);
    const unknown = args.find((arg) => arg !== "--faults");
    if (unknown !== undefined) throw new Failure(`unknown option ${unknown}; there is only --faults`);
    await setupBuild();
    await build(args.includes("--faults") ? faults : deployed);
  });
}
