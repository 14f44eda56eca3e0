// One text to write: its label, what is wrong with it, and how long it is when that begins to matter.

import { el, uniqueId } from "./dom.js";
import { LONGEST } from "./rules.js";
import { lengthOf } from "./text.js";

/** From here on the length is shown. */
const COUNT_FROM = 200;

/**
 * @typedef {object} FieldOptions
 * @property {string} label
 * @property {string} [value]
 * @property {boolean} [several] whether it may have several lines: Shift and Enter break one
 * @property {(value: string) => string | null} check what is wrong, in words
 * @property {() => void} submit on Enter
 * @property {() => void} cancel on Escape
 */

export class Field {
  #check;
  #input;
  #problem = el("p", { class: "problem", id: uniqueId("problem"), role: "alert" });
  #length = el("span", { class: "length", "aria-hidden": "true" });

  /** @param {FieldOptions} options */
  constructor({ label, value = "", several = false, check, submit, cancel }) {
    this.#check = check;
    const attributes = {
      id: uniqueId("field"),
      class: "input",
      autocomplete: "off",
      autocapitalize: "off",
      spellcheck: "false",
      "aria-describedby": this.#problem.id,
      dir: "auto",
    };
    this.#input = several ? el("textarea", { ...attributes, rows: "1" }) : el("input", { ...attributes, type: "text" });
    this.#input.value = value;
    /** What the browser makes of line breaks is no change by the person. */
    this.initial = this.#input.value;
    this.#input.addEventListener("input", () => this.#typed());
    this.#input.addEventListener("keydown", (event) => {
      const { key, shiftKey, isComposing } = /** @type {KeyboardEvent} */ (event);
      if (isComposing) return;
      if (key === "Enter" && !(several && shiftKey)) {
        event.preventDefault();
        submit();
      } else if (key === "Escape") {
        event.preventDefault();
        cancel();
      }
    });
    this.element = el(
      "div",
      { class: "field" },
      el("label", { for: this.#input.id }, label),
      this.#input,
      el("div", { class: "field-foot" }, this.#problem, this.#length),
    );
    this.#count();
  }

  get value() {
    return this.#input.value;
  }

  focus() {
    this.#input.focus();
    this.#input.setSelectionRange(this.#input.value.length, this.#input.value.length);
  }

  /** Whether the text may be sent; says what is wrong when not, and goes there. */
  isValid() {
    const problem = this.#check(this.value);
    this.say(problem);
    if (problem !== null) this.#input.focus();
    return problem === null;
  }

  /** @param {string | null} problem */
  say(problem) {
    this.#problem.textContent = problem ?? "";
    if (problem === null) this.#input.removeAttribute("aria-invalid");
    else this.#input.setAttribute("aria-invalid", "true");
  }

  /** While a person mends a mistake it is told when it is mended; nobody is told of one while first typing. */
  #typed() {
    if (this.#input.hasAttribute("aria-invalid")) this.say(this.#check(this.value));
    this.#count();
  }

  #count() {
    const length = lengthOf(this.value);
    this.#length.textContent = length > COUNT_FROM ? `${length} / ${LONGEST}` : "";
  }
}
