// One change of one item, made safely: looked up before, because somebody else may have changed it, and
// looked up again when its answer was lost.

import { Fault } from "./fault.js";

/**
 * @typedef {import("./resources.js").Kind} Kind
 * @typedef {{ resources: import("./resources.js").Resources, kind: Kind, id: string }} Place
 *
 * @typedef {object} Wish
 * @property {string} key
 * @property {string | null} value what it shall be; `null` to delete it
 * @property {string | null} expected what it was when the person decided; `null` when there was no such item
 *
 * @typedef {{ outcome: "done" }} Done
 * @typedef {{ outcome: "differs", now: string | null }} Differs somebody else has changed it: nothing was done
 * @typedef {{ outcome: "failed", fault: Fault, isUnknown: boolean }} Failed `isUnknown`: it may have been done all the same
 * @typedef {Done | Differs | Failed} Result
 */

/**
 * @param {Place} place
 * @param {Wish} wish
 * @returns {Promise<Result>}
 */
export async function change({ resources, kind, id }, { key, value, expected }) {
  let isSent = false;
  try {
    const now = await resources.value(kind, id, key);
    if (now === value) return { outcome: "done" };
    if (now !== expected) return { outcome: "differs", now };
    isSent = true;
    if (value === null) await resources.remove(kind, id, key);
    else await resources.put(kind, id, key, value);
    return { outcome: "done" };
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    return { outcome: "failed", fault: error, isUnknown: isSent && error.leavesOutcomeUnknown };
  }
}
