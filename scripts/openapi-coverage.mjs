// The end of a run of the tests: which parts of the description no test has met.
//
//   node scripts/openapi-coverage.mjs FOLDER    the folder that OPENAPI_COVERAGE named during the run

import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { Failure, command, isMain } from "./command.mjs";
import { parts } from "./openapi-document.mjs";

/**
 * @param {string} folder
 * @returns {{ all: number, unmet: string[] }}
 */
export function coverage(folder) {
  const met = new Set(readdirSync(folder).flatMap((file) => readFileSync(join(folder, file), "utf8").split("\n")));
  const all = parts();
  return { all: all.size, unmet: [...all].filter((part) => !met.has(part)).map((part) => decodeURIComponent(part)) };
}

if (isMain(import.meta.url)) {
  await command(async () => {
    const folder = process.argv[2];
    if (folder === undefined) throw new Failure("which folder?");
    const { all, unmet } = coverage(folder);
    if (unmet.length > 0)
      throw new Failure(
        `${unmet.length} of ${all} parts of docs/openapi.yaml were met by no test:\n${unmet.map((part) => `  ${part}`).join("\n")}`,
      );
    process.stdout.write(`all ${all} parts of docs/openapi.yaml were met\n`);
  });
}
