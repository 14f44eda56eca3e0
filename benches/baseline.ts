// The release against which regressions are told: its commit, checked out and built beside this one.
import { existsSync, symlinkSync } from "node:fs";
import path from "node:path";
import { Failure, progress } from "../scripts/command.mjs";
import { root, tools } from "../scripts/layout.mjs";
import { capture, run } from "../scripts/run.mjs";
import type { Results } from "./results.ts";
import type { Spread } from "./statistics.ts";

/** Release 0.1. */
const COMMIT = "25a95c8";
const NAME = "release-0.1";
/** What a figure may be worse than the release's. */
const TOLERANCE = 0.1;

/** Returns the folder of the built release. It is built by its own script, with the tools of this checkout. */
export async function buildBaseline(): Promise<string> {
  const folder = path.join(root, "target", NAME);
  if (!existsSync(folder)) {
    progress(`git worktree add ${COMMIT}`);
    const { code, stderr } = await capture("git", ["-C", root, "worktree", "add", "--detach", folder, COMMIT]);
    if (code !== 0) throw new Failure(`release 0.1, commit ${COMMIT}, cannot be checked out: ${stderr}`);
  }
  if (!existsSync(path.join(folder, ".tools"))) symlinkSync(tools, path.join(folder, ".tools"));
  await run(process.execPath, [path.join(folder, "scripts", "build.mjs")]);
  return folder;
}

/** Returns what is worse than the release by more than the tolerance. */
export function regressions({ memory, disk, first, requests }: Results): string[] {
  const found: string[] = [];
  const check = (title: string, { median, low, high }: Spread, isWorse: boolean): void => {
    const shown = `${title}: ${median.toFixed(2)} (${low.toFixed(2)}–${high.toFixed(2)}) of release 0.1's`;
    progress(`${isWorse ? "worse" : "kept"}: ${shown}`);
    if (isWorse) found.push(shown);
  };
  const atMost = (title: string, ratio: Spread): void => check(title, ratio, ratio.median > 1 + TOLERANCE);
  const atLeast = (title: string, ratio: Spread): void => check(title, ratio, ratio.median < 1 - TOLERANCE);
  for (const [where, comparison] of [
    ["in memory", memory],
    ["on a disk", disk],
  ] as const) {
    const beside = comparison?.builds[NAME];
    if (!beside) continue;
    atMost(`CPU per DELETE, objects ${where}`, beside.cpu);
    atLeast(`req/s, objects ${where}`, beside.perSecond);
  }
  if (first?.baselineRatio) atMost("the first request", first.baselineRatio);
  for (const { title, ratios } of requests ?? []) {
    const [ratio] = ratios;
    if (ratio) atMost(title, ratio);
  }
  return found;
}
