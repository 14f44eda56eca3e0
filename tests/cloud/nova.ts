// A real Nova API on SQLite, whose servers are put into its database: there is no compute node.
import { cpSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";

import { NOVA_DATABASES } from "../../scripts/cloud-template.mjs";
import { succeed } from "../../scripts/cloud-environment.mjs";
import { freePort } from "../../scripts/free-port.mjs";
import { root } from "../../scripts/layout.mjs";
import type { Later } from "../programs.ts";
import { settings } from "./documents.ts";
import { Service } from "./service.ts";

/** The server of the template that all others are copies of. */
const PATTERN = "00000001-0000-4000-8000-000000000000";
/** Its project, which must look like one of Keystone's. */
const PATTERNS_PROJECT = "ace0".repeat(8);

export interface NovaOptions {
  /** The folder of its environment. */
  environment: string;
  template: string;
  folder: string;
  keystone: string;
  adminPassword: string;
  /** Where notifications go; oslo's scheme `rabbit`. */
  notifications: string;
  /** What answers for Neutron and Placement. */
  others: string;
}

export interface NewServer {
  id: string;
  project: string;
  user: string;
  name?: string;
  metadata?: Record<string, string>;
}

export class Nova {
  readonly service: Service;

  private constructor(
    readonly options: NovaOptions,
    port: number,
  ) {
    this.service = new Service({
      name: "Nova",
      folder: options.folder,
      port,
      uwsgi: path.join(options.environment, "bin", "uwsgi"),
      module: "nova.wsgi.osapi_compute:application",
      processes: 2,
      threads: 2,
      ready: "/",
      env: { OS_NOVA_CONFIG_DIR: options.folder },
    });
  }

  static async start(options: NovaOptions, later: Later): Promise<Nova> {
    const { folder, template, environment } = options;
    cpSync(template, folder, { recursive: true });
    mkdirSync(path.join(folder, "state"), { recursive: true });
    cpSync(path.join(environment, "etc", "nova", "api-paste.ini"), path.join(folder, "api-paste.ini"));
    writeFileSync(path.join(folder, "nova.conf"), configuration(options));
    const nova = new Nova(options, await freePort());
    await nova.#settle();
    later(() => nova.service.kill());
    await nova.service.start();
    return nova;
  }

  /** What the template's databases say about where they are; readers that do not wait for writers. */
  async #settle(): Promise<void> {
    const script = `
import sqlite3, sys
folder = sys.argv[1]
for name in ${JSON.stringify(NOVA_DATABASES)}:
    sqlite3.connect(f"{folder}/{name}.sqlite").execute("PRAGMA journal_mode = WAL")
with sqlite3.connect(f"{folder}/nova_api.sqlite") as api:
    for name, database in (("cell0", "nova_cell0"), ("cell1", "nova_cell1")):
        api.execute("UPDATE cell_mappings SET database_connection = ? WHERE name = ?", (f"sqlite:///{folder}/{database}.sqlite", name))
    api.execute("UPDATE instance_mappings SET project_id = ?", (sys.argv[2],))
with sqlite3.connect(f"{folder}/nova_cell1.sqlite") as cell:
    cell.execute("UPDATE instance_info_caches SET network_info = '[]'")
    cell.execute("UPDATE instances SET project_id = ?", (sys.argv[2],))
`;
    await succeed(path.join(this.options.environment, "bin", "python"), ["-c", script, this.options.folder, PATTERNS_PROJECT]);
  }

  get url(): string {
    return `${this.service.url}/v2.1`;
  }

  /** Servers as they are once a compute node has them: active, launched, without networks. */
  async insert(servers: NewServer[]): Promise<void> {
    const database = (name: string): string => path.join(this.options.folder, `${name}.sqlite`);
    const copies = (table: string, key: string, more: (server: NewServer) => object = () => ({})): object => ({
      database: database("nova_cell1"),
      table,
      where: { [key]: PATTERN },
      rows: servers.map((server) => ({ [key]: server.id, ...more(server) })),
    });
    const owner = ({ project, user }: NewServer): object => ({ project_id: project, user_id: user });
    const jobs = [
      copies("instances", "uuid", (server) => ({ ...owner(server), display_name: server.name ?? `server ${server.id}` })),
      copies("instance_extra", "instance_uuid"),
      copies("instance_info_caches", "instance_uuid"),
      copies("instance_system_metadata", "instance_uuid"),
      {
        database: database("nova_cell1"),
        table: "instance_metadata",
        where: {},
        rows: servers.flatMap(({ id, metadata }) =>
          Object.entries(metadata ?? {}).map(([key, value]) => ({ instance_uuid: id, key, value, deleted: 0 })),
        ),
      },
      {
        database: database("nova_api"),
        table: "instance_mappings",
        where: { instance_uuid: PATTERN },
        rows: servers.map((server) => ({ instance_uuid: server.id, ...owner(server) })),
      },
    ];
    const file = path.join(this.options.folder, "jobs.json");
    writeFileSync(file, JSON.stringify(jobs));
    await succeed(path.join(this.options.environment, "bin", "python"), [path.join(root, "tests", "cloud", "clone.py"), file]);
    rmSync(file);
  }

  /** Changes a server's vm_state without telling anyone. */
  async state(id: string, state: string): Promise<void> {
    await this.#sql("UPDATE instances SET vm_state = ? WHERE uuid = ?", state, id);
  }

  /** Gives a key of servers that have it another value, without telling anyone. */
  async write(ids: string[], key: string, value: string): Promise<void> {
    const marks = ids.map(() => "?").join();
    await this.#sql(`UPDATE instance_metadata SET value = ? WHERE key = ? AND instance_uuid IN (${marks})`, value, key, ...ids);
  }

  async #sql(statement: string, ...values: string[]): Promise<void> {
    const script =
      "import sqlite3, sys\nwith sqlite3.connect(sys.argv[1], timeout=60) as cell: cell.execute(sys.argv[2], sys.argv[3:])";
    const database = path.join(this.options.folder, "nova_cell1.sqlite");
    await succeed(path.join(this.options.environment, "bin", "python"), ["-c", script, database, statement, ...values]);
  }
}

/** For the bridge, what docs/operate.md says. */
function configuration(options: NovaOptions): string {
  const { folder, keystone, adminPassword, notifications, others } = options;
  const identity = `auth_url = ${keystone}
auth_type = password
username = admin
password = ${adminPassword}
project_name = admin
user_domain_id = default
project_domain_id = default
`;
  return `[DEFAULT]
host = tests
transport_url = fake:///
state_path = ${path.join(folder, "state")}
log_file = ${path.join(folder, "nova.log")}
[api_database]
connection = sqlite:///${path.join(folder, "nova_api.sqlite")}
[database]
connection = sqlite:///${path.join(folder, "nova_cell1.sqlite")}
${settings("Nova")}transport_url = ${notifications}
[neutron]
endpoint_override = ${others}
${identity}[placement]
endpoint_override = ${others}/placement
${identity}[cinder]
endpoint_template = ${others}/%(project_id)s
${identity}[keystone_authtoken]
www_authenticate_uri = ${keystone}
interface = public
${identity}`;
}
