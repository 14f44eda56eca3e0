// `npm run test:mutants`: cargo-mutants changes the rules one by one, and the native tests have to notice.
//
//   npm run test:mutants                       what decides who gets in and what is changed: policy and decide
//   npm run test:mutants -- --all              all of core/
//   npm run test:mutants -- --shard 0/4        any option of cargo mutants
//
// What survives although it may is listed in .cargo/mutants.toml with the reason, and in docs/security.md.

import { join } from "node:path";
import { cargoTool } from "./cargo-tools.mjs";
import { Failure, command } from "./command.mjs";
import { root } from "./layout.mjs";
import { run } from "./run.mjs";
import { setupBuild } from "./setup.mjs";

const RULES = ["core/src/**/policy.rs", "core/src/**/decide.rs"];
const ALL = ["core/src/**"];

await command(async () => {
  const options = process.argv.slice(2);
  const all = options.indexOf("--all");
  if (all >= 0) options.splice(all, 1);
  await setupBuild();
  const mutants = await cargoTool("cargo-mutants");
  if (mutants === undefined) throw new Failure("cargo-mutants could not be installed");
  const files = (all >= 0 ? ALL : RULES).flatMap((file) => ["--file", file]);
  const fixed = [
    ...["mutants", "--package", "edge-metadata-core", "--no-shuffle", "--jobs", "1", "--timeout", "30"],
    ...["--output", join(root, "target", "mutants")],
  ];
  await run(mutants, [...fixed, ...files, ...options, "--", "--lib", "--locked"], {
    env: {
      CARGO_TARGET_DIR: join(root, "target", "mutants", "build"),
      // Each mutant is built once and run once.
      CARGO_PROFILE_DEV_DEBUG: "0",
      CARGO_PROFILE_TEST_DEBUG: "0",
    },
  });
});
