// The part of the address behind #: which list is shown, and which of its resources is open.

/**
 * @typedef {import("./resources.js").Kind} Kind
 * @typedef {{ kind: Kind, id: string | null }} Route
 */

/** @param {string} hash @returns {Route} */
export function parse(hash) {
  const [, kind, id] = /^#\/(servers|images)(?:\/([^/]+))?$/.exec(hash) ?? [];
  return { kind: kind === "images" ? "images" : "servers", id: id === undefined ? null : decoded(id) };
}

/** @param {Route} route */
export function address({ kind, id }) {
  return id === null ? `#/${kind}` : `#/${kind}/${encodeURIComponent(id)}`;
}

/** @param {string} text */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
