// The lines of a program that are held back until somebody says which of them are to be seen.

import { setTimeout as sleep } from "node:timers/promises";

/** What a request is logged with has come when nothing more has come for this long. */
const QUIET_MS = 300;
const AT_MOST_MS = 3_000;

export class HeldLines {
  /** @type {string[] | undefined} */
  #held = [];
  #lastAdded = Date.now();
  #output;

  /** @param {NodeJS.WritableStream} output */
  constructor(output) {
    this.#output = output;
  }

  /** Holds a line back or, once they are released, passes it on. @param {string} line */
  add(line) {
    this.#lastAdded = Date.now();
    if (this.#held) this.#held.push(line);
    else this.#output.write(`${line}\n`);
  }

  /** Waits until no line has come for a moment. */
  async quiet() {
    const limit = Date.now() + AT_MOST_MS;
    while (Date.now() < limit && Date.now() - this.#lastAdded < QUIET_MS) await sleep(QUIET_MS / 10);
  }

  /** Passes on what is to be seen, drops the rest, and holds nothing back any more. @param {(line: string) => boolean} isSeen */
  release(isSeen) {
    for (const line of this.#held?.filter(isSeen) ?? []) this.#output.write(`${line}\n`);
    this.#held = undefined;
  }
}
