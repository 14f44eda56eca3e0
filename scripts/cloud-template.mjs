// The state that each run of the cloud's tests begins with: databases that know an administrator, one server and no
// image. To make them takes minutes, to copy them a moment, so they are kept in .tools until what they are made with
// changes.

import { createHash, randomBytes } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { succeed } from "./cloud-environment.mjs";
import { progress } from "./report.mjs";
import { keystoneTemplate } from "./keystone-environment.mjs";
import { root, tools } from "./layout.mjs";

/** Nova's databases. */
export const NOVA_DATABASES = ["nova_api", "nova_cell0", "nova_cell1"];

const SOURCES = [
  fileURLToPath(import.meta.url),
  join(root, "scripts", "keystone-environment.mjs"),
  join(root, "benches", "nova", "servers.py"),
  ...["keystone/requirements.txt", "cloud/requirements-glance.txt"].map((file) => join(root, "tests", file)),
  join(root, "benches", "nova", "requirements.txt"),
];

/**
 * @param {import("./cloud-environment.mjs").CloudPrograms} programs
 * @returns {Promise<{ folder: string, password: string }>} folders `keystone`, `nova` and `glance` to be copied, and the
 * administrator's password
 */
export async function cloudTemplate(programs) {
  const hash = createHash("sha256");
  for (const file of SOURCES) hash.update(readFileSync(file));
  const folder = join(tools, "cloud", hash.digest("hex").slice(0, 16));
  const password = join(folder, "password");
  if (existsSync(password)) return { folder, password: readFileSync(password, "utf8") };
  rmSync(join(tools, "cloud"), { recursive: true, force: true });
  const making = `${folder}.new`;
  mkdirSync(making, { recursive: true });
  const secret = randomBytes(16).toString("hex");
  await Promise.all([keystone(programs, making, secret), nova(programs, making), glance(programs, making)]);
  writeFileSync(join(making, "password"), secret, { mode: 0o600 });
  renameSync(making, folder);
  return { folder, password: secret };
}

/**
 * @param {import("./cloud-environment.mjs").CloudPrograms} programs
 * @param {string} folder
 * @param {string} password
 */
async function keystone(programs, folder, password) {
  const made = await keystoneTemplate(programs.keystone, password);
  cpSync(made, join(folder, "keystone"), { recursive: true });
  rmSync(made, { recursive: true });
}

/**
 * @param {import("./cloud-environment.mjs").CloudPrograms} programs
 * @param {string} parent
 */
async function nova(programs, parent) {
  progress("nova-manage: the databases of an API and of two cells (about a minute)");
  const folder = join(parent, "nova");
  mkdirSync(folder);
  const url = (/** @type {string} */ name) => `sqlite:///${join(folder, `${name}.sqlite`)}`;
  const file = join(folder, "nova.conf");
  const configuration = `[DEFAULT]
transport_url = fake:///
state_path = ${folder}
[api_database]
connection = ${url("nova_api")}
[database]
connection = ${url("nova_cell1")}
`;
  writeFileSync(file, configuration);
  const manage = (/** @type {string[]} */ ...args) =>
    succeed(join(programs.nova, "bin", "nova-manage"), ["--config-file", file, ...args], { OS_NOVA_CONFIG_DIR: folder });
  await manage("api_db", "sync");
  await manage("cell_v2", "map_cell0", "--database_connection", url("nova_cell0"));
  await manage("cell_v2", "create_cell", "--name", "cell1");
  await manage("db", "sync");
  // The pattern of all others, made by Nova itself.
  const servers = join(root, "benches", "nova", "servers.py");
  await succeed(join(programs.nova, "bin", "python"), [servers, file, "pattern", "pattern", "1"], { OS_NOVA_CONFIG_DIR: folder });
}

/**
 * @param {import("./cloud-environment.mjs").CloudPrograms} programs
 * @param {string} parent
 */
async function glance(programs, parent) {
  progress("glance-manage: a database (half a minute)");
  const folder = join(parent, "glance");
  mkdirSync(folder);
  const file = join(folder, "glance.conf");
  writeFileSync(file, `[database]\nconnection = sqlite:///${join(folder, "glance.sqlite")}\n`);
  await succeed(join(programs.glance, "bin", "glance-manage"), ["--config-file", file, "db_sync"]);
}
