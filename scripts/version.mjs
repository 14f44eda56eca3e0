// Comparing versions by their leading numbers.

/**
 * Whether `version` is `minimum` or newer, as far as `minimum` has numbers: 22.13.1 is at least 22.12.
 * @param {string} version
 * @param {string} minimum
 */
export function atLeast(version, minimum) {
  const numbers = version.split(".").map(Number);
  for (const [at, wanted] of minimum.split(".").map(Number).entries()) {
    const number = numbers[at] ?? 0;
    if (number !== wanted) return number > wanted;
  }
  return true;
}
