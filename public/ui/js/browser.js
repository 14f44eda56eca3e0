// What a signed-in person sees: the lists, and what is opened from them.

import { Rights } from "./access.js";
import { Detail } from "./detail.js";
import { el } from "./dom.js";
import { List } from "./list.js";
import { address, parse } from "./route.js";
import { titleOf } from "./words.js";

/**
 * @typedef {import("./resources.js").Kind} Kind
 * @typedef {import("./resources.js").Resource} Resource
 *
 * @typedef {object} BrowserOptions
 * @property {import("./resources.js").Resources} resources
 * @property {(fault: import("./fault.js").Fault) => boolean} ended whether the fault ends the session
 */

/** @type {Kind[]} */
const KINDS = ["servers", "images"];
const TITLES = { servers: "Servers", images: "Images" };

export class Browser {
  #options;
  #rights = new Rights();
  #lists;
  #tabs;
  /** The page's heading while nothing is open, which has its own. */
  #heading = el("h1", { class: "visually-hidden" });
  #side = el("div", { class: "side" });
  #pane = el("div", { class: "pane" });
  /** @type {{ kind: Kind, id: string } | null} */
  #open = null;

  /** @param {BrowserOptions} options */
  constructor(options) {
    this.#options = options;
    const { resources, ended } = options;
    this.#lists = {
      servers: new List({ resources, ended, kind: "servers" }),
      images: new List({ resources, ended, kind: "images" }),
    };
    this.#tabs = {
      servers: tab("servers"),
      images: tab("images"),
    };
    const tabs = el("nav", { class: "tabs", "aria-label": "Lists" }, ...KINDS.map((kind) => this.#tabs[kind].element));
    this.element = el(
      "div",
      { class: "browser" },
      el("div", { class: "side-column" }, this.#heading, tabs, this.#side),
      this.#pane,
    );
  }

  /** Reads both lists. */
  async start() {
    this.go();
    await Promise.all(
      KINDS.map(async (kind) => {
        await this.#lists[kind].load();
        this.#tabs[kind].count(this.#lists[kind].count);
      }),
    );
  }

  /** Shows what the address names. @param {boolean} [byPerson] whether the focus shall go there */
  go(byPerson = false) {
    const { kind, id } = parse(location.hash);
    for (const each of KINDS) this.#tabs[each].select(each === kind);
    this.#side.replaceChildren(this.#lists[kind].element);
    this.#lists[kind].open(id);
    this.element.classList.toggle("has-open", id !== null);
    this.#heading.textContent = TITLES[kind];
    this.#heading.hidden = id !== null;
    if (id === null) this.#close(kind, byPerson);
    else if (this.#open?.kind !== kind || this.#open.id !== id) this.#show(kind, id, byPerson);
  }

  /**
   * @param {Kind} kind
   * @param {string} id
   * @param {boolean} byPerson
   */
  #show(kind, id, byPerson) {
    this.#open = { kind, id };
    const { resources, ended } = this.#options;
    const detail = new Detail({
      place: { resources, kind, id },
      rights: this.#rights,
      ended,
      seen: (resource, items) => {
        this.#lists[kind].update(resource, items);
        if (this.#open?.kind === kind && this.#open.id === id) document.title = `${titleOf(resource)} · edge-metadata`;
      },
    });
    this.#pane.replaceChildren(detail.element);
    this.#pane.scrollTo(0, 0);
    if (byPerson) detail.focus();
    void detail.open();
  }

  /**
   * @param {Kind} kind
   * @param {boolean} byPerson
   */
  #close(kind, byPerson) {
    const opened = this.#open;
    this.#open = null;
    document.title = `${TITLES[kind]} · edge-metadata`;
    this.#pane.replaceChildren(
      el(
        "p",
        { class: "choose" },
        kind === "servers" ? "Choose a server to see its metadata." : "Choose an image to see its metadata.",
      ),
    );
    if (!byPerson) return;
    // Back to where the person came from.
    const from = opened?.kind === kind ? address(opened) : null;
    const links = [...this.#side.querySelectorAll("a")];
    (links.find((link) => link.getAttribute("href") === from) ?? this.#tabs[kind].element).focus();
  }
}

/** @param {Kind} kind */
function tab(kind) {
  const count = el("span", { class: "count" });
  const element = el("a", { class: "tab", href: address({ kind, id: null }) }, `${TITLES[kind]} `, count);
  return {
    element,
    /** @param {string} text */
    count(text) {
      count.textContent = text;
    },
    /** @param {boolean} isSelected */
    select(isSelected) {
      if (isSelected) element.setAttribute("aria-current", "page");
      else element.removeAttribute("aria-current");
    },
  };
}
