// Embedded tokens as the Worker reads them: claims in the KV namespace TOKENS, under the token's
// digest. The token itself is never stored, and never on a command line of ours: wrangler is given
// the digest, and the claims by file.

import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Failure } from "./report.mjs";
import { capture } from "./run.mjs";
import { quiet, wrangler } from "./wrangler.mjs";

/**
 * @typedef {{ user: string, project: string | null, roles: string[], expiresIn: number }} Claims
 * @typedef {{ local: string, env?: string | undefined } | { remote: true, env: string }} Place
 *   `local` is the folder that `wrangler dev --persist-to` was given.
 */

/** KV keeps nothing for less than this. It only cleans up: what decides is `expires_at`. */
const SHORTEST_TTL_SECONDS = 60;

/** A Worker that is being served writes to the same SQLite file. */
const ATTEMPTS = 10;

/**
 * @param {Map<string, Claims>} tokens
 * @param {Place} place
 */
export async function putTokens(tokens, place) {
  const folder = mkdtempSync(join(tmpdir(), "edge-metadata-"));
  try {
    const file = join(folder, "claims.json");
    const entries = [...tokens].map(([token, claims]) => entry(token, claims));
    writeFileSync(file, JSON.stringify(entries), { mode: 0o600 });
    await kv(["bulk", "put", file], place);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/**
 * @param {string} token
 * @param {Place} place
 * @returns {Promise<boolean>} whether it was there
 */
export async function deleteToken(token, place) {
  const listed = await kv(["key", "list", "--prefix", tokenKey(token)], place);
  if (!listed.includes(tokenKey(token))) return false;
  await kv(["key", "delete", tokenKey(token)], place);
  return true;
}

/**
 * @param {string} token
 * @param {Claims} claims
 */
function entry(token, { user, project, roles, expiresIn }) {
  const expires_at = new Date(Date.now() + expiresIn * 1000).toISOString();
  return {
    key: tokenKey(token),
    value: JSON.stringify({ user_id: user, project_id: project, roles, expires_at }),
    expiration_ttl: Math.max(expiresIn, SHORTEST_TTL_SECONDS),
  };
}

/**
 * Where the claims of a token are kept.
 * @param {string} token
 */
export function tokenKey(token) {
  return `token:${createHash("sha256").update(token).digest("hex")}`;
}

/**
 * @param {string[]} action
 * @param {Place} place
 * @returns {Promise<string>} what wrangler printed
 */
async function kv(action, place) {
  const where = "local" in place ? ["--local", "--persist-to", place.local] : ["--remote"];
  const env = place.env === undefined ? [] : ["--env", place.env];
  const args = [wrangler, "kv", ...action, "--binding", "TOKENS", ...where, ...env];
  for (let attempt = 1; ; attempt += 1) {
    const { code, stdout, stderr } = await capture(process.execPath, args, { env: quiet });
    if (code === 0) return stdout;
    const said = `${stdout}\n${stderr}`;
    if (attempt === ATTEMPTS || !/SQLITE_BUSY|database is locked/.test(said)) {
      throw new Failure(`wrangler kv ${action[0]} ${action[1]} failed:\n${said.trim()}`);
    }
    await sleep(100 * attempt * (1 + Math.random()));
  }
}
