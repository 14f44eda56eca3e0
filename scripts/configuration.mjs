// What wrangler.toml says, for whoever serves the Worker without wrangler: the tests and the benches.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "smol-toml";
import { Failure } from "./report.mjs";

/**
 * @typedef {object} Configuration
 * @property {string} compatibilityDate
 * @property {Record<string, string>} objects the classes of the Durable Objects, by binding
 */

/**
 * @typedef {object} Toml as much of it as is read here
 * @property {string} compatibility_date
 * @property {{ bindings: { name: string, class_name: string }[] }} durable_objects
 * @property {{ production: { ratelimits: { name: string, simple: { limit: number, period: 10 | 60 } }[] } }} env
 */

/**
 * The top of the file: the `production` environment deploys the same classes.
 * @param {string} folder
 * @returns {Configuration}
 */
export function configuration(folder) {
  const { compatibility_date: compatibilityDate, durable_objects } = read(folder);
  const objects = Object.fromEntries(durable_objects.bindings.map(({ name, class_name }) => [name, class_name]));
  if (!("RESOURCES" in objects)) throw new Failure("wrangler.toml binds no object class as RESOURCES");
  return { compatibilityDate, objects };
}

/**
 * The rate limit that is deployed.
 * @param {string} folder
 */
export function deployedRateLimit(folder) {
  const [limiter] = read(folder).env.production.ratelimits;
  if (limiter === undefined) throw new Failure("wrangler.toml has no rate limit for production");
  return limiter.simple;
}

/**
 * @param {string} folder
 * @returns {Toml}
 */
function read(folder) {
  return /** @type {Toml} */ (/** @type {unknown} */ (parse(readFileSync(join(folder, "wrangler.toml"), "utf8"))));
}
