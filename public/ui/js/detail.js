// One server or image, opened.

import { NOTHING, accessAfter, remark } from "./access.js";
import { announce } from "./announce.js";
import { button, el, icon } from "./dom.js";
import { facts, status } from "./facts.js";
import { Fault } from "./fault.js";
import { Items } from "./items.js";
import { notice } from "./notice.js";
import { address } from "./route.js";
import { shown } from "./text.js";
import { explain, noun, readable, titleOf } from "./words.js";

/**
 * @typedef {import("./resources.js").Resource} Resource
 *
 * @typedef {object} DetailOptions
 * @property {import("./change.js").Place} place
 * @property {import("./access.js").Rights} rights
 * @property {(resource: Resource, items: number) => void} seen what the lists show may be older
 * @property {(fault: Fault) => boolean} ended whether the fault ends the session
 */

export class Detail {
  #options;
  #head = el("header", { class: "detail-head" });
  #remark = el("div");
  /** Apart from the items, which keep their focus when the facts are drawn anew. */
  #facts = el("div");
  #metadata = el("div");
  /** @type {Items | null} */
  #items = null;
  /** @type {Resource | null} */
  #resource = null;
  #access = NOTHING;
  /** Counts the readings: what an older one finds is not shown. */
  #reading = 0;

  /** @param {DetailOptions} options */
  constructor(options) {
    this.#options = options;
    const { kind } = options.place;
    const back = el("a", { class: "back", href: address({ kind, id: null }) }, icon("back"), `All ${kind}`);
    this.element = el("article", { class: "detail" }, back, this.#head, this.#facts, this.#remark, this.#metadata);
    this.#head.append(el("h1", { tabindex: "-1" }, `Opening the ${noun(kind)}…`));
  }

  /** The heading, which is where the focus goes when something is opened. */
  focus() {
    this.#head.querySelector("h1")?.focus({ preventScroll: true });
  }

  /** Reads everything anew. */
  async open() {
    const reading = this.#begin();
    this.#access = NOTHING;
    try {
      const resource = await this.#read();
      if (reading !== this.#reading) return;
      this.#items = new Items(
        {
          place: this.#options.place,
          access: () => this.#access,
          refused: (fault) => void this.#refused(fault),
          counted: (count) => this.#counted(count),
        },
        resource.metadata,
      );
      this.#showFacts(resource);
      this.#metadata.replaceChildren(this.#items.element);
      this.#counted(Object.keys(resource.metadata).length);
      await this.#learnAccess(reading, resource);
    } catch (error) {
      if (reading === this.#reading) this.#failed(error);
    } finally {
      if (reading === this.#reading) this.element.removeAttribute("aria-busy");
    }
  }

  /**
   * After a refusal: reads the state anew, and leaves the items, what is typed and what is said as they are.
   * @param {Fault} fault
   */
  async #refused(fault) {
    if (this.#options.ended(fault) || fault.leavesOutcomeUnknown || fault.status === 413) return;
    const reading = this.#begin();
    try {
      const resource = await this.#read();
      if (reading !== this.#reading) return;
      this.#showFacts(resource);
      await this.#learnAccess(reading, resource);
    } catch (error) {
      if (reading === this.#reading && error instanceof Fault && error.status === 404) this.#failed(error);
    } finally {
      if (reading === this.#reading) this.element.removeAttribute("aria-busy");
    }
  }

  #begin() {
    this.element.setAttribute("aria-busy", "true");
    this.#reading += 1;
    return this.#reading;
  }

  #read() {
    const { resources, kind, id } = this.#options.place;
    return resources.show(kind, id);
  }

  /**
   * @param {number} reading
   * @param {Resource} resource
   */
  async #learnAccess(reading, resource) {
    const { resources, kind, id } = this.#options.place;
    const refusal = await this.#options.rights.refusal(resources, kind, id);
    if (reading !== this.#reading) return;
    if (refusal !== null && this.#options.ended(refusal)) return;
    this.#access = accessAfter(refusal);
    const words = remark(resource, refusal);
    const isKnown = refusal === null || refusal.status === 403 || refusal.status === 409;
    this.#remark.replaceChildren(
      ...(words === null
        ? []
        : [notice({ tone: "calm", ...words, ...(isKnown ? {} : { fault: refusal, actions: [this.#again()] }) })]),
    );
    this.#items?.accessChanged();
  }

  /** @param {Resource} resource */
  #showFacts(resource) {
    const hadFocus = this.#head.contains(document.activeElement);
    this.#resource = resource;
    const heading = el("h1", { tabindex: "-1" }, shown(titleOf(resource)));
    this.#head.replaceChildren(
      el("div", { class: "title" }, heading, status(resource)),
      button({ label: "Refresh", icon: "refresh", kind: "bare", press: () => void this.#refresh() }),
    );
    this.#facts.replaceChildren(facts(resource));
    if (hadFocus) this.focus();
  }

  async #refresh() {
    await this.open();
    if (this.#resource !== null) announce(`${titleOf(this.#resource)}: ${readable(this.#resource.status)}.`);
  }

  /** @param {number} count */
  #counted(count) {
    if (this.#resource === null) return;
    this.#options.seen(this.#resource, count);
    // There were too many items to write any, and one is gone.
    if (this.#access.remove && !this.#access.write) void this.#learnAccess(this.#reading, this.#resource);
  }

  /** @param {unknown} error */
  #failed(error) {
    if (!(error instanceof Fault)) throw error;
    if (this.#options.ended(error)) return;
    const { kind, id } = this.#options.place;
    this.#items = null;
    this.#resource = null;
    this.#head.replaceChildren(el("h1", { tabindex: "-1" }, shown(id)));
    this.#remark.replaceChildren();
    this.#facts.replaceChildren();
    this.#metadata.replaceChildren(notice({ ...explain(error, kind), fault: error, actions: [this.#again()] }));
  }

  #again() {
    return button({ label: "Look again", icon: "refresh", press: () => void this.open() });
  }
}
