// What a token may do to one server or image: asked of the service, and what it means to a person.

import { explain, isQuota, noun } from "./words.js";

/**
 * @typedef {import("./fault.js").Fault} Fault
 * @typedef {import("./item.js").Access} Access
 * @typedef {{ title: string, advice: string }} Words
 */

/** @type {Access} */
export const NOTHING = { write: false, remove: false };

/** Learned of a token while it is used. */
export class Rights {
  /** @type {Fault | null} */
  #readOnly = null;

  /**
   * Why the service would refuse a change, `null` when it would not. What its role may not do is asked once for
   * a token and not with each server.
   *
   * @param {import("./resources.js").Resources} resources
   * @param {import("./resources.js").Kind} kind
   * @param {string} id
   */
  async refusal(resources, kind, id) {
    if (this.#readOnly !== null) return this.#readOnly;
    const fault = await resources.refusal(kind, id);
    if (fault?.status === 403 && kind === "servers" && !isQuota(fault)) this.#readOnly = fault;
    return fault;
  }
}

/** @param {Fault | null} refusal @returns {Access} */
export function accessAfter(refusal) {
  if (refusal === null) return { write: true, remove: true };
  return { write: false, remove: isQuota(refusal) };
}

/**
 * What is to be said before anything is tried; `null` when there is nothing to say.
 * @param {import("./resources.js").Resource} resource
 * @param {Fault | null} refusal
 * @returns {Words | null}
 */
export function remark(resource, refusal) {
  if (refusal !== null) return explain(refusal, resource.kind);
  if (!resource.locked) return null;
  return {
    title: `This ${noun(resource.kind)} is locked`,
    advice: "It is locked for others; this token may change it all the same.",
  };
}
