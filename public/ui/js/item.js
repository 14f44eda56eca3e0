// One item of a server or image: shown, edited, deleted, brought back.

import { announce } from "./announce.js";
import { change } from "./change.js";
import { button, el } from "./dom.js";
import { Field } from "./field.js";
import { notice } from "./notice.js";
import { fixedBecause, isWritable, valueProblem } from "./rules.js";
import { shown, spoken } from "./text.js";
import { explain, noun } from "./words.js";

/**
 * @typedef {{ write: boolean, remove: boolean }} Access what the token may do here, as far as it is known
 *
 * @typedef {object} Surroundings what an item needs to know and to tell
 * @property {import("./change.js").Place} place
 * @property {() => Access} access
 * @property {() => void} changed an item was written or deleted
 * @property {(fault: import("./fault.js").Fault) => void} refused the service refused a change: what is known may be old
 */

export class ItemRow {
  element = el("li", { class: "item" });
  #around;
  /** @type {"shown" | "edited" | "deleted"} */
  #mode = "shown";
  /** @type {Field | null} */
  #field = null;
  /** @type {HTMLElement | null} */
  #notice = null;
  #isBusy = false;
  /** Who deleted it. */
  #byOthers = false;

  /**
   * @param {Surroundings} around
   * @param {string} key
   * @param {string} value
   */
  constructor(around, key, value) {
    this.#around = around;
    this.key = key;
    this.value = value;
    this.#render();
  }

  /** Whether the item is there, as far as is known. */
  get exists() {
    return this.#mode !== "deleted";
  }

