// All items of one server or image, in the order of their keys.

import { AddForm } from "./add.js";
import { button, el, uniqueId } from "./dom.js";
import { ItemRow } from "./item.js";

/** @typedef {Omit<import("./item.js").Surroundings, "changed"> & { counted: (items: number) => void }} ItemsOptions */

export class Items {
  #options;
  /** @type {Map<string, ItemRow>} */
  #rows = new Map();
  #list = el("ul", { class: "items", role: "list" });
  #count = el("span", { class: "count" });
  #form = el("div");
  #none = el("p", { class: "none" }, "No items yet.");
  #add = button({ label: "Add item", icon: "add", press: () => this.#openForm() });

  /**
   * @param {ItemsOptions} options
   * @param {import("./resources.js").Items} metadata
   */
  constructor(options, metadata) {
    this.#options = options;
    const heading = el("h2", { id: uniqueId("items") }, "Metadata ", this.#count);
    this.element = el(
      "section",
      { class: "metadata", "aria-labelledby": heading.id },
      el("div", { class: "section-head" }, heading, this.#add),
      this.#form,
      this.#list,
      this.#none,
    );
    for (const key of Object.keys(metadata).sort()) this.#append(key, metadata[key] ?? "");
    this.#changed();
    this.accessChanged();
  }

  /** What the token may do has changed, or is known now. */
  accessChanged() {
    this.#add.hidden = !this.#options.access().write || this.#form.hasChildNodes();
    for (const row of this.#rows.values()) row.accessChanged();
  }

  /**
   * @param {string} key
   * @param {string} value
   */
  #append(key, value) {
    const surroundings = { ...this.#options, changed: () => this.#changed() };
    const row = new ItemRow(surroundings, key, value);
    this.#rows.set(key, row);
    const after = [...this.#rows.keys()].filter((other) => other > key).sort()[0];
    this.#list.insertBefore(row.element, after === undefined ? null : (this.#rows.get(after)?.element ?? null));
    return row;
  }

  #changed() {
    const count = [...this.#rows.values()].filter((row) => row.exists).length;
    this.#count.replaceChildren(String(count), el("span", { class: "visually-hidden" }, count === 1 ? " item" : " items"));
    this.#none.hidden = this.#rows.size > 0;
    this.#options.counted(count);
  }

  #openForm() {
    const form = new AddForm({
      place: this.#options.place,
      has: (key) => this.#rows.get(key)?.exists === true,
      added: (key, value) => this.#added(key, value),
      cancelled: () => {
        this.#closeForm();
        this.#add.focus();
      },
      refused: this.#options.refused,
    });
    this.#form.replaceChildren(form.element);
    this.#add.hidden = true;
    form.focus();
  }

  #closeForm() {
    this.#form.replaceChildren();
    this.accessChanged();
  }

  /**
   * @param {string} key
   * @param {string} value
   */
  #added(key, value) {
    const known = this.#rows.get(key);
    if (known === undefined) this.#append(key, value).element.classList.add("fresh");
    else known.written(value);
    this.#changed();
    this.#closeForm();
    // Whoever adds one item often adds the next.
    this.#add.focus();
  }
}
