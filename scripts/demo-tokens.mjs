// Which admin token the demo of a data folder has. It is random, because unlike the demo's other tokens
// no document gives it away, and it is kept beside the data, so that a later start prints the same one.

import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { progress } from "./report.mjs";
import { tokens } from "./demo.mjs";
import { putTokens } from "./token-store.mjs";

/** @typedef {{ admin_token: string, expires_at: string }} Kept */

const DAY_MS = 24 * 60 * 60 * 1000;
const LIFETIME_DAYS = 365;
/** Renewed this long before they expire, so that no demo ends while it is being shown. */
const MARGIN_DAYS = 30;

/**
 * Writes the demo's tokens into the local KV of a data folder, unless they are there.
 * @param {string} folder
 * @param {{ env: string | undefined, reset: boolean }} how
 * @returns {Promise<string>} the admin token
 */
export async function ensureTokens(folder, { env, reset }) {
  const file = join(folder, `demo-tokens${env === undefined ? "" : `.${env}`}.json`);
  const kept = read(file);
  const stillGood = kept !== undefined && Date.parse(kept.expires_at) > Date.now() + MARGIN_DAYS * DAY_MS;
  if (stillGood && !reset) return kept.admin_token;

  progress("writing the demo's tokens into the local KV");
  const admin_token = kept?.admin_token ?? randomBytes(16).toString("hex");
  await putTokens(tokens(admin_token, (LIFETIME_DAYS * DAY_MS) / 1000), { local: folder, env });
  const expires_at = new Date(Date.now() + LIFETIME_DAYS * DAY_MS).toISOString();
  mkdirSync(folder, { recursive: true });
  writeFileSync(file, `${JSON.stringify({ admin_token, expires_at })}\n`, { mode: 0o600 });
  return admin_token;
}

/**
 * @param {string} file
 * @returns {Kept | undefined}
 */
function read(file) {
  return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : undefined;
}
