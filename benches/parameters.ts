// Parameters that the simulation reads from the sources, so that they cannot diverge.
import { readFileSync } from "node:fs";
import path from "node:path";
import { Failure } from "../scripts/command.mjs";
import { deployedRateLimit } from "../scripts/configuration.mjs";
import { root } from "../scripts/layout.mjs";

function found(file: string, pattern: RegExp): number {
  const value = pattern.exec(readFileSync(path.join(root, file), "utf8"))?.[1];
  if (value === undefined) throw new Failure(`${file} has nothing that matches ${pattern}`);
  return Number(value.replaceAll("_", ""));
}

/** Tokens that an isolate caches. */
export const TOKENS_REMEMBERED = found("core/src/auth/identity_cache.rs", /^const CAPACITY: usize = ([\d_]+);/m);

/** The default of TOKEN_CACHE_SECONDS. */
export const TOKEN_CACHE_SECONDS = found("core/src/settings.rs", /^ {12}token_cache_seconds: ([\d_]+),/m);

/** Entries of one page of a list. */
export const MOST_LISTED = found("core/src/http/json_page.rs", /^pub const MAX_ENTRIES: usize = ([\d_]+);/m);

/** Configured limit of requests per project, location and minute. */
export const RATE_LIMIT = deployedRateLimit(root).limit;
