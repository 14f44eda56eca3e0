// `npm run test:fuzz`: hostile input for the pure code. Driven by coverage (libFuzzer) where there is a
// nightly toolchain or one can be had; else the same targets are fed with blind mutations of the corpus,
// on the stable toolchain, and the summary says so.
//
//   npm run test:fuzz                            two minutes for all targets together
//   npm run test:fuzz -- --seconds 3600          an hour
//   npm run test:fuzz -- paths bodies            these targets alone
//   npm run test:fuzz -- --minimize              the corpus without inputs that reach nothing of their own
//   npm run test:fuzz -- --without-coverage      as where there is no nightly toolchain
//
// What was found on the way is kept in target/fuzz/found and is where the next run begins; the corpus in
// fuzz/corpus is only ever read, but for --minimize.

import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { cargoTool } from "./cargo-tools.mjs";
import { Failure, command, progress } from "./command.mjs";
import { root, tools } from "./layout.mjs";
import { capture, run } from "./run.mjs";
import { setupBuild } from "./setup.mjs";

const NIGHTLY = "nightly";

/** Seconds that one input may take: a thousand times what the worst one known does. */
const PATIENCE = 5;
const MOST_BYTES = 4_096;

/** An input of the kept corpus is one that a person may want to read. */
const MOST_KEPT_BYTES = 256;
const MOST_KEPT = 40;

const folder = join(root, "fuzz");
const target = join(root, "target", "fuzz");
const corpus = join(folder, "corpus");
const found = join(target, "found");
const cargoFuzz = join(tools, "bin", "cargo-fuzz");

await command(async () => {
  const { values, positionals } = parseArgs({
    options: {
      seconds: { type: "string", default: "120" },
      minimize: { type: "boolean", default: false },
      "without-coverage": { type: "boolean", default: false },
    },
    allowPositionals: true,
  });
  const all = readdirSync(corpus).sort();
  const unknown = positionals.find((name) => !all.includes(name));
  if (unknown !== undefined) throw new Failure(`there is no target ${unknown}; there are: ${all.join(", ")}`);
  const targets = positionals.length > 0 ? positionals : all;
  const total = Number(values.seconds);
  if (!(total > 0)) throw new Failure(`--seconds ${values.seconds} is no number of seconds`);
  const seconds = Math.max(1, Math.floor(total / targets.length));
  await setupBuild();
  const lacking = values["without-coverage"] ? "asked for" : await lackOfCoverage();
  if (values.minimize) {
    if (lacking !== undefined) throw new Failure(`without coverage nothing can be minimized: ${lacking}`);
    for (const name of targets) await minimize(name);
    return;
  }
  if (lacking === undefined) for (const name of targets) await withCoverage(name, seconds);
  else {
    progress(`blind mutations only, without coverage: ${lacking}`);
    await run("cargo", [
      ...["run", "--quiet", "--release", "--locked", "--manifest-path", join(folder, "Cargo.toml")],
      ...["--target-dir", target, "--bin", "mutate", "--", String(seconds), corpus, ...targets],
    ]);
  }
});

/** Why libFuzzer cannot be used here, after an attempt to get what it needs. */
async function lackOfCoverage() {
  if ((await capture("c++", ["--version"])).code !== 0) return "there is no C++ compiler";
  const { stdout } = await capture("rustup", ["toolchain", "list"]);
  if (!new RegExp(`^${NIGHTLY}-`, "m").test(stdout)) {
    progress(`rustup toolchain install ${NIGHTLY} (about a minute)`);
    const { code } = await capture("rustup", ["toolchain", "install", NIGHTLY, "--profile", "minimal"]);
    if (code !== 0) return "there is no nightly toolchain, and it could not be installed";
  }
  if ((await cargoTool("cargo-fuzz")) === undefined) return "cargo-fuzz could not be installed";
  return undefined;
}

/**
 * @param {string} name
 * @param {number} seconds
 */
async function withCoverage(name, seconds) {
  const own = join(found, name);
  mkdirSync(own, { recursive: true });
  progress(`${name}: build, then ${seconds} s`);
  const { code, stderr } = await fuzz(
    "run",
    name,
    [own, join(corpus, name)],
    [
      `-max_total_time=${seconds}`,
      `-timeout=${PATIENCE}`,
      `-max_len=${MOST_BYTES}`,
      "-rss_limit_mb=1024",
      "-print_final_stats=1",
      `-artifact_prefix=${join(target, name)}-`,
    ],
  );
  if (code !== 0) {
    process.stderr.write(stderr.split("\n").slice(-60).join("\n"));
    throw new Failure(`${name}: an input breaks it; it is named above, as Test unit written to target/fuzz/${name}-…`);
  }
  const number = (/** @type {RegExp} */ pattern) => pattern.exec(stderr)?.[1] ?? "?";
  const tried = number(/number_of_executed_units: (\d+)/);
  const covered = [...stderr.matchAll(/cov: (\d+)/g)].at(-1)?.[1] ?? "?";
  process.stdout.write(`${name}: ${tried} inputs, ${covered} edges of the code reached\n`);
}

/** Puts what is needed for the coverage that has been reached in the place of the kept corpus. @param {string} name */
async function minimize(name) {
  const kept = join(corpus, name);
  const fresh = join(target, "minimized", name);
  rmSync(fresh, { recursive: true, force: true });
  mkdirSync(fresh, { recursive: true });
  mkdirSync(join(found, name), { recursive: true });
  const { code, stderr } = await fuzz("run", name, [fresh, kept, join(found, name)], ["-merge=1", `-max_len=${MOST_KEPT_BYTES}`]);
  if (code !== 0) throw new Failure(`${name}: ${stderr.slice(-2000)}`);
  // The seeds that people wrote stay, whatever else reaches the same.
  for (const file of readdirSync(kept).filter((file) => !file.startsWith("seed-"))) rmSync(join(kept, file));
  const size = (/** @type {string} */ file) => statSync(join(fresh, file)).size;
  const files = readdirSync(fresh).sort((one, other) => size(one) - size(other));
  for (const file of files.slice(0, MOST_KEPT)) renameSync(join(fresh, file), join(kept, file));
  process.stdout.write(`${name}: ${readdirSync(kept).length} inputs\n`);
}

/**
 * @param {string} verb
 * @param {string} name
 * @param {string[]} folders
 * @param {string[]} options
 */
function fuzz(verb, name, folders, options) {
  const args = ["fuzz", verb, "--fuzz-dir", folder, "--target-dir", target, "--features", "coverage"];
  // There is no unsafe code whose memory would have to be watched.
  args.push("--sanitizer", "none", name, ...folders.filter((path) => existsSync(path)), "--", ...options);
  return capture(cargoFuzz, args, { env: { RUSTUP_TOOLCHAIN: NIGHTLY } });
}
