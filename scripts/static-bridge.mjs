// `npm run bridge`: the bridge as one static program for Linux on x86-64, in dist/.

import { copyFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { Failure, command, isMain, progress } from "./command.mjs";
import { root } from "./layout.mjs";
import { capture, run } from "./run.mjs";
import { versions } from "./versions.mjs";

const TARGET = "x86_64-unknown-linux-musl";

/**
 * @param {string} folder where it is put
 * @returns {Promise<string>} its path
 */
export async function staticBridge(folder) {
  if ((await capture("musl-gcc", ["--version"])).code !== 0) throw new Failure("musl-gcc is missing: apt-get install musl-tools");
  progress("cargo build (the bridge, optimized and static; five minutes the first time)");
  await run("rustup", ["target", "add", TARGET]);
  await run("cargo", ["build", "--release", "--locked", "--package", "edge-metadata-bridge", "--target", TARGET]);
  const built = join(root, "target", TARGET, "release", "edge-metadata-bridge");
  const { stdout: libraries } = await capture("ldd", [built]);
  if (!libraries.includes("statically linked")) throw new Failure(`the bridge needs libraries:\n${libraries}`);
  const version = versions(root).get("Cargo.toml") ?? "";
  const { stdout: shown } = await capture(built, ["--version"]);
  if (shown.trim() !== `edge-metadata-bridge ${version}`) throw new Failure(`the bridge of ${version} says ${shown}`);
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `edge-metadata-bridge-${version}-x86_64-linux`);
  copyFileSync(built, file);
  return file;
}

if (isMain(import.meta.url)) {
  await command(async () => {
    process.stdout.write(`${await staticBridge(join(root, "dist"))}\n`);
  });
}
