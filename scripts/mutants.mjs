// `npm run test:mutants`: cargo-mutants changes the rules one by one, and the native tests have to notice.
//
//   npm run test:mutants                       what decides who gets in: policy, token, decide
//   npm run test:mutants -- --all              all of src/metadata and src/identity that native tests can reach
//   npm run test:mutants -- --shard 0/4        any option of cargo mutants
//
// What survives although it may is listed in .cargo/mutants.toml with the reason, and in docs/security.md.

import { delimiter, join } from "node:path";
import { command, progress } from "./command.mjs";
import { root, tools } from "./layout.mjs";
import { capture, run } from "./run.mjs";
import { setupBuild } from "./setup.mjs";

const VERSION = "27.1.0";

const CORE = ["src/identity/policy.rs", "src/identity/token.rs", "src/metadata/decide.rs"];

/** The rest of identity/ talks to KV and Keystone: only the black-box tests can see it work. */
const ALL = [
  "src/metadata/**",
  ...["policy", "token", "access_rule", "cache"].map((name) => `src/identity/${name}.rs`),
  ...["answer", "stored", "endpoint"].map((name) => `src/identity/keystone/${name}.rs`),
];

await command(async () => {
  const options = process.argv.slice(2);
  const all = options.indexOf("--all");
  if (all >= 0) options.splice(all, 1);
  await setupBuild();
  const path = [process.env["PATH"], join(tools, "bin")].join(delimiter);
  const mutants = join(tools, "bin", "cargo-mutants");
  if ((await capture(mutants, ["mutants", "--version"])).stdout.trim() !== `cargo-mutants ${VERSION}`) {
    progress(`cargo install cargo-mutants ${VERSION} into .tools (about a minute)`);
    const install = ["install", "cargo-mutants", "--version", VERSION, "--locked", "--root", tools];
    await run("cargo", install, { env: { PATH: path } });
  }
  const files = (all >= 0 ? ALL : CORE).flatMap((file) => ["--file", file]);
  const fixed = ["mutants", "--no-shuffle", "--jobs", "1", "--timeout", "30", "--output", join(root, "target", "mutants")];
  await run(mutants, [...fixed, ...files, ...options, "--", "--lib", "--locked"], {
    env: {
      PATH: path,
      CARGO_TARGET_DIR: join(root, "target", "mutants", "build"),
      // Each mutant is built once and run once.
      CARGO_PROFILE_DEV_DEBUG: "0",
      CARGO_PROFILE_TEST_DEBUG: "0",
    },
  });
});
