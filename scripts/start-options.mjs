// What `npm start --` understands itself, and what it hands on to `wrangler dev`.

import { parseArgs } from "node:util";
import { defaultState, fromCaller } from "./layout.mjs";
import { Failure } from "./report.mjs";

/**
 * @typedef {object} StartOptions
 * @property {number} port
 * @property {string} persistTo
 * @property {boolean} reset
 * @property {boolean} help
 * @property {string | undefined} env also handed on: the tokens must go where that environment looks
 * @property {string} basePath the setting API_BASE_PATH, as far as it is given here
 * @property {string[]} rest for wrangler
 */

export const HELP = `npm start -- [options]      serves the Worker and its demo on this machine

  --port P           8787 unless given
  --persist-to DIR   where the data lasts; .wrangler/state unless given
  --reset            puts the demo's resources and tokens back as they were
  --var NAME:VALUE   a setting; may be given more than once
  any other option   goes on to \`wrangler dev\`; --remote is refused
`;

/** Not for wrangler. */
const OWN = ["port", "persist-to", "reset", "help"];

/**
 * @param {string[]} args
 * @returns {StartOptions}
 */
export function startOptions(args) {
  const { values, tokens } = parseArgs({
    args,
    options: {
      port: { type: "string", default: "8787" },
      "persist-to": { type: "string" },
      reset: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
      env: { type: "string", short: "e" },
      var: { type: "string", multiple: true, default: [] },
    },
    // Wrangler has more options than are known here, some of them with a value that follows.
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const own = new Set();
  for (const token of tokens) {
    if (token.kind !== "option") continue;
    refuseRemote(token.name, token.value ?? args[token.index + 1]);
    if (!OWN.includes(token.name)) continue;
    own.add(token.index);
    if (token.value !== undefined && !token.inlineValue) own.add(token.index + 1);
  }
  return {
    port: port(values.port),
    persistTo: values["persist-to"] === undefined ? defaultState : fromCaller(folder(values["persist-to"])),
    reset: values.reset === true,
    help: values.help === true,
    env: typeof values.env === "string" ? values.env : undefined,
    basePath: setting(values.var, "API_BASE_PATH"),
    rest: args.filter((_, at) => !own.has(at)),
  };
}

/**
 * The demo's tokens are known to everyone: nothing here may reach an account's data.
 * @param {string} option
 * @param {string | undefined} value
 */
function refuseRemote(option, value) {
  if (!["remote", "r", "no-local"].includes(option) && !(["local", "l"].includes(option) && value === "false")) return;
  throw new Failure(`--${option} is refused: the demo's tokens are public, and only ever served on this machine`);
}

/** @param {unknown} text */
function port(text) {
  const number = Number(text);
  if (typeof text === "string" && /^\d+$/.test(text) && number >= 1 && number <= 65_535) return number;
  throw new Failure(`--port ${typeof text === "string" ? text : ""}: a number between 1 and 65535 is needed`);
}

/** @param {unknown} text */
function folder(text) {
  if (typeof text === "string" && text !== "") return text;
  throw new Failure("--persist-to needs a folder");
}

/**
 * @param {unknown} vars as `NAME:VALUE`
 * @param {string} name
 */
function setting(vars, name) {
  const given = Array.isArray(vars) ? vars.findLast((text) => String(text).startsWith(`${name}:`)) : undefined;
  return given === undefined
    ? ""
    : String(given)
        .slice(name.length + 1)
        .replace(/\/$/, "");
}
