// `npm run test:broken-bridges`: copies of the bridge, each with one fault that would lose changes, and the tests that
// have to notice it. A copy whose tests pass is a hole in them.
//
//   npm run test:broken-bridges                  all of them
//   npm run test:broken-bridges -- early payload these

import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Failure, command, progress } from "./command.mjs";
import { root } from "./layout.mjs";
import { capture } from "./run.mjs";
import { setupBuild } from "./setup.mjs";

const PARTS = ["Cargo.toml", "clippy.toml", "edge-metadata-bridge.example.toml", "src", "tests"];

/** @typedef {{ file: string, find: string, replace: string }} Edit */
/** @typedef {{ name: string, what: string, edits: Edit[] }} Fault */

/** @type {Fault[]} */
const FAULTS = [
  {
    name: "early",
    what: "acknowledges a message before the edge has taken what it announced",
    edits: [
      {
        file: "src/bus/consumer.rs",
        find: `let older = ledger.hold(resource, tag);
                            scheduler.announce(resource, hint);
                            older`,
        replace: `scheduler.announce(resource, hint);
                            Some(tag)`,
      },
    ],
  },
  {
    name: "payload",
    what: "registers the metadata of the notification in place of the cloud's",
    edits: [
      {
        file: "src/bus/notification.rs",
        find: `    Ok(Announcement {
        resource,`,
        replace: `    let metadata = notification.pointer("/payload/nova_object.data/metadata").cloned();
    if let (Some(resource), Some(Ok(metadata))) = (resource, metadata.map(serde_json::from_value)) {
        PAYLOADS.lock().unwrap_or_else(std::sync::PoisonError::into_inner).insert(resource, metadata);
    }
    Ok(Announcement {
        resource,`,
      },
      {
        file: "src/bus/notification.rs",
        find: `fn kind_and_id<'a>(`,
        replace: `/// What the last notification of each resource said.
pub static PAYLOADS: std::sync::Mutex<std::collections::BTreeMap<Resource, crate::registry::Metadata>> =
    std::sync::Mutex::new(std::collections::BTreeMap::new());

fn kind_and_id<'a>(`,
      },
      { file: "src/bus/mod.rs", find: "pub use notification::{", replace: "pub use notification::{PAYLOADS, " },
      {
        file: "src/reconcile.rs",
        find: `        if let Some(document) = self.cloud.read(resource).await? {`,
        replace: `        if let Some(mut document) = self.cloud.read(resource).await? {
            let payload = crate::bus::PAYLOADS.lock().unwrap_or_else(std::sync::PoisonError::into_inner).remove(&resource);
            if let (Document::Server(server), Some(metadata)) = (&mut document, payload) {
                server.metadata = metadata;
            }`,
      },
    ],
  },
  {
    name: "unread",
    what: "skips the read after a change, and registers what was read before it",
    edits: [
      {
        file: "src/reconcile.rs",
        find: `        let (applied, failed) = self.apply(resource, &changes).await;
        let outcome = self.register(resource, &applied).await?;`,
        replace: `        let observed_at = self.clock.now();
        let before = self.cloud.read(resource).await?;
        let (applied, failed) = self.apply(resource, &changes).await;
        let outcome = match before {
            Some(document) => self.send(resource, &document, observed_at, &applied).await?,
            None => self.register(resource, &applied).await?,
        };`,
      },
    ],
  },
  {
    name: "unapplied",
    what: "forgets to tell the edge which changes are done with",
    edits: [
      {
        file: "src/reconcile.rs",
        find: "let outcome = self.register(resource, &applied).await?;",
        replace: "let _ = applied;\n        let outcome = self.register(resource, &BTreeMap::new()).await?;",
      },
    ],
  },
  {
    name: "late-time",
    what: "takes the time of a read after it",
    edits: [
      {
        file: "src/reconcile.rs",
        find: `        if let Some(document) = self.cloud.read(resource).await? {`,
        replace: `        let _ = observed_at;
        let read = self.cloud.read(resource).await?;
        let observed_at = self.clock.now();
        if let Some(document) = read {`,
      },
    ],
  },
];

await command(async () => {
  const names = process.argv.slice(2);
  const faults = FAULTS.filter(({ name }) => names.length === 0 || names.includes(name));
  if (faults.length < names.length) throw new Failure(`there are: ${FAULTS.map(({ name }) => name).join(", ")}`);
  await setupBuild();
  const folder = mkdtempSync(join(tmpdir(), "edge-metadata-broken-bridges-"));
  try {
    const whole = await testCopy(folder, []);
    if (whole.failed.length > 0) throw new Failure(`without a fault, these fail: ${whole.failed.join(", ")}`);
    let unnoticed = 0;
    for (const { name, what, edits } of faults) {
      const { failed } = await testCopy(folder, edits);
      if (failed.length === 0) unnoticed += 1;
      process.stdout.write(`${failed.length > 0 ? "noticed  " : "UNNOTICED"} ${name}: ${what}\n`);
      for (const test of failed) process.stdout.write(`            ${test}\n`);
    }
    process.stdout.write(`\n${faults.length - unnoticed} passed, ${unnoticed} failed\n`);
    if (unnoticed > 0) process.exitCode = 1;
  } finally {
    rmSync(folder, { recursive: true });
  }
});

/**
 * @param {string} folder
 * @param {Edit[]} edits
 * @returns {Promise<{ failed: string[] }>} the names of the tests that fail
 */
async function testCopy(folder, edits) {
  // The workspace, because its members take versions and lints from it.
  for (const part of ["Cargo.toml", "Cargo.lock", "core", "src", ...PARTS.map((part) => join("bridge", part))]) {
    rmSync(join(folder, part), { recursive: true, force: true });
    cpSync(join(root, part), join(folder, part), { recursive: true });
  }
  for (const { file, find, replace } of edits) {
    const path = join(folder, "bridge", file);
    const text = readFileSync(path, "utf8");
    if (text.split(find).length !== 2) throw new Failure(`${file} does not have exactly once:\n${find}`);
    writeFileSync(
      path,
      text.replace(find, () => replace),
    );
  }
  const manifest = ["--manifest-path", join(folder, "bridge", "Cargo.toml")];
  // A target folder of its own: in the project's, cargo would take what it has built of a copy for the bridge itself.
  const env = { CARGO_TARGET_DIR: join(root, "target", "broken-bridges"), RUST_BACKTRACE: "0" };
  progress("cargo test of a copy");
  const built = await capture("cargo", ["test", "--locked", "--no-run", ...manifest], { env });
  if (built.code !== 0) throw new Failure(`a copy does not compile:\n${built.stderr}`);
  const { stdout } = await capture("cargo", ["test", "--locked", "--no-fail-fast", ...manifest], { env });
  const failed = [...stdout.matchAll(/^test (\S+) \.\.\. FAILED$/gm)].map(([, name]) => String(name));
  return { failed: [...new Set(failed)] };
}
