// Servers and images, as the API has them.

import { Fault } from "./fault.js";

/**
 * @typedef {"servers" | "images"} Kind
 * @typedef {Record<string, string>} Items
 *
 * @typedef {object} Resource what the page shows of one server or image
 * @property {Kind} kind
 * @property {string} id
 * @property {string} name
 * @property {string} status such as `ACTIVE`
 * @property {string | null} vmState servers only
 * @property {string | null} taskState servers only: the task that runs
 * @property {number | null} powerState servers only
 * @property {boolean} locked servers only
 * @property {string | null} project servers only
 * @property {string} created
 * @property {string} updated
 * @property {Items} metadata
 *
 * @typedef {{ resources: Resource[], next: string | null }} Page `next` is the query of the next page
 */

export class Resources {
  #api;

  /** @param {import("./api.js").Api} api */
  constructor(api) {
    this.#api = api;
  }

  /**
   * One page of a list.
   * @param {Kind} kind
   * @param {string} [query] of the page before, see `Page`
   * @returns {Promise<Page>}
   */
  async list(kind, query = "") {
    const document = object(await this.#api.request("GET", `v2.1/${kind}/detail${query}`));
    return { resources: array(document[kind]).map((entry) => resource(kind, entry)), next: nextQuery(document[`${kind}_links`]) };
  }

  /**
   * @param {Kind} kind
   * @param {string} id
   * @returns {Promise<Resource>}
   */
  async show(kind, id) {
    const document = object(await this.#api.request("GET", pathOf(kind, id)));
    const found = resource(kind, document[kind === "servers" ? "server" : "image"]);
    // An address may name something else than a server or an image, such as their list.
    if (found.id !== id)
      throw new Fault({ status: 404, name: "", message: "The service knows nothing by this id.", requestId: null });
    return found;
  }

  /**
   * Asks whether the service would take a change, by merging no items at all: nothing else tells what the
   * token's role is, whether a lock holds its user, or whether an image is its project's own.
   *
   * @param {Kind} kind
   * @param {string} id
   * @returns {Promise<Fault | null>} why not
   */
  async refusal(kind, id) {
    try {
      await this.#api.request("POST", `${pathOf(kind, id)}/metadata`, { metadata: {} });
      return null;
    } catch (error) {
      if (error instanceof Fault) return error;
      throw error;
    }
  }

  /**
   * One item's value as it is now, `null` when there is no such item.
   * @param {Kind} kind
   * @param {string} id
   * @param {string} key
   * @returns {Promise<string | null>}
   */
  async value(kind, id, key) {
    const all = object(object(await this.#api.request("GET", `${pathOf(kind, id)}/metadata`))["metadata"]);
    const value = Object.hasOwn(all, key) ? all[key] : null;
    return typeof value === "string" ? value : null;
  }

  /**
   * @param {Kind} kind
   * @param {string} id
   * @param {string} key
   * @param {string} value
   */
  async put(kind, id, key, value) {
    await this.#api.request("PUT", itemPath(kind, id, key), { meta: { [key]: value } });
  }

  /**
   * @param {Kind} kind
   * @param {string} id
   * @param {string} key
   */
  async remove(kind, id, key) {
    await this.#api.request("DELETE", itemPath(kind, id, key));
  }
}

/**
 * @param {Kind} kind
 * @param {string} id
 */
function pathOf(kind, id) {
  return `v2.1/${kind}/${encodeURIComponent(id)}`;
}

/**
 * @param {Kind} kind
 * @param {string} id
 * @param {string} key
 */
function itemPath(kind, id, key) {
  return `${pathOf(kind, id)}/metadata/${encodeURIComponent(key)}`;
}

/** Only the query of the link is used, so that no answer can send the token elsewhere. @param {unknown} links */
function nextQuery(links) {
  const next = array(links)
    .map(object)
    .find((link) => link["rel"] === "next");
  const href = next?.["href"];
  return typeof href === "string" && URL.canParse(href) ? new URL(href).search : null;
}

/**
 * @param {Kind} kind
 * @param {unknown} document
 * @returns {Resource}
 */
function resource(kind, document) {
  const fields = object(document);
  const power = fields["OS-EXT-STS:power_state"];
  return {
    kind,
    id: text(fields["id"]) ?? "",
    name: text(fields["name"]) ?? "",
    status: text(fields["status"]) ?? "UNKNOWN",
    vmState: text(fields["OS-EXT-STS:vm_state"]),
    taskState: text(fields["OS-EXT-STS:task_state"]),
    powerState: typeof power === "number" ? power : null,
    locked: fields["locked"] === true,
    project: text(fields["tenant_id"]),
    created: text(fields["created"]) ?? "",
    updated: text(fields["updated"]) ?? "",
    metadata: items(fields["metadata"]),
  };
}

/**
 * Without a prototype: `__proto__` is a key like any other.
 * @param {unknown} value
 * @returns {Items}
 */
function items(value) {
  /** @type {Items} */
  const found = Object.create(null);
  for (const [key, item] of Object.entries(object(value))) found[key] = text(item) ?? String(item);
  return found;
}

/** @param {unknown} value @returns {Record<string, unknown>} */
function object(value) {
  return typeof value === "object" && value !== null ? /** @type {Record<string, unknown>} */ (value) : {};
}

/** @param {unknown} value @returns {unknown[]} */
function array(value) {
  return Array.isArray(value) ? value : [];
}

/** @param {unknown} value @returns {string | null} */
function text(value) {
  return typeof value === "string" ? value : null;
}
