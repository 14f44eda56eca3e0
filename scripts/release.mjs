// `npm run release`: checks that a version can be released, builds it, makes the archive that is deployed without Rust and
// the static bridge, and tags the commit. It pushes nothing: a pushed tag has both attached by
// .github/workflows/release.yml.
//
//   npm run release -- 0.2.0             dist/edge-metadata-0.2.0.tar.gz, dist/edge-metadata-bridge-0.2.0-x86_64-linux
//                                        and the tag v0.2.0
//   npm run release -- 0.2.0 --dry-run   all of it but the tag

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { archive } from "./archive.mjs";
import { build, deployed } from "./build.mjs";
import { Failure, command, isMain, progress } from "./command.mjs";
import { root } from "./layout.mjs";
import { capture, run } from "./run.mjs";
import { setup } from "./setup.mjs";
import { staticBridge } from "./static-bridge.mjs";
import { versions } from "./versions.mjs";

/**
 * What stands in the way of a release.
 * @param {string} folder
 * @param {string} version
 * @returns {Promise<string[]>}
 */
export async function obstacles(folder, version) {
  const found = [];
  if (!/^\d+\.\d+\.\d+$/.test(version)) found.push(`${version} is no version: three numbers with dots`);
  for (const [place, named] of versions(folder)) if (named !== version) found.push(`${place} says ${named}`);
  const heading = new RegExp(`^## ${version.replaceAll(".", "\\.")} - \\d{4}-\\d\\d-\\d\\d$`, "m");
  if (!heading.test(readFileSync(join(folder, "CHANGELOG.md"), "utf8"))) {
    found.push(`CHANGELOG.md has no heading "## ${version} - YYYY-MM-DD"`);
  }
  const changed = await git(folder, "status", "--porcelain");
  if (changed !== "") found.push(`not everything is committed:\n${changed}`);
  const tagged = await tagOf(folder, version);
  if (tagged !== undefined && tagged !== (await git(folder, "rev-parse", "HEAD"))) {
    found.push(`the tag v${version} is on another commit`);
  }
  return found;
}

/**
 * The commit that has the version's tag, if any has.
 * @param {string} folder
 * @param {string} version
 */
async function tagOf(folder, version) {
  const { code, stdout } = await capture("git", ["-C", folder, "rev-parse", "--verify", "--quiet", `v${version}^{commit}`]);
  return code === 0 ? stdout.trim() : undefined;
}

/**
 * @param {string} folder
 * @param {string[]} args
 */
async function git(folder, ...args) {
  const { code, stdout, stderr } = await capture("git", ["-C", folder, ...args]);
  if (code !== 0) throw new Failure(`git ${args.join(" ")} failed:\n${stderr}`);
  return stdout.trimEnd();
}

if (isMain(import.meta.url)) {
  await command(async () => {
    const { values, positionals } = parseArgs({
      options: { "dry-run": { type: "boolean", default: false } },
      allowPositionals: true,
    });
    const [version] = positionals;
    if (version === undefined || positionals.length > 1) throw new Failure("npm run release -- X.Y.Z [--dry-run]");
    const found = await obstacles(root, version);
    if (found.length > 0) throw new Failure(`${version} cannot be released:\n${found.map((line) => `  ${line}`).join("\n")}`);
    await setup();
    await build(deployed);
    const folder = join(root, "dist");
    for (const file of [await archive(folder), await staticBridge(folder)]) process.stdout.write(`${file}\n`);
    if (values["dry-run"]) return;
    if ((await tagOf(root, version)) === undefined) await run("git", ["tag", "--annotate", "--message", version, `v${version}`]);
    progress(`tagged; git push origin v${version} publishes it`);
  });
}
