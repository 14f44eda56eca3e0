// What is known of one server or image beside its items.

import { el, icon } from "./dom.js";
import { copyButton } from "./notice.js";
import { shown, time } from "./text.js";
import { powerOf, readable, toneOf } from "./words.js";

/** @typedef {import("./resources.js").Resource} Resource */

/** A status in words, with a dot of its colour. @param {Resource} resource */
export function status(resource) {
  return el("span", { class: `status ${toneOf(resource)}` }, readable(resource.status));
}

/** A sign that a server is locked. */
export function lockSign() {
  return el("span", { class: "sign" }, icon("lock"), "Locked");
}

/** @param {Resource} resource */
export function facts(resource) {
  const { kind, id, vmState, taskState, powerState, locked, project, created, updated } = resource;
  const isServer = kind === "servers";
  return el(
    "dl",
    { class: "facts" },
    fact("Id", [el("code", {}, id), copyButton(id, "id")], "wide"),
    project === null ? undefined : fact("Project", [el("code", {}, project)], "wide"),
    isServer ? fact("State", [vmState === null ? "Unknown" : shown(readable(vmState))]) : undefined,
    isServer ? fact("Task", [taskState === null ? "None" : shown(readable(taskState))]) : undefined,
    isServer ? fact("Lock", [locked ? lockSign() : "Unlocked"]) : undefined,
    powerState === null ? undefined : fact("Power", [powerOf(powerState)]),
    fact("Created", [time(created)]),
    fact("Updated", [time(updated)]),
  );
}

/**
 * @param {string} term
 * @param {(Node | string | undefined)[]} words
 * @param {string} [className]
 */
function fact(term, words, className) {
  return el("div", { class: className }, el("dt", {}, term), el("dd", {}, ...words));
}
