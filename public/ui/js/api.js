// HTTP: every request of the page goes through here, with the token, a deadline and the version of the API.

import { Fault } from "./fault.js";

/** Longer than the service gives itself, so that its own answer comes first. */
const DEADLINE_MS = 20_000;

/** The last version that serves images as well; servers show their lock from 2.9 on. */
const VERSION = "compute 2.38";

/** Told how many requests are under way whenever that changes. @typedef {(pending: number) => void} Activity */

export class Api {
  /** Nowhere but here: not in storage, not in the address, not in the document. */
  #token;
  #base;
  #activity;
  #pending = 0;

  /**
   * @param {URL} base where the API is found, ending in a slash
   * @param {string} token
   * @param {Activity} activity
   */
  constructor(base, token, activity) {
    this.#base = base;
    this.#token = token;
    this.#activity = activity;
  }

  /**
   * Sends one request and reads the document that answers it, `undefined` for a 204.
   *
   * @param {"GET" | "POST" | "PUT" | "DELETE"} method
   * @param {string} path below the base, such as `v2.1/servers/detail`
   * @param {unknown} [body] sent as JSON
   * @returns {Promise<unknown>}
   * @throws {Fault}
   */
  async request(method, path, body) {
    /** @type {Record<string, string>} */
    const headers = { "X-Auth-Token": this.#token, "OpenStack-API-Version": VERSION, Accept: "application/json" };
    if (body !== undefined) headers["Content-Type"] = "application/json";
    this.#count(1);
    try {
      const response = await fetch(new URL(path, this.#base), {
        method,
        headers,
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(DEADLINE_MS),
        cache: "no-store",
        credentials: "omit",
        redirect: "error",
        referrerPolicy: "no-referrer",
      });
      if (!response.ok) throw await Fault.from(response);
      return response.status === 204 ? undefined : await response.json();
    } catch (error) {
      if (error instanceof Fault) throw error;
      throw unanswered(error);
    } finally {
      this.#count(-1);
    }
  }

  /** @param {number} difference */
  #count(difference) {
    this.#pending += difference;
    this.#activity(this.#pending);
  }
}

/** @param {unknown} error */
function unanswered(error) {
  const late = error instanceof DOMException && error.name === "TimeoutError";
  const message = late ? `No answer came within ${DEADLINE_MS / 1000} seconds.` : "The service could not be reached.";
  return new Fault({ status: 0, name: "", message, requestId: null });
}
