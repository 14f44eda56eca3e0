// `npm run token`: makes an embedded token, or takes one back. Prints the token and nothing else on
// stdout, so that a shell can keep it: TOKEN=$(npm run --silent token -- …)

import { randomBytes } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { Failure, command, progress } from "./command.mjs";
import { defaultState, fromCaller } from "./layout.mjs";
import { deleteToken, putTokens } from "./token-store.mjs";
import { wrangler } from "./wrangler.mjs";

/** @typedef {import("./token-store.mjs").Place} Place */

const HOUR = 3_600;
const TEN_YEARS = 10 * 365 * 24 * HOUR;
const KNOWN_ROLES = ["admin", "manager", "member", "reader", "service"];

const HELP = `npm run token -- --user U --role R [options]      make a token
npm run token -- --revoke T [options]              take one back

  --user U           the user's id
  --project P        the project's id (0-9, a-f and -); left out: a token without a project
  --role R           ${KNOWN_ROLES.join(", ")}; may be given more than once
  --expires-in S     seconds until it expires; one hour unless given
  --token T          this token instead of a random one; - reads it from stdin
  --revoke T         the token to take back; - reads it from stdin
  --persist-to DIR   the data folder of \`npm start -- --persist-to DIR\`; its default unless given
  --remote           in the account's KV instead of this machine's
  --env NAME         the environment of wrangler.toml; with --remote: production unless given

A Worker remembers what it knows of a token for TOKEN_CACHE_SECONDS at most: after that time, plus the
delay of KV itself, a token taken back is refused everywhere.
`;

await command(async () => {
  const given = options();
  if (given.help) {
    process.stdout.write(HELP);
    return;
  }
  if (!existsSync(wrangler)) throw new Failure("the packages are not installed yet: npm ci --ignore-scripts");
  if (given.revoke !== undefined) await revoke(given.revoke, place(given));
  else await make(given);
});

/** @param {Options} given */
async function make(given) {
  const { user, project, role: roles = [] } = given;
  if (!user) throw new Failure("--user U is needed (--help shows all options)");
  if (roles.length === 0 || roles.includes("")) throw new Failure(`--role R is needed: ${KNOWN_ROLES.join(", ")}`);
  for (const role of roles.filter((role) => !KNOWN_ROLES.includes(role))) {
    progress(`note: role ${role} grants nothing here; what counts is ${KNOWN_ROLES.join(", ")}`);
  }
  if (project === undefined) progress("note: without --project the token belongs to no project");
  else if (!/^[0-9a-f-]+$/.test(project)) {
    throw new Failure(`--project ${project}: a project's id is made of 0-9, a-f and - only, or no URL can name it`);
  }
  const token = given.token === undefined ? randomBytes(16).toString("hex") : usable(given.token, "--token");
  const claims = { user, project: project ?? null, roles, expiresIn: seconds(given["expires-in"]) };
  await putTokens(new Map([[token, claims]]), place(given));
  process.stdout.write(`${token}\n`);
}

/**
 * @param {string} token
 * @param {Place} from
 */
async function revoke(token, from) {
  if (!(await deleteToken(usable(token, "--revoke"), from))) throw new Failure("there is no such token, or it has expired");
  progress("taken back");
}

/** @typedef {ReturnType<typeof options>} Options */

function options() {
  try {
    return parseArgs({
      options: {
        user: { type: "string" },
        project: { type: "string" },
        role: { type: "string", multiple: true },
        "expires-in": { type: "string" },
        token: { type: "string" },
        revoke: { type: "string" },
        "persist-to": { type: "string" },
        remote: { type: "boolean" },
        env: { type: "string" },
        help: { type: "boolean", short: "h" },
      },
    }).values;
  } catch (error) {
    throw new Failure(`${error instanceof Error ? error.message : error} (--help shows all options)`);
  }
}

/**
 * @param {Options} given
 * @returns {Place}
 */
function place(given) {
  const persistTo = given["persist-to"];
  if (!given.remote) {
    return { local: persistTo === undefined ? defaultState : fromCaller(persistTo), env: given.env };
  }
  if (persistTo !== undefined) throw new Failure("--persist-to is a folder of this machine: it does not go with --remote");
  return { remote: true, env: given.env ?? "production" };
}

/** @param {string | undefined} text */
function seconds(text) {
  if (text === undefined) return HOUR;
  const number = Number(text);
  if (/^\d+$/.test(text) && number >= 1 && number <= TEN_YEARS) return number;
  throw new Failure(`--expires-in ${text}: a number of seconds between 1 and ${TEN_YEARS} (ten years) is needed`);
}

/**
 * A token as a header can carry it: the Worker strips white space around it.
 * @param {string} given
 * @param {string} option
 */
function usable(given, option) {
  const token = given === "-" ? readFileSync(0, "utf8").trim() : given;
  if (/^[\x21-\x7e]+$/.test(token)) return token;
  throw new Failure(`${option}: a token is made of visible ASCII characters, without spaces`);
}
