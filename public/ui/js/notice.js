// A fault as a person wants it: what it means, what to do, what the service says word for word, and the id
// that whoever runs the service finds it by.

import { button, el, icon } from "./dom.js";
import { shown } from "./text.js";

/**
 * @typedef {object} NoticeOptions
 * @property {string} title
 * @property {string} advice
 * @property {import("./fault.js").Fault} [fault]
 * @property {"bad" | "calm"} [tone] `calm` for what is no failure of something just tried
 * @property {(Node | undefined)[]} [actions]
 */

/**
 * @param {NoticeOptions} options
 * @returns {HTMLElement}
 */
export function notice({ title, advice, fault, tone = "bad", actions = [] }) {
  const buttons = actions.filter((action) => action !== undefined);
  return el(
    "div",
    { class: `notice ${tone}`, role: tone === "bad" ? "alert" : "note" },
    el("p", { class: "notice-title" }, title),
    el("p", {}, advice),
    fault === undefined ? undefined : said(fault),
    buttons.length === 0 ? undefined : el("div", { class: "actions" }, ...buttons),
  );
}

/** @param {import("./fault.js").Fault} fault */
function said({ message, requestId }) {
  return el(
    "dl",
    { class: "said" },
    el("div", {}, el("dt", {}, "Message"), el("dd", {}, shown(message))),
    requestId === null
      ? undefined
      : el(
          "div",
          {},
          el("dt", {}, "Request"),
          el("dd", { class: "code" }, el("code", {}, requestId), copyButton(requestId, "request id")),
        ),
  );
}

/**
 * Copies a text; left out where the browser lets no page copy.
 * @param {string} text
 * @param {string} what
 */
export function copyButton(text, what) {
  if (navigator.clipboard === undefined) return undefined;
  const copy = button({
    label: `Copy the ${what}`,
    icon: "copy",
    kind: "bare",
    press: () => {
      void navigator.clipboard.writeText(text).then(() => {
        copy.replaceChildren(icon("check"));
        setTimeout(() => copy.replaceChildren(icon("copy")), 1_500);
      });
    },
  });
  return copy;
}
