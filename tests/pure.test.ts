// The pure modules know no platform, so that every decision can be tested natively.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { readFile, readdir } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";

import { repository } from "./harness.ts";

const PURE = [
  "metadata",
  "api/route.rs",
  "api/version.rs",
  "api/body.rs",
  "api/fault.rs",
  "api/cors.rs",
  "api/head.rs",
  "api/answer.rs",
  "identity/token.rs",
  "identity/policy.rs",
  "identity/access_rule.rs",
  "identity/keystone/answer.rs",
  "identity/keystone/stored.rs",
  "settings.rs",
];

const CRATES = ["worker", "worker_sys", "wasm_bindgen", "wasm_bindgen_futures", "js_sys", "web_sys"];

/** The platform's names in a module, comments left out: prose may say what code may not use. */
function platformNames(source: string): string[] {
  const code = source.replace(/\/\*[\s\S]*?\*\//g, "").replace(/\/\/.*$/gm, "");
  const crates = CRATES.filter((name) => new RegExp(`(^|[^\\w:])(::)?${name}\\s*(::|;|\\s+as\\s|,|\\})`, "m").test(code));
  return /\b(crate|super)\s*::\s*platform\b|\bplatform\s*::|::\s*\{[^}]*\bplatform\b/.test(code)
    ? [...crates, "platform"]
    : crates;
}

async function sources(entry: string): Promise<string[]> {
  const full = path.join(repository, "src", entry);
  if (entry.endsWith(".rs")) return [full];
  const names = await readdir(full, { recursive: true });
  return names.filter((name) => name.endsWith(".rs")).map((name) => path.join(full, name));
}

for (const entry of PURE) {
  test(`src/${entry} imports neither worker nor wasm_bindgen nor js_sys nor the platform`, async () => {
    assert.ok(existsSync(path.join(repository, "src", entry)), `src/${entry} is gone: name the module that took its place`);
    const files = await sources(entry);
    assert.ok(files.length > 0);
    for (const file of files) assert.deepEqual(platformNames(await readFile(file, "utf8")), [], path.relative(repository, file));
  });
}

test("an import of the platform is found in each way that Rust writes it", () => {
  for (const source of [
    "use worker::Env;",
    "use ::worker::Env;",
    "use worker as w;",
    "pub use wasm_bindgen::prelude::*;",
    "use {serde::Serialize, js_sys::Date};",
    "use {\n    worker::Env,\n};",
    "fn now() -> f64 { js_sys::Date::now() }",
    "#[wasm_bindgen::prelude::wasm_bindgen]",
    "extern crate worker;",
    "use crate::platform::kv;",
    "use crate::{metadata::Key, platform};",
    "use super::super::platform::Env;",
  ]) {
    assert.notDeepEqual(platformNames(source), [], source);
  }
  for (const source of [
    "// worker::Env is not used here",
    "/* wasm_bindgen:: */",
    "use crate::metadata::Key;",
    "let worker_name = 1;",
    "use crate::homework::Worker;",
  ]) {
    assert.deepEqual(platformNames(source), [], source);
  }
});
