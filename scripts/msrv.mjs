// The oldest Rust that the crates promise to build with (`rust-version`), held without having it: no dependency in
// Cargo.lock asks for a newer one, and clippy's `incompatible_msrv` (part of the lint) finds what std had not yet.
// Where that toolchain is installed, the crates are checked with it, too.

import { Failure, progress } from "./report.mjs";
import { capture, exitCode } from "./run.mjs";
import { isInstalled } from "./rust.mjs";
import { atLeast } from "./version.mjs";

/**
 * @typedef {{ id: string, name: string, version: string, rust_version: string | null }} Package
 * @typedef {{ id: string, deps: { pkg: string, dep_kinds: { kind: "dev" | "build" | null }[] }[] }} Resolved
 * @typedef {{ packages: Package[], workspace_members: string[], resolve: { nodes: Resolved[] } }} Metadata
 */

/** @returns {Promise<boolean>} whether all of it holds; what does not is told */
export async function checkMsrv() {
  const { code, stdout, stderr } = await capture("cargo", ["metadata", "--format-version", "1", "--locked", "--all-features"]);
  if (code !== 0) throw new Failure(`cargo metadata failed:\n${stderr}`);
  /** @type {Metadata} */
  const metadata = JSON.parse(stdout);
  let holds = true;
  for (const member of metadata.packages.filter(({ id }) => metadata.workspace_members.includes(id))) {
    holds = (await checkMember(member, metadata)) && holds;
  }
  return holds;
}

/**
 * @param {Package} member
 * @param {Metadata} metadata
 */
async function checkMember({ id, name, rust_version: oldest }, metadata) {
  if (oldest === null) throw new Failure(`${name} promises no rust-version`);
  const newer = dependencies(id, metadata).filter(({ rust_version }) => rust_version !== null && !atLeast(oldest, rust_version));
  for (const { name: other, version, rust_version } of newer) {
    process.stderr.write(`${name} promises Rust ${oldest}, and ${other} ${version} needs ${rust_version}\n`);
  }
  return (await checkWith(name, oldest)) && newer.length === 0;
}

/**
 * What is built into a member, tests left out.
 * @param {string} member
 * @param {Metadata} metadata
 */
function dependencies(member, { packages, resolve }) {
  const nodes = new Map(resolve.nodes.map((node) => [node.id, node]));
  const reached = new Set([member]);
  for (const id of reached) {
    for (const { pkg, dep_kinds } of nodes.get(id)?.deps ?? [])
      if (dep_kinds.some(({ kind }) => kind !== "dev")) reached.add(pkg);
  }
  return packages.filter(({ id }) => reached.has(id) && id !== member);
}

/**
 * @param {string} name
 * @param {string} version
 */
async function checkWith(name, version) {
  if (!(await isInstalled(version))) {
    progress(`Rust ${version} is not installed: ${name} is NOT built with it (rustup toolchain install ${version})`);
    return true;
  }
  progress(`cargo check of ${name} with Rust ${version}`);
  const env = { RUSTUP_TOOLCHAIN: version, CARGO_TARGET_DIR: "target/msrv" };
  return (await exitCode("cargo", ["check", "--package", name, "--locked"], { env })) === 0;
}
