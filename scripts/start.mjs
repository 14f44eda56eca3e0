// `npm start`: from a fresh clone to a served Worker with something in it to try.
//
// Progress, wrangler's own lines and one line a request go to stderr; stdout has what a person wants to copy, and
// last, when all of it works, `ready http://127.0.0.1:PORT`. What wrangler says before that is held back, so that
// these lines come last and the log begins with the first request of somebody else.

import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { build, deployed } from "./build.mjs";
import { Failure, command, progress } from "./command.mjs";
import { servedPage, withdrawDemo } from "./demo-page.mjs";
import { ensureTokens } from "./demo-tokens.mjs";
import { deletions, load, mistake, outcome, registryPath, resources } from "./demo.mjs";
import { onceNpmIsGone } from "./parent.mjs";
import { serve } from "./run.mjs";
import { setup } from "./setup.mjs";
import { StartLog } from "./start-log.mjs";
import { HELP, startOptions } from "./start-options.mjs";
import { quiet, wrangler } from "./wrangler.mjs";

/** @typedef {import("./start-options.mjs").StartOptions} StartOptions */

const HOST = "127.0.0.1";
const START_LIMIT_MS = 120_000;
const LOG_DELAY_MS = 1_000;
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

  progress("wrangler dev");
  const log = new StartLog(process.stderr);
  const page = servedPage(options.persistTo, options.basePath, deletions[0]?.token);
  const server = serve(process.execPath, wranglerArgs(options, page), { env: quiet, onLine: (line) => log.add(line) });
  const over = new AbortController();
  const asked = signalled();
  const ended = server.exited.then((code) => {
    throw new Failure(`wrangler ended with exit code ${code}`);
  });
  try {
    await Promise.race([present(options, page, log, over.signal), asked, ended]);
    await Promise.race([asked, ended]);
  } catch (error) {
    // What was logged of it may still be on its way.
    await sleep(LOG_DELAY_MS);
    log.release({ hasFailed: true });
    throw error;
  } finally {
    over.abort();
    await server.end();
  }
});

/**
 * Waits until the Worker answers, loads the demo and tells how to use it.
 * @param {StartOptions} options
 * @param {string} page the folder of the page
 * @param {StartLog} log
 * @param {AbortSignal} over
 */
async function present(options, page, log, over) {
  const origin = `http://${HOST}:${options.port}`;
  const url = origin + options.basePath;
  const keystone = keystoneOf(await firstAnswer(`${url}/servers`, log, over), origin);
  if (keystone !== undefined) withdrawDemo(page);
  const lines = keystone === undefined ? await withDemo(url, options, page, log) : withKeystone(url, keystone);
  log.release({ hasFailed: false });
  lines.push("", `open ${origin}/ui/`);
  process.stdout.write(`${lines.join("\n")}\n\nready ${origin}\n`);
}

/**
 * The first answer to a request without a token: a 401, unless something is wrong.
 * @param {string} url
 * @param {StartLog} log
 * @param {AbortSignal} over
 */
async function firstAnswer(url, log, over) {
  const limit = Date.now() + START_LIMIT_MS;
  while (Date.now() < limit && !over.aborted) {
    const answer = await log.fetch(url).catch(() => undefined);
    if (answer?.status === 500) throw new Failure("the Worker answers 500; its lines above name the reason");
    if (answer) return answer;
    await sleep(100);
  }
  throw new Failure(`${url} did not answer within ${START_LIMIT_MS / 1000} seconds; wrangler's lines above tell more`);
}

/**
 * The Keystone that decides about tokens. Without one a 401 names the Worker itself.
 * @param {Response} unauthorized
 * @param {string} origin the Worker's
 */
function keystoneOf(unauthorized, origin) {
  const uri = /^Keystone uri="([^"]+)"/.exec(unauthorized.headers.get("WWW-Authenticate") ?? "")?.[1];
  return uri === undefined || uri.startsWith(origin) ? undefined : uri;
}

/**
 * @param {string} url
 * @param {StartOptions} options
 * @param {string} page
 * @param {StartLog} log
 */
async function withDemo(url, options, page, log) {
  const adminToken = await ensureTokens(options.persistTo, options);
  try {
    await load(url, adminToken, options, log.fetch);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    // A setting may be what somebody wants to try.
    withdrawDemo(page);
    return [`The demo cannot be loaded with these settings: ${error.message}`];
  }
  const lines = [];
  for (const deletion of deletions) {
    const now = await outcome(url, adminToken, deletion, log.fetch);
    lines.push("", `Delete ${deletion.what}. Answers now: ${MEANING[now]}`);
    lines.push(`  ${curl(url + deletion.path, deletion.token, "DELETE")}`);
  }
  lines.push("", "The same with a project that is not the token's. Answers: 400 Bad Request");
  lines.push(`  ${curl(url + mistake.path, mistake.token, "DELETE")}`);
  for (const { what, resource } of deletions) {
    lines.push("", `The whole record that holds ${what}, with the admin token of this machine's demo:`);
    lines.push(`  ${curl(url + registryPath(resource), adminToken)}`);
  }
  return lines;
}

/**
 * @param {string} url
 * @param {string} keystone
 */
function withKeystone(url, keystone) {
  const { id } = /** @type {import("./demo.mjs").Resource} */ (resources[0]);
  return [
    "",
    `Tokens are those of the Keystone at ${keystone}, so the demo and its tokens are left out.`,
    "",
    "A token and its project, from there; its role has to be admin or service for the next line:",
    "  TOKEN=$(openstack token issue -f value -c id) PROJECT=$(openstack token issue -f value -c project_id)",
    "",
    "Register a server. Answers: 201 Created",
    `  curl -i -X PUT -H "X-Auth-Token: $TOKEN" -H 'Content-Type: application/json' \\`,
    `    -d '{"server": {"project_id": "'$PROJECT'", "metadata": {"key1": "value1"}}}' '${url}/registry/servers/${id}'`,
    "",
    "Delete its metadata item, with a token whose role is member or more. Answers: 204 No Content",
    `  curl -i -X DELETE -H "X-Auth-Token: $TOKEN" '${url}/v2.1/servers/${id}/metadata/key1'`,
  ];
}

/**
 * @param {string} url
 * @param {string} token
 * @param {string} [method]
 */
function curl(url, token, method) {
  return `curl -i ${method === undefined ? "" : `-X ${method} `}-H 'X-Auth-Token: ${token}' '${url}'`;
}

/**
 * @param {StartOptions} options
 * @param {string} page
 */
function wranglerArgs({ port, persistTo, rest }, page) {
  const ip = rest.includes("--ip") ? [] : ["--ip", HOST];
  return [wrangler, "dev", "--local", ...ip, "--port", String(port), "--persist-to", persistTo, "--assets", page, ...rest];
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
    onceNpmIsGone(resolve);
  });
}
