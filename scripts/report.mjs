// What a script says to the person who runs it: progress on stderr, and failures that are expected.

/** An expected failure: its message is all that the person needs. */
export class Failure extends Error {}

/** @param {string} line */
export function progress(line) {
  process.stderr.write(`» ${line}\n`);
}
