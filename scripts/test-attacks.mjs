// `npm run test:attacks`: what hostile and unlucky clients do to the built Worker on a plain workerd, and what is left
// of it afterwards: resets, single-byte chunks, unread bodies, stale lists, large lists, made-up tokens.
//
//   npm run test:attacks                    all of them
//   npm run test:attacks -- resets          tests/attacks/resets.test.ts

import { parseArgs } from "node:util";
import { build, deployed, faults } from "./build.mjs";
import { command, progress } from "./command.mjs";
import { setup } from "./setup.mjs";
import { runTestFiles, testFiles } from "./typescript.mjs";

await command(async () => {
  const { positionals } = parseArgs({ allowPositionals: true });
  const files = testFiles("tests/attacks", positionals);
  await setup();
  await build(deployed);
  await build(faults);
  progress("attacks");
  // One at a time: each of them measures the machine as it is.
  const { passed, failed } = await runTestFiles(files, { options: ["--test-concurrency=1"] });
  process.stdout.write(`\n${passed} passed, ${failed} failed\n`);
  if (failed > 0) process.exitCode = 1;
});
