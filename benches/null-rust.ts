// Builds the null Rust Worker with the product's compiler and settings.
import { mkdirSync } from "node:fs";
import path from "node:path";
import { progress } from "../scripts/command.mjs";
import { root, wasmBindgen } from "../scripts/layout.mjs";
import { run } from "../scripts/run.mjs";

const folder = path.join(root, "benches", "null-rust");
const target = path.join(root, "target", "null-rust");

export async function buildNullRust(): Promise<void> {
  progress("null-rust: cargo build");
  const manifest = path.join(folder, "Cargo.toml");
  const wasm = path.join(target, "wasm32-unknown-unknown", "release", "null_rust.wasm");
  await run("cargo", [
    "build",
    "--release",
    "--locked",
    "--manifest-path",
    manifest,
    "--target",
    "wasm32-unknown-unknown",
    "--target-dir",
    target,
  ]);
  mkdirSync(path.join(folder, "build"), { recursive: true });
  const out = path.join(folder, "build");
  await run(wasmBindgen, [
    wasm,
    "--target",
    "web",
    "--no-typescript",
    "--remove-name-section",
    "--out-name",
    "index",
    "--out-dir",
    out,
  ]);
}
