// The list of the project's servers, or of the images it may see.

import { button, el } from "./dom.js";
import { lockSign, status } from "./facts.js";
import { Fault } from "./fault.js";
import { notice } from "./notice.js";
import { address } from "./route.js";
import { counted, shown } from "./text.js";
import { explain, readable, titleOf } from "./words.js";

/**
 * @typedef {import("./resources.js").Kind} Kind
 * @typedef {import("./resources.js").Resource} Resource
 * @typedef {{ resource: Resource, items: number }} Entry
 *
 * @typedef {object} ListOptions
 * @property {import("./resources.js").Resources} resources
 * @property {Kind} kind
 * @property {(fault: Fault) => boolean} ended whether the fault ends the session
 */

/** From so many entries on it is worth looking for one by name. */
const SEARCHED_FROM = 8;

export class List {
  #options;
  /** @type {Entry[]} in the service's order: newest first */
  #entries = [];
  /** @type {string | null} */
  #next = null;
  /** @type {string | null} */
  #open = null;
  #isLoaded = false;
  #isBusy = false;
  #list = el("ul", { class: "entries", role: "list" });
  #below = el("div", { class: "list-foot", "aria-live": "polite" });
  #search = el("input", {
    class: "input search",
    type: "search",
    autocomplete: "off",
    spellcheck: "false",
    input: () => this.#render(),
  });

  /** @param {ListOptions} options */
  constructor(options) {
    this.#options = options;
    const { kind } = options;
    this.#search.setAttribute("placeholder", `Find by name or id`);
    this.#search.setAttribute("aria-label", `Find ${kind} by name or id`);
    this.element = el(
      "section",
      { class: "list", "aria-label": kind === "servers" ? "Servers" : "Images" },
      this.#search,
      this.#list,
      this.#below,
    );
  }

  /** How many there are, as far as is known: `100+` when there may be more. */
  get count() {
    if (!this.#isLoaded) return "";
    return `${this.#entries.length}${this.#next === null ? "" : "+"}`;
  }

  /** Reads the list from its beginning. */
  async load() {
    await this.#more("");
  }

  /** Marks the entry that is open. @param {string | null} id */
  open(id) {
    this.#open = id;
    this.#render();
  }

  /**
   * Takes over what was learned of a resource since the list was read.
   * @param {Resource} resource
   * @param {number} items
   */
  update(resource, items) {
    const entry = this.#entries.find((entry) => entry.resource.id === resource.id);
    if (entry === undefined) return;
    Object.assign(entry, { resource, items });
    this.#render();
  }

  /** @param {string} query */
  async #more(query) {
    if (this.#isBusy) return;
    this.#isBusy = true;
    this.element.setAttribute("aria-busy", "true");
    this.#below.replaceChildren(el("p", { class: "waiting" }, "Loading…"));
    /** @type {Fault | null} */
    let fault = null;
    try {
      const page = await this.#options.resources.list(this.#options.kind, query);
      const entries = page.resources.map((resource) => ({ resource, items: Object.keys(resource.metadata).length }));
      const known = new Set(entries.map(({ resource }) => resource.id));
      this.#entries = query === "" ? entries : [...this.#entries.filter(({ resource }) => !known.has(resource.id)), ...entries];
      this.#next = page.next;
      this.#isLoaded = true;
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      fault = error;
    }
    this.#isBusy = false;
    this.element.removeAttribute("aria-busy");
    if (fault !== null && this.#options.ended(fault)) return;
    this.#render(fault, query);
  }

  /**
   * @param {Fault | null} [fault]
   * @param {string} [query] of the page that could not be read
   */
  #render(fault = null, query = "") {
    if (this.#isBusy) return;
    const focused = this.#list.contains(document.activeElement) ? document.activeElement?.getAttribute("href") : null;
    this.#search.hidden = this.#entries.length < SEARCHED_FROM;
    const found = this.#found();
    this.#list.replaceChildren(...found.map((entry) => this.#entry(entry)));
    if (typeof focused === "string") this.#focus(focused);
    this.#below.replaceChildren(...this.#foot(found.length, fault, query));
  }

  #found() {
    const words = this.#search.hidden ? "" : this.#search.value.trim().toLowerCase();
    return this.#entries.filter(({ resource: { name, id } }) => `${name}\n${id}`.toLowerCase().includes(words));
  }

  /** @param {Entry} entry */
  #entry({ resource, items }) {
    const { kind, id, locked, taskState } = resource;
    return el(
      "li",
      {},
      el(
        "a",
        { class: "entry", href: address({ kind, id }), "aria-current": id === this.#open && "page" },
        el("span", { class: "entry-name" }, shown(titleOf(resource))),
        el("span", { class: "entry-count" }, counted(items, "item")),
        el(
          "span",
          { class: "entry-state" },
          status(resource),
          locked ? lockSign() : undefined,
          taskState === null ? undefined : el("span", { class: "sign" }, shown(readable(taskState))),
        ),
      ),
    );
  }

  /**
   * @param {number} found
   * @param {Fault | null} fault
   * @param {string} query
   */
  #foot(found, fault, query) {
    const { kind } = this.#options;
    if (fault !== null) {
      const again = button({ label: "Try again", press: () => void this.#more(query) });
      return [notice({ ...explainList(fault, kind), fault, actions: [again] })];
    }
    if (!this.#isLoaded) return [];
    const next = this.#next;
    const more = next === null ? [] : [button({ label: "Show more", press: () => void this.#more(next) })];
    if (this.#entries.length === 0 && next === null) return [el("p", { class: "none" }, `This project has no ${kind} here.`)];
    if (found === 0)
      return [
        el("p", { class: "none" }, next === null ? "Nothing has that name or id." : "Nothing so far has that name or id."),
        ...more,
      ];
    return more;
  }

  /** @param {string} href */
  #focus(href) {
    for (const link of this.#list.querySelectorAll("a")) if (link.getAttribute("href") === href) link.focus();
  }
}

/**
 * @param {Fault} fault
 * @param {Kind} kind
 */
function explainList(fault, kind) {
  if (fault.status === 403)
    return { title: `This token may not look at ${kind}`, advice: "It needs a role in a project: reader, member or admin." };
  return explain(fault, kind);
}
