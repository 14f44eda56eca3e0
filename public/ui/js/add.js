// The form that adds an item.

import { announce } from "./announce.js";
import { change } from "./change.js";
import { button, el, uniqueId } from "./dom.js";
import { Field } from "./field.js";
import { notice } from "./notice.js";
import { keyProblem, valueProblem } from "./rules.js";
import { shown, spoken } from "./text.js";
import { explain } from "./words.js";

/**
 * @typedef {object} AddOptions
 * @property {import("./change.js").Place} place
 * @property {(key: string) => boolean} has whether there is an item with this key already
 * @property {(key: string, value: string) => void} added
 * @property {() => void} cancelled
 * @property {(fault: import("./fault.js").Fault) => void} refused
 */

export class AddForm {
  #options;
  #key;
  #value;
  #below = el("div");
  #isBusy = false;

  /** @param {AddOptions} options */
  constructor(options) {
    this.#options = options;
    const submit = () => void this.#submit();
    const cancel = () => options.cancelled();
    this.#key = new Field({ label: "Key", check: (key) => this.#keyProblem(key), submit, cancel });
    this.#value = new Field({ label: "Value", several: true, check: valueProblem, submit, cancel });
    const heading = el("h3", { id: uniqueId("add"), class: "visually-hidden" }, "New item");
    this.element = el(
      "div",
      { class: "item edited adding", role: "group", "aria-labelledby": heading.id },
      heading,
      this.#key.element,
      this.#value.element,
      el(
        "div",
        { class: "actions" },
        button({ label: "Add", kind: "primary", press: submit }),
        button({ label: "Cancel", press: cancel }),
      ),
      this.#below,
    );
  }

  focus() {
    this.#key.focus();
  }

  /** @param {string} key */
  #keyProblem(key) {
    const problem = keyProblem(this.#options.place.kind, key);
    return problem ?? (this.#options.has(key) ? "There is an item with this key already." : null);
  }

  /** @param {string | null} [expected] what is there now, when the person has seen and decided */
  async #submit(expected = null) {
    if (this.#isBusy || !this.#key.isValid() || !this.#value.isValid()) return;
    const [key, value] = [this.#key.value, this.#value.value];
    this.#below.replaceChildren();
    this.#busy("Adding…");
    const result = await change(this.#options.place, { key, value, expected });
    this.#busy(null);
    if (result.outcome === "done") {
      announce(`${spoken(key)} added.`);
      this.#options.added(key, value);
    } else if (result.outcome === "differs") {
      this.#conflict(key, result.now);
    } else {
      const { title, advice } = explain(result.fault, this.#options.place.kind);
      const unknown = "Nobody knows whether it was added: adding it again finds out.";
      this.#below.replaceChildren(notice({ title, advice: result.isUnknown ? unknown : advice, fault: result.fault }));
      this.#options.refused(result.fault);
    }
  }

  /**
   * @param {string} key
   * @param {string | null} now
   */
  #conflict(key, now) {
    const theirs = now ?? "";
    const box = notice({
      title: "Somebody added this key meanwhile",
      advice: "Its value is now:",
      actions: [
        button({ label: "Overwrite with mine", kind: "primary", press: () => void this.#submit(now) }),
        button({ label: "Keep theirs", press: () => this.#options.added(key, theirs) }),
      ],
    });
    box.querySelector("p:nth-of-type(2)")?.after(theirs === "" ? el("p", { class: "empty" }, "empty") : shown(theirs, "theirs"));
    this.#below.replaceChildren(box);
    box.querySelector("button")?.focus();
  }

  /** @param {string | null} words */
  #busy(words) {
    this.#isBusy = words !== null;
    if (words === null) {
      this.element.removeAttribute("aria-busy");
      delete this.element.dataset["busy"];
      return;
    }
    this.element.setAttribute("aria-busy", "true");
    this.element.dataset["busy"] = words;
    announce(words);
  }
}
