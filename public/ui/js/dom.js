// Making elements. Text only ever becomes text nodes: nothing in the page parses HTML.

/** @typedef {string | true | false | undefined | ((event: any) => void)} Attribute */

/**
 * Makes an element. An attribute that is a function listens to the event of that name; one that is
 * `undefined` or `false` is left out.
 *
 * @template {keyof HTMLElementTagNameMap} Name
 * @param {Name} name
 * @param {Record<string, Attribute>} [attributes]
 * @param {...(Node | string | undefined)} children
 * @returns {HTMLElementTagNameMap[Name]}
 */
export function el(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [attribute, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(attribute, value);
    else if (value === true) element.setAttribute(attribute, "");
    else if (typeof value === "string") element.setAttribute(attribute, value);
  }
  element.append(...children.filter((child) => child !== undefined));
  return element;
}

/** Lines of icons on a grid of 16 by 16. */
const ICONS = {
  add: "M8 3v10M3 8h10",
  back: "M10 3 5 8l5 5",
  check: "M3 8.5 6.5 12 13 4.5",
  copy: "M6 6h7v7H6zM3 10V3h7",
  edit: "M3 13l.7-3L11 2.7 13.3 5 6 12.3zM9.5 4.2l2.3 2.3",
  lock: "M4 7.5h8V13H4zM5.5 7.5V5a2.5 2.5 0 0 1 5 0v2.5",
  refresh: "M13 8a5 5 0 1 1-1.5-3.6M13 2v3h-3",
  remove: "M3 4.5h10M6.5 4.5V3h3v1.5M4.5 4.5 5 13h6l.5-8.5M7 7v3.5M9 7v3.5",
  undo: "M6 3 3 6l3 3M3 6h6a4 4 0 0 1 0 8H6.5",
};

/**
 * A decorative icon, hidden from assistive technology: the name belongs on the control around it.
 * @param {keyof typeof ICONS} name
 */
export function icon(name) {
  const namespace = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(namespace, "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(namespace, "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

/**
 * A button. `label` is its accessible name and its tooltip where it shows only an icon.
 * @param {{ label: string, icon?: keyof typeof ICONS, kind?: "primary" | "danger" | "quiet" | "bare", press: () => void }} options
 */
export function button({ label, icon: name, kind = "quiet", press }) {
  const bare = kind === "bare";
  return el(
    "button",
    { type: "button", class: `button ${kind}`, "aria-label": bare && label, title: bare && label, click: press },
    name === undefined ? undefined : icon(name),
    bare ? undefined : el("span", {}, label),
  );
}

let identifiers = 0;

/** An id for an element that another one refers to. @param {string} prefix */
export function uniqueId(prefix) {
  identifiers += 1;
  return `${prefix}-${identifiers}`;
}
