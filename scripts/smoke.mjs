// `npm run smoke`: one round trip through a deployed Worker, with a server made up for it: registered,
// a metadata item deleted, deleted again, and the server removed. Nothing else is touched.

import { randomUUID } from "node:crypto";
import { parseArgs } from "node:util";
import { Failure, command } from "./command.mjs";

const HELP = `npm run smoke -- URL --admin-token T

  URL               where the Worker answers, e.g. https://edge-metadata.example.workers.dev, with its API_BASE_PATH
  --admin-token T   a token with role admin, in any project; ADMIN_TOKEN in the environment does as well
`;

await command(async () => {
  const { values, positionals } = given();
  if (values.help) {
    process.stdout.write(HELP);
    return;
  }
  const token = values["admin-token"] ?? process.env["ADMIN_TOKEN"];
  const [url] = positionals;
  if (url === undefined || positionals.length > 1 || !token) throw new Failure(`a URL and an admin token are needed:\n${HELP}`);
  await roundTrip(base(url), token);
});

/**
 * @param {string} at
 * @param {string} token
 */
async function roundTrip(at, token) {
  const id = randomUUID();
  const record = `/registry/servers/${id}`;
  const item = `/v2.1/servers/${id}/metadata/smoke`;
  const server = { project_id: "0", name: "smoke-test", metadata: { smoke: "test" } };
  await expect(200, "the version document", () => fetch(`${at}/`));
  await expect(401, "a request without a token", () => fetch(at + item, { method: "DELETE" }));
  await expect(201, "a new server in the registry", () => send("PUT", record, JSON.stringify({ server })));
  try {
    await expect(204, "its metadata item deleted", () => send("DELETE", item));
    await expect(404, "the same once more", () => send("DELETE", item));
  } finally {
    await expect(204, "the server removed", () => send("DELETE", record));
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {string} [body]
   */
  function send(method, path, body) {
    const headers = { "X-Auth-Token": token, "Content-Type": "application/json" };
    return fetch(at + path, body === undefined ? { method, headers } : { method, headers, body });
  }
}

/**
 * @param {number} status
 * @param {string} what
 * @param {() => Promise<Response>} request
 */
async function expect(status, what, request) {
  const started = performance.now();
  const answer = await request().catch((/** @type {Error} */ error) => {
    throw new Failure(`${what}: no answer (${error.cause ?? error.message})`);
  });
  const body = await answer.text();
  if (answer.status !== status) throw new Failure(`${what}: ${answer.status} instead of ${status}: ${body}`);
  process.stdout.write(`${status}  ${what}  (${Math.round(performance.now() - started)} ms)\n`);
}

/**
 * The origin, and the path below which the Worker answers (API_BASE_PATH).
 * @param {string} url
 */
function base(url) {
  try {
    const { origin, pathname } = new URL(url);
    return origin + pathname.replace(/\/+$/, "");
  } catch {
    throw new Failure(`${url} is no URL`);
  }
}

function given() {
  try {
    return parseArgs({
      options: { "admin-token": { type: "string" }, help: { type: "boolean", short: "h" } },
      allowPositionals: true,
    });
  } catch (error) {
    throw new Failure(`${error instanceof Error ? error.message : error}\n${HELP}`);
  }
}
