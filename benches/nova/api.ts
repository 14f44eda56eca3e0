// Nova's API as operators run it: uWSGI processes and the databases of one cell.
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { findPython, install } from "../../scripts/client-environments.mjs";
import { Failure, progress } from "../../scripts/command.mjs";
import { freePort } from "../../scripts/free-port.mjs";
import { keystoneEnvironment } from "../../scripts/keystone-environment.mjs";
import { root } from "../../scripts/layout.mjs";
import { capture } from "../../scripts/run.mjs";
import { send } from "../fill.ts";
import { TOKENS_HOLD_SECONDS, type Identity } from "./keystone.ts";
import type { MariaDb } from "./mariadb.ts";
import { start, type Later } from "../../tests/programs.ts";

export const PROCESSES = 2;
const environment = {
  folder: path.join(root, ".venv", "nova"),
  requirements: path.join(root, "benches", "nova", "requirements.txt"),
};

export interface NovaApi {
  /** uWSGI's master; the processes that answer are its children. */
  pid: number;
  port: number;
}

/** Installs it and returns the versions. */
export async function novaEnvironment(): Promise<Record<string, string>> {
  // Also checks for the compiler that uWSGI needs.
  await keystoneEnvironment();
  const python = await findPython();
  await install(environment, python);
  const nova = /^nova==(.*)$/m.exec(readFileSync(environment.requirements, "utf8"))?.[1] ?? "";
  return { Nova: nova, Python: python.version };
}

function program(name: string): string {
  return path.join(environment.folder, "bin", name);
}

/** Creates its configuration, its databases, and servers 1 to `servers`, active and on a host. */
export async function prepareNova(folder: string, database: MariaDb, identity: Identity, servers: number): Promise<void> {
  // Nova's tables are made for three-byte UTF-8.
  for (const name of ["nova_api", "nova_cell0", "nova_cell1"]) await database.sql(`CREATE DATABASE ${name} CHARACTER SET utf8`);
  mkdirSync(path.join(folder, "state"));
  copyFileSync(path.join(environment.folder, "etc", "nova", "api-paste.ini"), path.join(folder, "api-paste.ini"));
  writeFileSync(path.join(folder, "nova.conf"), configuration(folder, database, identity));
  progress("nova-manage: the databases of an API and of two cells (about a minute)");
  for (const args of [
    ["api_db", "sync"],
    ["cell_v2", "map_cell0", "--database_connection", database.url("nova_cell0")],
    ["cell_v2", "create_cell", "--name", "cell1"],
    ["db", "sync"],
  ]) {
    await nova("nova-manage", folder, ["--config-file", path.join(folder, "nova.conf"), ...args]);
  }
  progress(`${servers} servers in Nova`);
  const script = path.join(root, "benches", "nova", "servers.py");
  await nova("python", folder, [script, path.join(folder, "nova.conf"), identity.project, identity.user, String(servers)]);
}

async function nova(name: string, folder: string, args: string[]): Promise<void> {
  const { code, stdout, stderr } = await capture(program(name), args, { env: { OS_NOVA_CONFIG_DIR: folder } });
  if (code !== 0) throw new Failure(`${name} ${args.join(" ")} ended with exit code ${code}\n${stdout}${stderr}`);
}

/**
 * The required settings, and nothing for speed. Tokens are cached in each process, because a memcached would cost Nova
 * more. A DELETE of an item sends no message, so there is no message bus.
 */
function configuration(folder: string, database: MariaDb, { keystone, adminPassword }: Identity): string {
  return `[DEFAULT]
host = bench
transport_url = fake:///
state_path = ${path.join(folder, "state")}
log_file = ${path.join(folder, "nova.log")}
[api_database]
connection = ${database.url("nova_api")}
[database]
connection = ${database.url("nova_cell1")}
[keystone_authtoken]
www_authenticate_uri = ${keystone.url}
auth_url = ${keystone.url}
auth_type = password
username = admin
password = ${adminPassword}
project_name = admin
user_domain_id = default
project_domain_id = default
interface = public
token_cache_time = ${TOKENS_HOLD_SECONDS}
`;
}

export async function startNova(folder: string, later: Later): Promise<NovaApi> {
  const port = await freePort();
  const args = [
    ...["--http-socket", `127.0.0.1:${port}`, "--module", "nova.wsgi.osapi_compute:application"],
    ...["--master", "--processes", String(PROCESSES), "--enable-threads", "--lazy-apps", "--need-app", "--thunder-lock"],
    ...["--die-on-term", "--no-orphans", "--buffer-size", "65535"],
    // uWSGI closes each connection but does not announce it by default.
    ...["--add-header", "Connection: close"],
    "--disable-logging",
  ];
  const uwsgi = { program: program("uwsgi"), args, folder, log: path.join(folder, "uwsgi.log") };
  const pid = await start({ name: "Nova", ...uwsgi, env: { OS_NOVA_CONFIG_DIR: folder } }, () => answers(port), later);
  return { pid, port };
}

async function answers(port: number): Promise<boolean> {
  try {
    return (await send(port, false, "GET", "/")).status < 400;
  } catch {
    return false;
  }
}
