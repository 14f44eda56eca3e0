// What `npm start --` understands itself, and what it hands on to `wrangler dev`.

import { Failure } from "./report.mjs";
import { defaultState, fromCaller } from "./layout.mjs";

/**
 * @typedef {object} StartOptions
 * @property {number} port
 * @property {string} persistTo
 * @property {boolean} reset
 * @property {boolean} help
 * @property {string | undefined} env also handed on: the tokens must go where that environment looks
 * @property {string[]} rest for wrangler
 */

export const HELP = `npm start -- [options]      serves the Worker and its demo on this machine

  --port P           8787 unless given
  --persist-to DIR   where the data lasts; .wrangler/state unless given
  --reset            puts the demo's resources and tokens back as they were
  any other option   goes on to \`wrangler dev\`; --remote is refused
`;

/**
 * @param {string[]} args
 * @returns {StartOptions}
 */
export function startOptions(args) {
  /** @type {StartOptions} */
  const options = { port: 8787, persistTo: defaultState, reset: false, help: false, env: undefined, rest: [] };
  for (let at = 0; at < args.length; at += 1) {
    const arg = args[at] ?? "";
    const [name, inline] = splitAtEquals(arg);
    const value = () => inline ?? args[(at += 1)];
    if (name === "--help" || name === "-h") options.help = true;
    else if (name === "--reset") options.reset = true;
    else if (name === "--port") options.port = port(value());
    else if (name === "--persist-to") options.persistTo = fromCaller(folder(value()));
    else {
      const next = inline ?? args[at + 1];
      refuseRemote(name, next);
      if (name === "--env" || name === "-e") options.env = next;
      options.rest.push(arg);
    }
  }
  return options;
}

/**
 * @param {string} arg
 * @returns {[string, string | undefined]}
 */
function splitAtEquals(arg) {
  const at = arg.startsWith("-") ? arg.indexOf("=") : -1;
  return at < 0 ? [arg, undefined] : [arg.slice(0, at), arg.slice(at + 1)];
}

/**
 * The demo's tokens are known to everyone: nothing here may reach an account's data.
 * @param {string} option
 * @param {string | undefined} value
 */
function refuseRemote(option, value) {
  const remote = /^(--remote|-[a-z]*r[a-z]*|--no-local)$/.test(option) || (/^(--local|-l)$/.test(option) && value === "false");
  if (remote) throw new Failure(`${option} is refused: the demo's tokens are public, and only ever served on this machine`);
}

/** @param {string | undefined} text */
function port(text) {
  const number = Number(text);
  if (text !== undefined && /^\d+$/.test(text) && number >= 1 && number <= 65_535) return number;
  throw new Failure(`--port ${text ?? ""}: a number between 1 and 65535 is needed`);
}

/** @param {string | undefined} text */
function folder(text) {
  if (text === undefined || text === "") throw new Failure("--persist-to needs a folder");
  return text;
}
