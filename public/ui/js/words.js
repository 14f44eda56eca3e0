// What states and faults mean to a person.

import { spoken } from "./text.js";

/**
 * @typedef {import("./resources.js").Kind} Kind
 * @typedef {import("./resources.js").Resource} Resource
 * @typedef {import("./fault.js").Fault} Fault
 * @typedef {"good" | "busy" | "quiet" | "bad"} Tone
 */

/** @param {Kind} kind */
export function noun(kind) {
  return kind === "servers" ? "server" : "image";
}

/** A name to show: some have none. @param {{ name: string, id: string }} resource */
export function titleOf({ name, id }) {
  return name.trim() === "" ? id : name;
}

/** `SHELVED_OFFLOADED` as "Shelved offloaded". @param {string} word */
export function readable(word) {
  const words = word.replaceAll("_", " ").replaceAll("-", " ").toLowerCase();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** @type {Record<string, Tone>} */
const TONES = {
  ACTIVE: "good",
  ERROR: "bad",
  DELETED: "bad",
  SAVING: "busy",
  BUILD: "busy",
  REBOOT: "busy",
  HARD_REBOOT: "busy",
  REBUILD: "busy",
  RESIZE: "busy",
  REVERT_RESIZE: "busy",
  MIGRATING: "busy",
  PASSWORD: "busy",
};

/** @param {Resource} resource @returns {Tone} */
export function toneOf({ status, taskState }) {
  const tone = TONES[status] ?? "quiet";
  return taskState !== null && tone === "good" ? "busy" : tone;
}

const POWER = new Map([
  [0, "No state"],
  [1, "Running"],
  [3, "Paused"],
  [4, "Shut down"],
  [6, "Crashed"],
  [7, "Suspended"],
]);

/** @param {number} state */
export function powerOf(state) {
  return POWER.get(state) ?? `State ${state}`;
}

/** @typedef {{ title: string, advice: string }} Explanation */

/** What the service words in a message, and what it means. @type {[RegExp, (kind: Kind, found: string) => Explanation][]} */
const CONFLICTS = [
  [
    /^Instance .* is locked$/s,
    () => ({ title: "This server is locked", advice: "Its items can be changed again once somebody unlocks it." }),
  ],
  [
    /while it is in task_state (.+)$/s,
    (_, task) => ({
      title: `A task is running: ${readable(task)}`,
      advice: "Its items can be changed again when the task is over.",
    }),
  ],
  [
    /while it is in vm_state (.+)$/s,
    (_, state) => ({
      title: `This server is ${readable(state).toLowerCase()}`,
      advice: "Items can be changed while a server is active, paused, suspended or stopped.",
    }),
  ],
  [
    /is in an invalid state for/,
    () => ({ title: "This server has not been started yet", advice: "Its items can be changed after its first start." }),
  ],
  [
    /while it is in status (.+)$/s,
    (_, status) => ({
      title: `This image is ${readable(status).toLowerCase()}`,
      advice: "Its items can be changed when it is complete.",
    }),
  ],
];

const QUOTA = /^(Maximum number of metadata items exceeds|Image metadata limit exceeded)/;

/** Whether a 403 is about the number of items and not about the right to change them. @param {Fault} fault */
export function isQuota(fault) {
  return fault.status === 403 && QUOTA.test(fault.message);
}

/**
 * @param {Fault} fault
 * @param {Kind} kind
 * @returns {Explanation}
 */
export function explain(fault, kind) {
  const thing = noun(kind);
  switch (fault.status) {
    case 0:
      return { title: "No answer", advice: "Look at the connection, then try again." };
    case 400:
      return { title: "The service did not accept this", advice: "What it says tells what to change." };
    case 401:
      return { title: "The token is not valid", advice: "It is unknown, has expired or was taken back." };
    case 403:
      if (isQuota(fault))
        return { title: `This ${thing} has as many items as it may have`, advice: "Delete one before you add another." };
      return { title: "This token does not allow it", advice: "Its role may look at this but not change it." };
    case 404:
      return { title: `This ${thing} is not there`, advice: "It was deleted, or belongs to another project." };
    case 409: {
      for (const [pattern, words] of CONFLICTS) {
        const match = pattern.exec(fault.message);
        if (match) return words(kind, spoken(match[1] ?? ""));
      }
      return { title: `This ${thing} cannot be changed now`, advice: "Try again later." };
    }
    case 413:
    case 429:
      if (fault.retryAfter === null) break;
      return { title: "Too many requests", advice: `The project has used up its share. Try again in ${fault.retryAfter} s.` };
    case 503:
      return { title: "The service is busy or out of reach", advice: "Try again in a moment." };
  }
  return { title: "Something went wrong", advice: "Try again. If it goes on, give the request id to whoever runs the service." };
}
