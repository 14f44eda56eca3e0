// Who is asking: this isolate's memory, then KV. Tokens are kept as their digests only.

import { sha256 } from "./sha256.mjs";

/**
 * @typedef {object} Identity
 * @property {string} projectId empty without one
 * @property {number} accessLevel 0 none, 1 reader, 2 member, 3 admin
 * @property {number} expiresAt
 * @property {number} until when the cache entry expires
 * @property {string} logged its part of a log line
 */

const TOKEN_CACHE_MS = 300_000;
const CAPACITY = 4_096;

/**
 * A Map keeps the order of insertion: the first key is the least recently used.
 * @type {Map<string, Identity>}
 */
const known = new Map();

/**
 * Returns no promise for a cached token, so that the next step need not wait.
 * @param {string} text
 * @param {KvNamespace} tokens
 * @param {number} now
 * @returns {Identity | null | Promise<Identity | null>}
 */
export function authenticate(text, tokens, now) {
  const token = text.trim();
  if (token === "") return null;
  const digest = sha256(token);
  const identity = known.get(digest);
  if (identity === undefined || now >= identity.until || now >= identity.expiresAt) return ask(digest, tokens, now);
  known.delete(digest);
  known.set(digest, identity);
  return identity;
}

/**
 * @param {string} digest
 * @param {KvNamespace} tokens
 * @param {number} now
 */
async function ask(digest, tokens, now) {
  const stored = await tokens.get(`token:${hex(digest)}`);
  if (stored === null) return null;
  const claims = JSON.parse(stored);
  const expiresAt = Date.parse(claims.expires_at);
  if (!(now < expiresAt)) return null;
  const project = claims.project_id === null ? "" : `,"project_id":${JSON.stringify(claims.project_id)}`;
  /** @type {Identity} */
  const identity = {
    projectId: claims.project_id ?? "",
    accessLevel: Math.max(0, ...claims.roles.map(accessLevelOf)),
    expiresAt,
    until: now + TOKEN_CACHE_MS,
    logged: `${project},"user_id":${JSON.stringify(claims.user_id)}`,
  };
  known.set(digest, identity);
  if (known.size > CAPACITY) {
    for (const oldest of known.keys()) {
      known.delete(oldest);
      break;
    }
  }
  return identity;
}

/** @param {string} role */
function accessLevelOf(role) {
  switch (role.toLowerCase()) {
    case "admin":
      return 3;
    case "manager":
    case "member":
      return 2;
    case "reader":
      return 1;
    default:
      return 0;
  }
}

/** @param {string} digest 16 code units of two bytes each */
function hex(digest) {
  let text = "";
  for (let at = 0; at < digest.length; at += 1) text += digest.charCodeAt(at).toString(16).padStart(4, "0");
  return text;
}
