// Running the TypeScript of the tests and benches: node with tsx as its loader.

import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { root } from "./layout.mjs";
import { Failure } from "./report.mjs";
import { exitCode } from "./run.mjs";

/** @typedef {{ passed: number, failed: number, skipped: number }} Counts */

/**
 * Runs a module with stdout as its own.
 * @param {string[]} args the module's path below the repository, and its arguments
 * @param {Record<string, string>} [env]
 * @returns {Promise<number>} its exit code
 */
export function runTypeScript(args, env = {}) {
  return exitCode(process.execPath, ["--import", "tsx", ...args], { env, showsStdout: true });
}

/**
 * Runs files of tests with node's test runner and counts what came of them.
 * @param {string[]} files below the repository
 * @param {{ options?: string[], env?: Record<string, string> }} [how] options are those of `node --test`
 * @returns {Promise<Counts>}
 */
export async function runTestFiles(files, { options = [], env = {} } = {}) {
  const folder = mkdtempSync(join(tmpdir(), "edge-metadata-"));
  try {
    const counted = join(folder, "counts.json");
    const reporters = [...reporter("spec", "stdout"), ...reporter("./scripts/count-reporter.mjs", counted)];
    const code = await runTypeScript(["--test", ...reporters, ...options, ...files], env);
    /** @type {Counts} */
    const counts = { passed: 0, failed: 0, skipped: 0, ...(existsSync(counted) ? parsed(counted) : {}) };
    return failedAtLeastOnce(counts, code);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/**
 * A suite that does not even compile, or dies, counts no failed test, but it is one.
 * @param {Counts} counts
 * @param {number} code
 * @returns {Counts}
 */
export function failedAtLeastOnce(counts, code) {
  return code === 0 ? counts : { ...counts, failed: Math.max(counts.failed, 1) };
}

/**
 * The paths of a folder's test files; of those that are named, if any is.
 * @param {string} folder below the repository
 * @param {string[]} names `race`, `race.test.ts` or a path that ends so
 * @returns {string[]}
 */
export function testFiles(folder, names) {
  const all = readdirSync(join(root, folder))
    .filter((file) => file.endsWith(".test.ts"))
    .sort();
  const chosen = names.map((name) => {
    const file = all.find((file) => file === basename(name) || file === `${name}.test.ts`);
    if (file === undefined) throw new Failure(`there is no test file ${name}; there are: ${all.join(", ")}`);
    return file;
  });
  return (chosen.length > 0 ? chosen : all).map((file) => join(folder, file));
}

/**
 * @param {string} name
 * @param {string} destination
 */
function reporter(name, destination) {
  return [`--test-reporter=${name}`, `--test-reporter-destination=${destination}`];
}

/** @param {string} file */
function parsed(file) {
  const text = readFileSync(file, "utf8");
  return text === "" ? {} : JSON.parse(text);
}