  /** What the token may do has changed. */
  accessChanged() {
    if (this.#mode !== "edited" && !this.#isBusy) this.#render();
  }

  /** The item was written by another part of the page. @param {string} value */
  written(value) {
    this.value = value;
    this.#settle("shown");
  }

  focus() {
    const target = this.element.querySelector("textarea, .notice button, .main-action, button");
    if (target instanceof HTMLElement) target.focus();
  }

  // Showing

  /** Draws the item anew. The focus stays in the item when it was there. */
  #render() {
    const hadFocus = this.element.contains(document.activeElement);
    this.element.className = `item ${this.#mode}`;
    this.element.replaceChildren(...this.#content(), ...(this.#notice === null ? [] : [this.#notice]));
    if (hadFocus) this.focus();
  }

  #content() {
    if (this.#mode === "edited") return this.#editor();
    if (this.#mode === "deleted") return this.#remains();
    return [
      shown(this.key, "key"),
      this.value === "" ? el("span", { class: "value empty" }, "empty") : shown(this.value, "value"),
      this.#actions(),
    ];
  }

  #actions() {
    const { write, remove } = this.#around.access();
    const fixed = fixedBecause(this.#around.place.kind, this.key);
    if (fixed !== null && (write || remove)) return el("span", { class: "fixed" }, fixed);
    const name = spoken(this.key);
    return el(
      "span",
      { class: "actions" },
      write && isWritable(this.key, "")
        ? button({ label: `Edit ${name}`, icon: "edit", kind: "bare", press: () => this.#edit() })
        : undefined,
      remove ? button({ label: `Delete ${name}`, icon: "remove", kind: "bare", press: () => this.#askOrDelete() }) : undefined,
    );
  }

  #editor() {
    const field = this.#field;
    if (field === null) return [];
    return [
      shown(this.key, "key"),
      field.element,
      el(
        "div",
        { class: "actions" },
        button({ label: "Save", kind: "primary", press: () => void this.#save() }),
        button({ label: "Cancel", press: () => this.#settle("shown") }),
      ),
    ];
  }

  #remains() {
    const by = this.#byOthers ? " was deleted by somebody else." : " was deleted.";
    const canReturn = this.#around.access().write && isWritable(this.key, this.value);
    const undo = button({
      label: this.#byOthers ? "Put it back" : "Undo",
      icon: "undo",
      press: () => void this.#restore(null),
    });
    undo.classList.add("main-action");
    return [
      el("p", { class: "remains" }, shown(this.key, "key"), by),
      el("span", { class: "actions" }, canReturn ? undo : undefined),
    ];
  }

  // Doing

  #edit() {
    this.#notice = null;
    this.#field = new Field({
      label: `Value of ${spoken(this.key)}`,
      value: this.value,
      several: true,
      check: valueProblem,
      submit: () => void this.#save(),
      cancel: () => this.#settle("shown"),
    });
    this.#mode = "edited";
    this.#render();
    this.#field.focus();
  }

  /** @param {string | null} [expected] what is there now, when the person has seen and decided */
  async #save(expected = this.value) {
    const field = this.#field;
    if (field === null || !field.isValid()) return;
    if (field.value === field.initial && expected === this.value) return this.#settle("shown");
    const value = field.value;
    await this.#perform(
      "Saving…",
      { value, expected },
      {
        done: () => {
          this.value = value;
          this.#settle("shown");
          this.#around.changed();
          announce(`${spoken(this.key)} saved.`);
        },
        differs: (now) =>
          this.#conflict({
            now,
            mine: { label: now === null ? "Save it anyway" : "Overwrite with mine", press: () => void this.#save(now) },
            theirs: now === null ? "Leave it deleted" : "Keep theirs",
          }),
        again: () => void this.#save(expected),
        unknown: "saved",
      },
    );
  }

  #askOrDelete() {
    if (isWritable(this.key, this.value)) return void this.#delete();
    this.#show(
      notice({
        tone: "calm",
        title: "This cannot be undone",
        advice: "The key or the value is one that this API deletes but does not write.",
        actions: [
          button({ label: "Delete for good", kind: "danger", press: () => void this.#delete() }),
          button({ label: "Keep", press: () => this.#settle("shown") }),
        ],
      }),
    );
  }

  async #delete(expected = this.value) {
    await this.#perform(
      "Deleting…",
      { value: null, expected },
      {
        done: () => {
          this.value = expected;
          this.#byOthers = false;
          this.#settle("deleted");
          this.#around.changed();
          announce(`${spoken(this.key)} deleted.`);
        },
        differs: (now) =>
          this.#conflict({
            now,
            mine: { label: "Delete it anyway", press: () => void this.#delete(now ?? expected) },
            theirs: "Keep it",
          }),
        again: () => void this.#delete(expected),
        unknown: "deleted",
      },
    );
  }

  /** @param {string | null} expected */
  async #restore(expected) {
    await this.#perform(
      "Bringing it back…",
      { value: this.value, expected },
      {
        done: () => {
          this.#settle("shown");
          this.#around.changed();
          announce(`${spoken(this.key)} is back.`);
        },
        differs: (now) =>
          this.#conflict({
            now,
            mine: { label: "Overwrite with mine", press: () => void this.#restore(now) },
            theirs: "Keep theirs",
          }),
        again: () => void this.#restore(expected),
        unknown: "put back",
      },
    );
  }

  /**
   * @param {string} words what is under way
   * @param {{ value: string | null, expected: string | null }} wish
   * @param {{ done: () => void, differs: (now: string | null) => void, again: () => void, unknown: string }} then
   */
  async #perform(words, wish, then) {
    if (this.#isBusy) return;
    this.#isBusy = true;
    this.element.setAttribute("aria-busy", "true");
    this.element.dataset["busy"] = words;
    announce(words);
    const result = await change(this.#around.place, { key: this.key, ...wish });
    this.#isBusy = false;
    this.element.removeAttribute("aria-busy");
    delete this.element.dataset["busy"];
    if (result.outcome === "done") return then.done();
    if (result.outcome === "differs") return then.differs(result.now);
    this.#failed(result, then);
  }

  /**
   * @param {import("./change.js").Failed} result
   * @param {{ again: () => void, unknown: string }} then
   */
  #failed({ fault, isUnknown }, { again, unknown }) {
    const { title, advice } = explain(fault, this.#around.place.kind);
    this.#show(
      notice({
        title,
        // A repetition looks first what is there, so it is safe in either case.
        advice: isUnknown ? `Nobody knows whether it was ${unknown}: trying again finds out.` : advice,
        fault,
        // The editor has its own two buttons, and keeps what was typed.
        actions:
          this.#mode === "edited"
            ? []
            : [button({ label: "Try again", press: again }), button({ label: "Dismiss", press: () => this.#settle(this.#mode) })],
      }),
    );
    this.#around.refused(fault);
  }

  /**
   * Somebody else has changed the item since it was shown.
   * @param {{ now: string | null, mine: { label: string, press: () => void }, theirs: string }} conflict
   */
  #conflict({ now, mine, theirs }) {
    const keep = () => {
      if (now !== null) this.value = now;
      this.#byOthers = true;
      this.#settle(now === null ? "deleted" : "shown");
      this.#around.changed();
    };
    const thing = noun(this.#around.place.kind);
    const box = notice({
      title: now === null ? "Somebody deleted it meanwhile" : "Somebody changed it meanwhile",
      advice: now === null ? `It is not on this ${thing} any more.` : "Its value is now:",
      actions: [button({ ...mine, kind: "primary" }), button({ label: theirs, press: keep })],
    });
    if (now !== null)
      box.querySelector("p:nth-of-type(2)")?.after(now === "" ? el("p", { class: "empty" }, "empty") : shown(now, "theirs"));
    this.#show(box);
  }

  /** @param {HTMLElement} box */
  #show(box) {
    this.#notice = box;
    this.#render();
  }

  /** @param {"shown" | "deleted" | "edited"} mode */
  #settle(mode) {
    this.#mode = mode;
    this.#notice = null;
    this.#field = null;
    this.#render();
  }
}
