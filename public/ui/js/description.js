// The API's description as a page with a form to try each request, drawn by RapiDoc.

import { el } from "./dom.js";

const main = document.getElementById("main");
const base = new URL(document.querySelector("meta[name=api-base]")?.getAttribute("content") ?? "../", location.href);
const dark = matchMedia("(prefers-color-scheme: dark)");

/** What RapiDoc draws with, from the page's own colours. */
function colours() {
  const style = getComputedStyle(document.documentElement);
  const colour = (/** @type {string} */ name) => style.getPropertyValue(name).trim();
  return {
    theme: dark.matches ? "dark" : "light",
    "bg-color": colour("--surface"),
    "text-color": colour("--ink"),
    "primary-color": colour("--accent"),
    "nav-bg-color": colour("--canvas"),
    "nav-text-color": colour("--soft"),
    "nav-hover-bg-color": colour("--sunken"),
    "nav-hover-text-color": colour("--ink"),
    "nav-accent-color": colour("--accent"),
  };
}

/** @typedef {HTMLElement & { loadSpec(description: object): void }} RapiDoc */

async function show() {
  const response = await fetch(new URL("openapi.json", base), { credentials: "omit" });
  if (!response.ok) throw new Error(`the description answered ${response.status}`);
  const description = await response.json();
  for (const item of Object.values(description.paths)) {
    // As GET without a body, and the methods of a path: nothing to try out.
    delete item.head;
    delete item.options;
    resolveServers(item);
  }
  resolveServers(description);
  // RapiDoc begins this line left of a narrow screen.
  delete description.info.license;
  await customElements.whenDefined("rapi-doc");
  const view = /** @type {RapiDoc} */ (document.createElement("rapi-doc"));
  const attributes = {
    ...colours(),
    "render-style": "focused",
    "schema-style": "table",
    "show-header": "false",
    "load-fonts": "false",
    "regular-font": getComputedStyle(document.body).fontFamily,
    "mono-font": "ui-monospace, Menlo, Consolas, monospace",
    "font-size": "large",
    "allow-spec-url-load": "false",
    "allow-spec-file-load": "false",
    "allow-spec-file-download": "false",
    "allow-server-selection": "true",
    "persist-auth": "false",
    "fetch-credentials": "omit",
    "show-method-in-nav-bar": "as-colored-text",
    "sort-endpoints-by": "none",
    "nav-item-spacing": "relaxed",
    "on-nav-tag-click": "expand-collapse",
    "schema-description-expanded": "true",
  };
  for (const [name, value] of Object.entries(attributes)) view.setAttribute(name, value);
  dark.addEventListener("change", () => {
    for (const [name, value] of Object.entries(colours())) view.setAttribute(name, value);
  });
  main?.replaceChildren(view);
  view.loadSpec(description);
}

/**
 * Servers are relative to the description, and RapiDoc reads them relative to the page.
 * @param {{ servers?: { url: string }[] }} part
 */
function resolveServers(part) {
  for (const server of part.servers ?? []) {
    const url = new URL(server.url, base).href.replace(/\/$/, "");
    server.url = url.replaceAll("%7B", "{").replaceAll("%7D", "}");
  }
}

await show().catch((error) => {
  main?.replaceChildren(
    el(
      "p",
      { class: "choose", role: "alert" },
      `The description could not be shown: ${error instanceof Error ? error.message : error}`,
    ),
  );
});
