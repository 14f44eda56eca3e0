// What the API accepts, so that nothing else is offered. The service checks again and decides.

import { lengthOf } from "./text.js";

/** @typedef {import("./resources.js").Kind} Kind */

export const LONGEST = 255;

const KEY = /^[a-zA-Z0-9\-_:. ]{1,255}$/;
const KEY_CHARACTERS = /^[a-zA-Z0-9\-_:. ]*$/;

/** Names that Glance keeps for itself. */
const RESERVED_IMAGE_PREFIX = "os_glance_";

/**
 * What is wrong with a key that is to be written, in words; `null` when nothing is.
 * @param {Kind} kind
 * @param {string} key
 * @returns {string | null}
 */
export function keyProblem(kind, key) {
  if (key === "") return "A key is needed.";
  if (lengthOf(key) > LONGEST) return `A key has at most ${LONGEST} characters; this one has ${lengthOf(key)}.`;
  if (!KEY_CHARACTERS.test(key)) return "A key has letters A to Z, digits, spaces and - _ : . only.";
  if (!isAddressable(key)) return "A key cannot be a dot or two alone.";
  if (isReserved(kind, key)) return `Keys that begin with ${RESERVED_IMAGE_PREFIX} belong to the image service.`;
  return null;
}

/** @param {string} value @returns {string | null} */
export function valueProblem(value) {
  const length = lengthOf(value);
  return length > LONGEST ? `A value has at most ${LONGEST} characters; this one has ${length}.` : null;
}

/**
 * Why an item that is there can be neither changed nor deleted by itself; `null` when it can.
 * @param {Kind} kind
 * @param {string} key
 * @returns {string | null}
 */
export function fixedBecause(kind, key) {
  if (isReserved(kind, key)) return "Kept by the image service";
  if (!isAddressable(key)) return "This key cannot be named in an address";
  return null;
}

/**
 * Whether this API could write the item: a cloud may hold keys and values that users cannot write here, and
 * deleting one of those cannot be undone.
 *
 * @param {string} key
 * @param {string} value
 */
export function isWritable(key, value) {
  return KEY.test(key) && valueProblem(value) === null;
}

/** Browsers and proxies take `.` and `..` out of a path however they are written, and no path has a NUL. @param {string} key */
function isAddressable(key) {
  return key !== "." && key !== ".." && !key.includes("\0");
}

/**
 * @param {Kind} kind
 * @param {string} key
 */
function isReserved(kind, key) {
  return kind === "images" && key.startsWith(RESERVED_IMAGE_PREFIX);
}
