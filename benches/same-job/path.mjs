// Parses a path: split on `/` first, then each segment decoded exactly once, as UTF-8.

/**
 * @typedef {object} Path
 * @property {"server" | "image" | "registry"} kind
 * @property {"server" | "image" | ""} registered below the registry: of which kind
 * @property {boolean} hasVersions whether it is below /v2.1
 * @property {string} projectId empty without one
 * @property {string} id
 * @property {boolean} idIsText whether the id's bytes are UTF-8 without NUL
 * @property {string} key empty for what cannot be a key
 * @property {string} allow
 * @property {string} template
 */

const ITEM_METHODS = "DELETE, GET, HEAD, OPTIONS, PUT";
const COLLECTION_METHODS = "GET, HEAD, OPTIONS, POST, PUT";
const RESOURCE_METHODS = "GET, HEAD, OPTIONS";
const PROJECT_ID = /^[0-9a-f-]+$/;
const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * @param {string} path
 * @returns {Path | null} null for an unknown path
 */
export function parsePath(path) {
  const segments = path.split("/");
  let at = named(segments, 0);
  let word = decoded(segments[at]);
  if (word === "registry") return registryPath(segments, at + 1);
  let hasVersions = false;
  let projectId = "";
  if (word === "v2.1" || word === "v2") {
    hasVersions = word === "v2.1";
    at = named(segments, at + 1);
    word = decoded(segments[at]);
    if (word !== "servers" && word !== "images") {
      if (word === null || !PROJECT_ID.test(word)) return null;
      projectId = word;
      at = named(segments, at + 1);
      word = decoded(segments[at]);
    }
  }
  if (word !== "servers" && word !== "images") return null;
  const isServer = word === "servers";
  const rest = segments.length - at;
  const rawId = segments[at + 1];
  if (rest < 2 || rest > 4 || rawId === undefined) return null;
  if (rest > 2 && decoded(segments[at + 2]) !== "metadata") return null;
  const id = decoded(rawId);
  if (isNoName(id)) return null;
  let key = "";
  if (rest === 4) {
    const named = decoded(segments[at + 3]);
    if (isNoName(named)) return null;
    key = named ?? "";
  }
  return {
    kind: isServer ? "server" : "image",
    registered: "",
    hasVersions,
    projectId,
    id: id ?? rawId,
    idIsText: id !== null,
    key,
    allow: rest === 4 ? ITEM_METHODS : rest === 3 ? COLLECTION_METHODS : RESOURCE_METHODS,
    template: template(isServer, rest),
  };
}

/**
 * @param {string[]} segments
 * @param {number} at
 * @returns {Path | null}
 */
function registryPath(segments, at) {
  const word = segments[at];
  const id = segments[at + 1];
  if ((word !== "servers" && word !== "images") || id === undefined || segments.length !== at + 2) return null;
  return {
    kind: "registry",
    registered: word === "servers" ? "server" : "image",
    hasVersions: false,
    projectId: "",
    id,
    idIsText: true,
    key: "",
    allow: ITEM_METHODS,
    template: `/registry/${word}/{id}`,
  };
}

/** @param {string | null} text */
function isNoName(text) {
  return text === "" || text === "." || text === "..";
}

/**
 * The next segment that is not empty.
 * @param {string[]} segments
 * @param {number} from
 */
function named(segments, from) {
  let at = from;
  while (segments[at] === "") at += 1;
  return at;
}

/**
 * @param {string | undefined} segment
 * @returns {string | null} null when the bytes are not UTF-8 or contain NUL, or there is no segment
 */
function decoded(segment) {
  if (segment === undefined) return null;
  if (!segment.includes("%")) return segment.includes("\0") ? null : segment;
  /** @type {number[]} */
  const bytes = [];
  const raw = new TextEncoder().encode(segment);
  for (let at = 0; at < raw.length; at += 1) {
    const byte = raw[at] ?? 0;
    const code = segment.slice(at + 1, at + 3);
    if (byte === 0x25 && /^[0-9a-fA-F]{2}$/.test(code)) {
      bytes.push(Number.parseInt(code, 16));
      at += 2;
    } else {
      bytes.push(byte);
    }
  }
  try {
    const text = strictUtf8.decode(new Uint8Array(bytes));
    return text.includes("\0") ? null : text;
  } catch {
    return null;
  }
}

/**
 * @param {boolean} isServer
 * @param {number} rest
 */
function template(isServer, rest) {
  if (rest === 4) return isServer ? "/servers/{id}/metadata/{key}" : "/images/{id}/metadata/{key}";
  if (rest === 3) return isServer ? "/servers/{id}/metadata" : "/images/{id}/metadata";
  return isServer ? "/servers/{id}" : "/images/{id}";
}
