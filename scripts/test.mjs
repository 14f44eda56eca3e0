// `npm test`: the native tests of the workspace, then the black-box tests over HTTP against the built wasm, then a
// summary.
//
//   npm test                                  everything
//   npm test -- native                        the Rust tests alone
//   npm test -- durability lists              tests/durability.test.ts and tests/lists.test.ts
//   npm test -- --test-name-pattern "S2 409"  black-box tests by name (any option of node --test)

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build, deployed, faults } from "./build.mjs";
import { command, progress } from "./command.mjs";
import { writeDescription } from "./openapi.mjs";
import { exitCode } from "./run.mjs";
import { setup } from "./setup.mjs";
import { failedAtLeastOnce, runTestFiles, testFiles } from "./typescript.mjs";

/** @typedef {import("./typescript.mjs").Counts & { suite: string }} Result */

const NATIVE = "native";
/** The parts of docs/openapi.yaml that some test has met. */
const DESCRIPTION = "openapi";

await command(async () => {
  const { native, files, options, isWhole } = selection(process.argv.slice(2));
  await setup();
  await writeDescription({ check: false });
  /** @type {Result[]} */
  const results = [];
  if (native) results.push(await nativeTests());
  if (files.length > 0) {
    await build(deployed);
    await build(faults);
    progress("black-box tests");
    results.push(...(await blackBoxTests(files, options, isWhole)));
  }
  if (summarize(results) > 0) process.exitCode = 1;
});

/** @param {string[]} args */
function selection(args) {
  const first = args.findIndex((arg) => arg.startsWith("-"));
  const names = first < 0 ? args : args.slice(0, first);
  const options = first < 0 ? [] : args.slice(first);
  const named = names.filter((name) => name !== NATIVE);
  const isWhole = names.length === 0;
  return {
    native: names.includes(NATIVE) || (isWhole && options.length === 0),
    files: isWhole || named.length > 0 ? testFiles("tests", named) : [],
    options,
    isWhole: isWhole && options.length === 0,
  };
}

/** @returns {Promise<Result>} */
async function nativeTests() {
  progress("cargo test");
  let output = "";
  const code = await exitCode("cargo", ["test", "--workspace", "--locked", "--no-fail-fast"], {
    onStdout(chunk) {
      output += chunk;
      process.stdout.write(chunk);
    },
  });
  return { suite: NATIVE, ...failedAtLeastOnce(cargoCounts(output), code) };
}

/**
 * A whole run has to meet the whole description of the API.
 * @param {string[]} files
 * @param {string[]} options
 * @param {boolean} isWhole
 * @returns {Promise<Result[]>}
 */
async function blackBoxTests(files, options, isWhole) {
  const folder = mkdtempSync(join(tmpdir(), "edge-metadata-openapi-"));
  try {
    const results = [{ suite: "black-box", ...(await runTestFiles(files, { options, env: { OPENAPI_COVERAGE: folder } })) }];
    if (!isWhole) return results;
    // Loaded late, because it reads the description that was written above.
    const { coverage } = await import("./openapi-coverage.mjs");
    const { all, unmet } = coverage(folder);
    for (const part of unmet) process.stdout.write(`met by no test: ${part}\n`);
    return [...results, { suite: DESCRIPTION, passed: all - unmet.length, failed: unmet.length, skipped: 0 }];
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/**
 * Cargo prints one such line per test binary and one for the examples in each crate's documentation.
 * @param {string} output
 */
function cargoCounts(output) {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for (const [, passed, failed, ignored] of output.matchAll(/^test result: .*? (\d+) passed; (\d+) failed; (\d+) ignored/gm)) {
    counts.passed += Number(passed);
    counts.failed += Number(failed);
    counts.skipped += Number(ignored);
  }
  return counts;
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
