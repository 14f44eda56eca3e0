// `npm test`: the native tests of the pure modules, then the black-box tests over HTTP against the built
// wasm, then a summary.
//
//   npm test                                  everything
//   npm test -- native                        the Rust tests alone
//   npm test -- race restart                  tests/race.test.ts and tests/restart.test.ts
//   npm test -- --test-name-pattern "S2 409"  black-box tests by name (any option of node --test)

import { mkdtempSync, readFileSync, readdirSync, rmSync, existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { build, deployed, faults } from "./build.mjs";
import { Failure, command, progress } from "./command.mjs";
import { root } from "./layout.mjs";
import { atLeast } from "./prerequisites.mjs";
import { exitCode } from "./run.mjs";
import { setup } from "./setup.mjs";
import { cargoCounts, tapCounts } from "./test-counts.mjs";

/** @typedef {import("./test-counts.mjs").Counts & { suite: string }} Result */

const NATIVE = "native";

await command(async () => {
  const { native, files, options } = selection(process.argv.slice(2));
  await setup();
  /** @type {Result[]} */
  const results = [];
  if (native) results.push(await nativeTests());
  if (files.length > 0) {
    await build(deployed);
    await build(faults);
    results.push(await blackBoxTests(files, options));
  }
  if (summarize(results) > 0) process.exitCode = 1;
});

/** @param {string[]} args */
function selection(args) {
  const first = args.findIndex((arg) => arg.startsWith("-"));
  const names = first < 0 ? args : args.slice(0, first);
  const options = first < 0 ? [] : args.slice(first);
  const all = readdirSync(join(root, "tests")).filter((file) => file.endsWith(".test.ts")).sort();
  if (names.length === 0) return { native: options.length === 0, files: all, options };
  const files = names.filter((name) => name !== NATIVE).map((name) => {
    const file = all.find((file) => file === basename(name) || file === `${name}.test.ts`);
    if (file === undefined) throw new Failure(`there is no test file ${name}; there are: ${NATIVE}, ${all.join(", ")}`);
    return file;
  });
  return { native: names.includes(NATIVE), files, options };
}

/** @returns {Promise<Result>} */
async function nativeTests() {
  progress("cargo test");
  let output = "";
  const code = await exitCode("cargo", ["test", "--locked", "--no-fail-fast"], {
    onStdout(chunk) {
      output += chunk;
      show(chunk);
    },
  });
  return { suite: "native", ...failedAtLeastOnce(cargoCounts(output), code) };
}

/**
 * @param {string[]} files
 * @param {string[]} options
 * @returns {Promise<Result>}
 */
async function blackBoxTests(files, options) {
  progress("black-box tests");
  const folder = mkdtempSync(join(tmpdir(), "edge-metadata-"));
  try {
    const tap = join(folder, "tap");
    const args = [
      // What tsx asks for: before 20.6 node had no other way to hook into loading.
      atLeast(process.versions.node, [20, 6]) ? "--import" : "--loader",
      "tsx",
      "--test",
      ...reporter("spec", "stdout"),
      ...reporter("tap", tap),
      ...options,
      ...files.map((file) => join("tests", file)),
    ];
    const code = await exitCode(process.execPath, args, { onStdout: show });
    const counts = tapCounts(existsSync(tap) ? readFileSync(tap, "utf8") : "");
    return { suite: "black-box", ...failedAtLeastOnce(counts, code) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** @param {Buffer} chunk */
function show(chunk) {
  process.stdout.write(chunk);
}

/**
 * @param {string} name
 * @param {string} destination
 */
function reporter(name, destination) {
  return [`--test-reporter=${name}`, `--test-reporter-destination=${destination}`];
}

/**
 * A suite that does not even compile, or dies, counts no failed test, but it is one.
 * @param {import("./test-counts.mjs").Counts} counts
 * @param {number} code
 */
function failedAtLeastOnce(counts, code) {
  return code === 0 ? counts : { ...counts, failed: Math.max(counts.failed, 1) };
}

/** @param {Result[]} results @returns {number} how many failed */
function summarize(results) {
  const total = { passed: 0, failed: 0 };
  process.stdout.write("\n");
  for (const { suite, passed, failed, skipped } of results) {
    total.passed += passed;
    total.failed += failed;
    const left = skipped > 0 ? `, ${skipped} skipped` : "";
    process.stdout.write(`${suite.padEnd(10)} ${passed} passed, ${failed} failed${left}\n`);
  }
  process.stdout.write(`${total.passed} passed, ${total.failed} failed\n`);
  return total.failed;
}
