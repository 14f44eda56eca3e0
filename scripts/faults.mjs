// `npm run test:faults`: harms the built Worker for real — lost answers, SIGKILL, full and read-only disks,
// races, panics, hangs, memory exhaustion — and then counts what is left.
//
//   npm run test:faults                        what every change has to pass
//   npm run test:faults -- --budget long       more of each, by hand
//   npm run test:faults -- killed full-disk    tests/faults/killed.test.ts and full-disk.test.ts

import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { build, deployed, faults } from "./build.mjs";
import { Failure, command, progress } from "./command.mjs";
import { setup } from "./setup.mjs";
import { runTestFiles, testFiles } from "./typescript.mjs";

await command(async () => {
  const { values, positionals } = parseArgs({
    options: { budget: { type: "string", default: "short" } },
    allowPositionals: true,
  });
  const { budget } = values;
  if (budget !== "short" && budget !== "long") throw new Failure(`--budget is short or long, not "${budget}"`);
  const files = testFiles("tests/faults", positionals);
  await setup();
  await build(deployed);
  await build(faults);
  progress(`tests of faults, ${budget} budget`);
  const folder = mkdtempSync(join(tmpdir(), "edge-metadata-"));
  try {
    const tally = join(folder, "tally");
    const { passed, failed } = await runTestFiles(files, {
      // One at a time: each of them loads the machine as it is.
      options: ["--test-concurrency=1"],
      env: { FAULTS_BUDGET: budget, FAULTS_TALLY: tally },
    });
    process.stdout.write(`\n${summary(tally)}${passed} passed, ${failed} failed\n`);
    if (failed > 0) process.exitCode = 1;
  } finally {
    rmSync(folder, { recursive: true });
  }
});

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
