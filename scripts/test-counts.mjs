// Reading how many tests passed out of what the two test runners print.

/** @typedef {{ passed: number, failed: number, skipped: number }} Counts */

/**
 * Cargo prints one such line per test binary and one for the examples in the documentation.
 * @param {string} output
 * @returns {Counts}
 */
export function cargoCounts(output) {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for (const [, passed, failed, ignored] of output.matchAll(/^test result: .*? (\d+) passed; (\d+) failed; (\d+) ignored/gm)) {
    counts.passed += Number(passed);
    counts.failed += Number(failed);
    counts.skipped += Number(ignored);
  }
  return counts;
}

/**
 * The last lines of the TAP that node's test runner writes.
 * @param {string} tap
 * @returns {Counts}
 */
export function tapCounts(tap) {
  const count = (/** @type {string} */ name) => Number(new RegExp(`^# ${name} (\\d+)$`, "m").exec(tap)?.[1] ?? 0);
  return {
    passed: count("pass"),
    failed: count("fail") + count("cancelled"),
    skipped: count("skipped") + count("todo"),
  };
}
