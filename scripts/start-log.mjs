// What `npm start` shows of wrangler's output: nothing until the demo is loaded, and at no time the requests that are
// made for that.

import { randomUUID } from "node:crypto";

/** That the build is up to date. */
const OF_THE_BUILD = /^\[custom build\]/;
/** The line that wrangler itself writes for a request. */
const OF_A_REQUEST = /^\[wrangler:\w+\] [A-Z]+ \//;

export class StartLog {
  /** @type {{ line: string, isOfInterest: boolean }[] | undefined} */
  #held = [];
  #output;
  /** Names our own requests in the Worker's log, where it is the `global_request_id`. */
  #id = `req-${randomUUID()}`;
  /** Of our own requests, how many wrangler has yet to write of. */
  #awaited = 0;

  /** @param {NodeJS.WritableStream} output */
  constructor(output) {
    this.#output = output;
  }

  /**
   * As the global `fetch`, for requests that are not to be seen.
   * @param {string} url
   * @param {RequestInit} [request]
   * @returns {Promise<Response>}
   */
  fetch = async (url, request = {}) => {
    this.#awaited += 1;
    try {
      return await fetch(url, { ...request, headers: { ...request.headers, "X-OpenStack-Request-Id": this.#id } });
    } catch (error) {
      // Nobody listens yet, so nobody writes of it.
      this.#awaited -= 1;
      throw error;
    }
  };

  /** Takes a line of wrangler's. @param {string} line */
  add(line) {
    const isOfInterest = !this.#isOwn(line) && !(this.#held && OF_THE_BUILD.test(line));
    if (this.#held) this.#held.push({ line, isOfInterest });
    else if (isOfInterest) this.#output.write(`${line}\n`);
  }

  /** @param {string} line */
  #isOwn(line) {
    if (line.includes(this.#id)) return true;
    if (!OF_A_REQUEST.test(line) || this.#awaited === 0) return false;
    this.#awaited -= 1;
    return true;
  }

  /**
   * Shows what was held back, all of it where something has failed, and from now on each line as it comes.
   * @param {{ hasFailed: boolean }} how
   */
  release({ hasFailed }) {
    for (const { line, isOfInterest } of this.#held ?? []) if (hasFailed || isOfInterest) this.#output.write(`${line}\n`);
    this.#held = undefined;
  }
}
