// `npm run test:faults`: harms the built Worker for real — lost answers, SIGKILL, full and read-only disks,
// races, panics, hangs, memory exhaustion — and then counts what is left.
//
//   npm run test:faults                        what every change has to pass
//   npm run test:faults -- --budget long       more of each, by hand
//   npm run test:faults -- killed full-disk    tests/faults/killed.test.ts and full-disk.test.ts

import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { build, deployed, faults } from "./build.mjs";
import { Failure, command, progress } from "./command.mjs";
import { root } from "./layout.mjs";
import { atLeast } from "./prerequisites.mjs";
import { exitCode } from "./run.mjs";
import { setup } from "./setup.mjs";
import { tapCounts } from "./test-counts.mjs";

const SUITE = join("tests", "faults");

await command(async () => {
  const { budget, files } = selection(process.argv.slice(2));
  await setup();
  await build(deployed);
  await build(faults);
  progress(`tests of faults, ${budget} budget`);
  const folder = mkdtempSync(join(tmpdir(), "edge-metadata-"));
  try {
    const tap = join(folder, "tap");
    const tallied = join(folder, "tally");
    const args = [
      atLeast(process.versions.node, [20, 6]) ? "--import" : "--loader",
      "tsx",
      "--test",
      // One at a time: each of them loads the machine as it is.
      "--test-concurrency=1",
      "--test-reporter=spec",
      "--test-reporter-destination=stdout",
      "--test-reporter=tap",
      `--test-reporter-destination=${tap}`,
      ...files.map((file) => join(SUITE, file)),
    ];
    const env = { FAULTS_BUDGET: budget, FAULTS_TALLY: tallied };
    const code = await exitCode(process.execPath, args, { env, onStdout: (chunk) => void process.stdout.write(chunk) });
    const { passed, failed } = tapCounts(existsSync(tap) ? readFileSync(tap, "utf8") : "");
    const counted = code === 0 ? failed : Math.max(failed, 1);
    process.stdout.write(`\n${summary(tallied)}${passed} passed, ${counted} failed\n`);
    if (counted > 0) process.exitCode = 1;
  } finally {
    rmSync(folder, { recursive: true });
  }
});

/** @param {string[]} args */
function selection(args) {
  let budget = "short";
  const names = [...args];
  const option = names.indexOf("--budget");
  if (option >= 0) [, budget = ""] = names.splice(option, 2);
  if (budget !== "short" && budget !== "long") throw new Failure(`--budget is short or long, not "${budget}"`);
  const all = readdirSync(join(root, SUITE)).filter((file) => file.endsWith(".test.ts")).sort();
  const files = names.map((name) => {
    const file = all.find((file) => file === basename(name) || file === `${name}.test.ts`);
    if (file === undefined) throw new Failure(`there is no test file ${name}; there are: ${all.join(", ")}`);
    return file;
  });
  return { budget, files: files.length > 0 ? files : all };
}

/** What the tests have counted, added up: one line each, in the order in which it first came. @param {string} file */
function summary(file) {
  if (!existsSync(file)) return "";
  /** @type {Map<string, number>} */
  const sums = new Map();
  for (const line of readFileSync(file, "utf8").trim().split("\n")) {
    const { what, count } = /** @type {{ what: string, count: number }} */ (JSON.parse(line));
    sums.set(what, (sums.get(what) ?? 0) + count);
  }
  return [...sums].map(([what, count]) => `${String(count).padStart(8)}  ${what}\n`).join("");
}
