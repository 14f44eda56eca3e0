// The object: state in memory, the checks in the contract's order, one row deleted and one written.

import { DurableObject } from "cloudflare:workers";
import { OperationLog } from "./operation-log.mjs";

const TABLES = `
  CREATE TABLE IF NOT EXISTS resource (id INTEGER PRIMARY KEY, document TEXT NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS item (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS operation (
    slot INTEGER PRIMARY KEY, id TEXT NOT NULL, at INTEGER NOT NULL, note TEXT NOT NULL
  ) STRICT;
`;
const HAS_TABLES = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'resource' LIMIT 1";
const REMEMBER = `INSERT INTO operation VALUES (?, ?, ?, ?)
  ON CONFLICT (slot) DO UPDATE SET id = excluded.id, at = excluded.at, note = excluded.note`;

/**
 * For this long after a reply that shows the record, each change also stores the items that it removes, so that a
 * repeated request can be given the same reply.
 */
const SHOWN_MS = 30_000;

const READER = 1;
const MEMBER = 2;
const ADMIN = 3;

/**
 * @typedef {object} Resource
 * @property {boolean} isServer
 * @property {string} project_id
 * @property {string} vm_state
 * @property {string | null} task_state
 * @property {boolean} locked
 * @property {boolean} launched
 * @property {string} status
 * @property {string} visibility
 * @property {string[]} members
 *
 * @typedef {{ resource: Resource | null, items: Map<string, string>, log: OperationLog }} State
 */

export class ResourceObject extends DurableObject {
  #sql = this.ctx.storage.sql;
  /** @type {State | null} */
  #state = null;
  /** When a reply last showed the record. */
  #shownAt = 0;

  /**
   * @param {string} operationId
   * @param {boolean} retry
   * @param {string} projectId
   * @param {number} accessLevel
   * @param {string} key
   */
  delete(operationId, retry, projectId, accessLevel, key) {
    const state = (this.#state ??= this.#load());
    if (retry && state.log.has(operationId)) return "deleted";
    const { resource, items, log } = state;
    if (resource === null) return "not_found";
    const hasItem = items.has(key);
    const rejection = resource.isServer
      ? checkServer(resource, hasItem, projectId, accessLevel)
      : checkImage(resource, hasItem, projectId, accessLevel);
    if (rejection !== "") return rejection;
    const now = Date.now();
    const slot = log.slot(now);
    const note = now - this.#shownAt > SHOWN_MS ? "deleted" : `deleted\n${JSON.stringify({ items: { [key]: items.get(key) } })}`;
    try {
      // Without an await in between, the runtime commits both statements together. If the second one throws, the
      // first one is not undone: the Worker resets its object then, which this yardstick leaves out.
      this.#sql.exec("DELETE FROM item WHERE key = ?", key);
      this.#sql.exec(REMEMBER, slot, operationId, now, note);
    } catch (error) {
      // SQLite is the truth: the state is loaded again.
      this.#state = null;
      throw error;
    }
    log.remember(slot, operationId, now);
    items.delete(key);
    return "deleted";
  }

  /** @param {string} document */
  register(document) {
    const { resource: before, items, log } = (this.#state ??= this.#load());
    const fields = JSON.parse(document).server ?? JSON.parse(document).image;
    const { metadata, ...rest } = fields;
    const isServer = "server" in JSON.parse(document);
    const resource = {
      isServer,
      vm_state: "active",
      task_state: null,
      locked: false,
      launched: true,
      status: "active",
      visibility: "private",
      members: [],
      ...before,
      ...rest,
    };
    this.ctx.storage.transactionSync(() => {
      if (before === null) this.#sql.exec(TABLES);
      this.#sql.exec(
        "INSERT INTO resource VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET document = excluded.document",
        JSON.stringify(resource),
      );
      if (metadata !== undefined) {
        this.#sql.exec("DELETE FROM item");
        for (const key in metadata) this.#sql.exec("INSERT INTO item VALUES (?, ?)", key, metadata[key]);
      }
    });
    this.#shownAt = Date.now();
    this.#state = { resource, items: metadata === undefined ? items : new Map(Object.entries(metadata)), log };
  }

  /** @returns {State} */
  #load() {
    if (this.#sql.exec(HAS_TABLES).raw().toArray().length === 0) {
      return { resource: null, items: new Map(), log: new OperationLog([]) };
    }
    const operations = this.#sql.exec("SELECT slot, id, at FROM operation ORDER BY at").raw().toArray();
    const documents = this.#sql.exec("SELECT document FROM resource LIMIT 1").raw().toArray();
    const items = this.#sql.exec("SELECT key, value FROM item").raw().toArray();
    return {
      resource: documents[0] === undefined ? null : JSON.parse(String(documents[0][0])),
      items: new Map(/** @type {[string, string][]} */ (items)),
      log: new OperationLog(/** @type {[number, string, number][]} */ (operations)),
    };
  }
}

/**
 * @param {Resource} server
 * @param {boolean} hasItem
 * @param {string} projectId
 * @param {number} accessLevel
 */
function checkServer(server, hasItem, projectId, accessLevel) {
  if (accessLevel !== ADMIN && server.project_id !== projectId) return "not_found";
  if (projectId === "" || accessLevel < MEMBER) return "forbidden";
  if (!hasItem) return "item_not_found";
  if (server.locked && accessLevel !== ADMIN) return "locked";
  switch (server.vm_state) {
    case "active":
    case "paused":
    case "suspended":
    case "stopped":
      break;
    default:
      return `vm_state ${server.vm_state}`;
  }
  if (server.task_state !== null) return `task_state ${server.task_state}`;
  return server.launched ? "" : "never_launched";
}

/**
 * @param {Resource} image
 * @param {boolean} hasItem
 * @param {string} projectId
 * @param {number} accessLevel
 */
function checkImage(image, hasItem, projectId, accessLevel) {
  const { status, visibility } = image;
  const isGone = status === "deleted" || status === "pending_delete" || status === "killed";
  const isOwn = image.project_id === projectId;
  const isVisible =
    isOwn ||
    visibility === "public" ||
    visibility === "community" ||
    (visibility === "shared" && image.members.includes(projectId));
  const isSeen = accessLevel === ADMIN || (accessLevel >= READER && projectId !== "" && isVisible);
  if (isGone || !isSeen) return "not_found";
  if (!hasItem) return "item_not_found";
  if (accessLevel !== ADMIN && !(accessLevel >= MEMBER && isOwn)) return "forbidden";
  return status === "active" || status === "deactivated" ? "" : `image_status ${status}`;
}
