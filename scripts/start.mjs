// `npm start`: from a fresh clone to a served Worker with something in it to try.
//
// Progress, wrangler's own lines and one line a request go to stderr; stdout has what a person wants to
// copy, and last, when all of it works, `ready http://127.0.0.1:PORT`.

import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { build, deployed } from "./build.mjs";
import { Failure, command, progress } from "./command.mjs";
import { ensureTokens } from "./demo-tokens.mjs";
import { deletions, load, mistake, outcome, registryPath } from "./demo.mjs";
import { serve } from "./run.mjs";
import { setup } from "./setup.mjs";
import { HELP, startOptions } from "./start-options.mjs";
import { quiet, wrangler } from "./wrangler.mjs";

const HOST = "127.0.0.1";
const START_LIMIT_MS = 120_000;
/** Until what was logged of a request is on the screen. */
const LOG_DELAY_MS = 200;
const MEANING = {
  204: "204 No Content",
  404: "404, it is gone already (npm start -- --reset brings it back)",
  409: "409, because of the state it is in (npm start -- --reset brings it back)",
};

await command(async () => {
  const options = startOptions(process.argv.slice(2));
  if (options.help) {
    process.stdout.write(HELP);
    return;
  }
  await checkPort(options.port);
  await setup();
  await build(deployed);
  const adminToken = await ensureTokens(options.persistTo, options);

  progress("wrangler dev");
  const server = serve(process.execPath, wranglerArgs(options), { env: quiet });
  const over = new AbortController();
  const asked = signalled();
  const ended = server.exited.then((code) => {
    throw new Failure(`wrangler ended with exit code ${code}`);
  });
  try {
    await Promise.race([present(options, adminToken, over.signal), asked, ended]);
    await Promise.race([asked, ended]);
  } finally {
    over.abort();
    await server.end();
  }
});

/**
 * Waits until the Worker answers, loads the demo and tells how to use it.
 * @param {import("./start-options.mjs").StartOptions} options
 * @param {string} adminToken
 * @param {AbortSignal} over
 */
async function present({ port, reset }, adminToken, over) {
  const origin = `http://${HOST}:${port}`;
  await answering(origin, over);
  await load(origin, adminToken, { reset });
  const say = (/** @type {string} */ line) => process.stdout.write(`${line}\n`);
  // Looked at before anything is said: what the Worker logs of it would stand between the lines.
  const looked = deletions.map(async (deletion) => ({ deletion, now: await outcome(origin, adminToken, deletion) }));
  const outcomes = await Promise.all(looked);
  await sleep(LOG_DELAY_MS);
  for (const { deletion, now } of outcomes) {
    say(`\nDelete ${deletion.what}. Answers now: ${MEANING[now]}`);
    say(`  ${curl(`${origin}${deletion.path}`, deletion.token, "DELETE")}`);
  }
  say(`\nThe same with a project that is not the token's. Answers: 400 Bad Request`);
  say(`  ${curl(`${origin}${mistake.path}`, mistake.token, "DELETE")}`);
  for (const { what, resource } of deletions) {
    say(`\nThe whole record that holds ${what}, with the admin token of this machine's demo:`);
    say(`  ${curl(`${origin}${registryPath(resource)}`, adminToken)}`);
  }
  say(`\nready ${origin}`);
}

/**
 * @param {string} url
 * @param {string} token
 * @param {string} [method]
 */
function curl(url, token, method) {
  return `curl -i ${method === undefined ? "" : `-X ${method} `}-H 'X-Auth-Token: ${token}' '${url}'`;
}

/** @param {import("./start-options.mjs").StartOptions} options */
function wranglerArgs({ port, persistTo, rest }) {
  const ip = rest.includes("--ip") ? [] : ["--ip", HOST];
  return [wrangler, "dev", "--local", ...ip, "--port", String(port), "--persist-to", persistTo, ...rest];
}

/**
 * @param {string} origin
 * @param {AbortSignal} over
 */
async function answering(origin, over) {
  const limit = Date.now() + START_LIMIT_MS;
  while (Date.now() < limit && !over.aborted) {
    // An error is an answer, too: loading the demo then shows it at once.
    if (await fetch(origin).catch(() => undefined)) return;
    await sleep(100);
  }
  throw new Failure(`${origin} did not answer within ${START_LIMIT_MS / 1000} seconds; wrangler's lines above tell more`);
}

/** First of all, because setting up takes minutes that a taken port would waste. @param {number} port */
function checkPort(port) {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", (error) => {
      const taken = "code" in error && error.code === "EADDRINUSE";
      const reason = taken ? `port ${port} is in use` : error.message;
      reject(new Failure(`${reason}; npm start -- --port P serves on another one`));
    });
    probe.listen(port, HOST, () => probe.close(resolve));
  });
}

/** @returns {Promise<void>} */
function signalled() {
  return new Promise((resolve) => {
    for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"])) process.on(signal, () => resolve());
  });
}
