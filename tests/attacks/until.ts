/** Waiting for a condition instead of for a time. */
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";

/** Tries a condition until it holds. */
export async function until(
  what: string | (() => string),
  holds: () => boolean | Promise<boolean>,
  { patience = 15_000, pause = 50 } = {},
): Promise<void> {
  const last = performance.now() + patience;
  while (!(await holds())) {
    if (performance.now() > last) assert.fail(`not within ${patience} ms: ${typeof what === "string" ? what : what()}`);
    await sleep(pause);
  }
}
