// The demo: the resources and tokens that the two API documents' own examples name, so that their
// examples can be run to the letter. Its tokens are known to everyone: they are only ever written to
// the local KV of a machine.

import { Failure } from "./report.mjs";

/**
 * @typedef {(url: string, request?: RequestInit) => Promise<Response>} Fetch
 * @typedef {{ project_id: string, name: string, metadata: Record<string, string>, [field: string]: unknown }} Fields
 * @typedef {{ kind: "server" | "image", id: string, fields: Fields }} Resource
 * @typedef {{ what: string, resource: Resource, key: string, path: string, token: string }} Deletion
 */

const PROJECT = "e4ee5a9bdf934e35b62c8b995152feee";
const OTHER_PROJECT = "cb8aa2a2c7244af5aab1fa7881ba7f4c";
/** As the server document's error example writes it: the last character is missing. */
const OTHER_PROJECT_MISTYPED = "cb8aa2a2c7244af5aab1fa7881ba7f4";

const SERVER_TOKEN = "870466f60fd3461abbcf1f2f16ffc30f";
const OTHER_SERVER_TOKEN = "5ea07aa3793a43c3b5d0988d1253c01d";
const IMAGE_TOKEN = "f064c46a782c444cb4ba4b6434288f7c";

// Every field is given, so that putting a record again undoes whatever was tried on it.
const SERVER_AT_REST = {
  vm_state: "active",
  task_state: null,
  power_state: 1,
  locked: false,
  launched: true,
  created: "2014-12-19T06:56:18Z",
};

/** @type {Resource} */
const server = {
  kind: "server",
  id: "5ec95878-b74d-40f2-be61-c3c1ae5e5b19",
  fields: {
    ...SERVER_AT_REST,
    project_id: PROJECT,
    name: "demo-server",
    metadata: { sample_key: "sample_value", environment: "demo", owner: "nobody" },
  },
};

/** @type {Resource} */
const otherServer = {
  kind: "server",
  id: "df82dc3f-98e0-4f68-8b75-db8aee7905ab",
  fields: { ...SERVER_AT_REST, project_id: OTHER_PROJECT, name: "other-server", metadata: { key1: "value1" } },
};

/** @type {Resource} */
const image = {
  kind: "image",
  id: "70a599e0-31e7-49b7-b260-868f441e862b",
  fields: {
    status: "active",
    visibility: "private",
    members: [],
    created: "2015-07-15T17:05:13Z",
    project_id: PROJECT,
    name: "demo-image",
    metadata: { image_key: "image_value", os_distro: "debian", os_version: "12" },
  },
};

export const resources = [server, otherServer, image];

/** @type {Deletion[]} */
export const deletions = [
  {
    what: "a metadata item of a server",
    resource: server,
    key: "sample_key",
    path: `/v2/${PROJECT}/servers/${server.id}/metadata/sample_key`,
    token: SERVER_TOKEN,
  },
  {
    what: "a metadata item of an image",
    resource: image,
    key: "image_key",
    path: `/images/${image.id}/metadata/image_key`,
    token: IMAGE_TOKEN,
  },
];

/** A mistyped project is found before anything is looked up: whatever was tried, this answers 400. */
export const mistake = {
  path: `/v2/${OTHER_PROJECT_MISTYPED}/servers/${otherServer.id}/metadata/key1`,
  token: OTHER_SERVER_TOKEN,
};

/**
 * @param {string} adminToken
 * @param {number} expiresIn seconds
 * @returns {Map<string, import("./token-store.mjs").Claims>}
 */
export function tokens(adminToken, expiresIn) {
  const member = { user: "demo-member", roles: ["member"], expiresIn };
  return new Map([
    [SERVER_TOKEN, { ...member, project: PROJECT }],
    [IMAGE_TOKEN, { ...member, project: PROJECT }],
    [OTHER_SERVER_TOKEN, { ...member, project: OTHER_PROJECT }],
    [adminToken, { user: "demo-admin", project: PROJECT, roles: ["admin"], expiresIn }],
  ]);
}

/** @param {Resource} resource */
export function registryPath({ kind, id }) {
  return `/registry/${kind}s/${id}`;
}

/**
 * Registers what is not there yet; with `reset`, everything, as it was at the beginning.
 * @param {string} url the Worker's, without a slash at its end
 * @param {string} adminToken
 * @param {{ reset: boolean }} how
 * @param {Fetch} [send]
 */
export async function load(url, adminToken, { reset }, send = fetch) {
  for (const resource of resources) {
    if (!reset && (await find(url, adminToken, resource, send)) !== undefined) continue;
    await ask(url, adminToken, resource, send, {
      method: "PUT",
      body: JSON.stringify({ [resource.kind]: resource.fields }),
      headers: { "Content-Type": "application/json" },
    });
  }
}

/** States in which a server's metadata may be changed. */
const AT_REST = ["active", "paused", "suspended", "stopped"];

/**
 * What a deletion of the demo will answer now: looks, because someone may have been here before.
 * @param {string} url
 * @param {string} adminToken
 * @param {Deletion} deletion
 * @param {Fetch} [send]
 * @returns {Promise<204 | 404 | 409>}
 */
export async function outcome(url, adminToken, { resource, key }, send = fetch) {
  const record = await find(url, adminToken, resource, send);
  if (record === undefined || !Object.hasOwn(record.metadata, key)) return 404;
  if (resource.kind === "image") return record["status"] === "active" ? 204 : 409;
  const free = record["locked"] === false && record["task_state"] === null && record["launched"] === true;
  return free && AT_REST.includes(String(record["vm_state"])) ? 204 : 409;
}

/**
 * @param {string} url
 * @param {string} adminToken
 * @param {Resource} resource
 * @param {Fetch} send
 * @returns {Promise<Fields | undefined>}
 */
async function find(url, adminToken, resource, send) {
  const answer = await ask(url, adminToken, resource, send, { method: "GET" });
  if (answer.status === 404) return undefined;
  const body = /** @type {Record<string, Fields>} */ (await answer.json());
  return body[resource.kind];
}

/**
 * @param {string} url
 * @param {string} adminToken
 * @param {Resource} resource
 * @param {Fetch} send
 * @param {{ method: string, body?: string, headers?: Record<string, string> }} request
 */
async function ask(url, adminToken, resource, send, request) {
  const headers = { ...request.headers, "X-Auth-Token": adminToken };
  const answer = await send(url + registryPath(resource), { ...request, headers });
  if (answer.ok || answer.status === 404) return answer;
  throw new Failure(`${request.method} ${registryPath(resource)} answered ${answer.status}: ${await answer.text()}`);
}
