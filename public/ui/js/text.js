// Keys, values and names are whatever somebody stored. They are shown as text, and characters that would
// deceive the eye (controls, changes of direction, invisible ones) are shown by their code.

import { el } from "./dom.js";

/**
 * Controls, line and paragraph separators, bidirectional controls, zero-width characters but the joiners
 * that emoji and many scripts need, and the byte order mark.
 */
const UNSEEN = /[\p{Cc}\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]/u;

/**
 * The nodes that show a text, in one element that keeps its direction to itself.
 * @param {string} text
 * @param {string} [className]
 */
export function shown(text, className) {
  const element = el("bdi", { class: className });
  let plain = "";
  for (const character of text) {
    if (!UNSEEN.test(character)) {
      plain += character;
      continue;
    }
    element.append(plain, el("span", { class: "unseen" }, codeOf(character)));
    // The line breaks that are meant stay breaks.
    plain = character === "\n" ? "\n" : "";
  }
  element.append(plain);
  return element;
}

/**
 * The same in one line of plain text, for accessible names and announcements.
 * @param {string} text
 */
export function spoken(text) {
  return Array.from(text, (character) => (UNSEEN.test(character) ? ` ${codeOf(character)} ` : character)).join("");
}

/** @param {string} character */
function codeOf(character) {
  if (character === "\n") return "↵";
  if (character === "\t") return "⇥";
  return `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}`;
}

/** Length as the API counts it: in code points. @param {string} text */
export function lengthOf(text) {
  return Array.from(text).length;
}

/**
 * @param {number} count
 * @param {string} singular
 */
export function counted(count, singular) {
  return `${count} ${count === 1 ? singular : `${singular}s`}`;
}

const DATE = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

/** A time as the reader's own locale writes it; what is no time is shown as it is. @param {string} text */
export function time(text) {
  const date = new Date(text);
  if (Number.isNaN(date.getTime())) return el("span", {}, text);
  return el("time", { datetime: text, title: text }, DATE.format(date));
}
