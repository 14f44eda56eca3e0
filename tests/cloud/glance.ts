// A real Glance on SQLite and a folder.
import { cpSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";

import { succeed } from "../../scripts/cloud-environment.mjs";
import { freePort } from "../../scripts/free-port.mjs";
import { root } from "../../scripts/layout.mjs";
import type { Later } from "../programs.ts";
import { settings } from "./documents.ts";
import { Service } from "./service.ts";

export interface GlanceOptions {
  /** The folder of its environment. */
  environment: string;
  template: string;
  folder: string;
  keystone: string;
  adminPassword: string;
  /** Where notifications go; oslo's scheme `rabbit`. */
  notifications: string;
}

export interface NewImage {
  id: string;
  project: string;
  name?: string;
  visibility?: "private" | "shared" | "public" | "community";
  members?: string[];
  metadata?: Record<string, string>;
}

export class Glance {
  readonly service: Service;

  private constructor(
    readonly options: GlanceOptions,
    port: number,
  ) {
    this.service = new Service({
      name: "Glance",
      folder: options.folder,
      port,
      uwsgi: path.join(options.environment, "bin", "uwsgi"),
      module: "glance.wsgi.api:application",
      processes: 1,
      threads: 4,
      ready: "/versions",
      env: { OS_GLANCE_CONFIG_DIR: options.folder },
    });
  }

  static async start(options: GlanceOptions, later: Later): Promise<Glance> {
    const { folder, template, environment } = options;
    cpSync(template, folder, { recursive: true });
    mkdirSync(path.join(folder, "images"), { recursive: true });
    cpSync(path.join(environment, "etc", "glance", "glance-api-paste.ini"), path.join(folder, "glance-api-paste.ini"));
    writeFileSync(path.join(folder, "glance-api.conf"), configuration(options));
    const glance = new Glance(options, await freePort());
    const wal = "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute('PRAGMA journal_mode = WAL')";
    await succeed(path.join(environment, "bin", "python"), ["-c", wal, path.join(folder, "glance.sqlite")]);
    later(() => glance.service.kill());
    await glance.service.start();
    return glance;
  }

  get url(): string {
    return this.service.url;
  }

  /** Active images without data. */
  async insert(images: NewImage[]): Promise<void> {
    const database = path.join(this.options.folder, "glance.sqlite");
    // As SQLAlchemy writes it: SQLite compares times as text, and a page begins after a time.
    const now = `${new Date().toISOString().slice(0, 19).replace("T", " ")}.000000`;
    const times = { created_at: now, updated_at: now, deleted: 0 };
    const jobs = [
      {
        database,
        table: "images",
        where: {},
        rows: images.map(({ id, project, name, visibility }) => ({
          ...times,
          ...{ id, owner: project, name: name ?? `image ${id}`, visibility: visibility ?? "private", status: "active" },
          ...{ size: 0, min_disk: 0, min_ram: 0, protected: 0, os_hidden: 0, disk_format: "raw", container_format: "bare" },
        })),
      },
      {
        database,
        table: "image_properties",
        where: {},
        rows: images.flatMap(({ id, metadata }) =>
          Object.entries(metadata ?? {}).map(([name, value]) => ({ ...times, image_id: id, name, value })),
        ),
      },
      {
        database,
        table: "image_members",
        where: {},
        rows: images.flatMap(({ id, members }) =>
          (members ?? []).map((member) => ({ ...times, image_id: id, member, can_share: 0, status: "accepted" })),
        ),
      },
    ];
    const file = path.join(this.options.folder, "jobs.json");
    writeFileSync(file, JSON.stringify(jobs));
    await succeed(path.join(this.options.environment, "bin", "python"), [path.join(root, "tests", "cloud", "clone.py"), file]);
    rmSync(file);
  }

  /** Takes a property away without telling anyone. */
  async forget(id: string, key: string): Promise<void> {
    const script = `
import sqlite3, sys
with sqlite3.connect(sys.argv[1], timeout=60) as database:
    database.execute("DELETE FROM image_properties WHERE image_id = ? AND name = ?", sys.argv[2:])
`;
    const database = path.join(this.options.folder, "glance.sqlite");
    await succeed(path.join(this.options.environment, "bin", "python"), ["-c", script, database, id, key]);
  }
}

/** For the bridge, what docs/operate.md says. */
function configuration({ folder, keystone, adminPassword, notifications }: GlanceOptions): string {
  return `[DEFAULT]
log_file = ${path.join(folder, "glance.log")}
enabled_backends = files:file
[database]
connection = sqlite:///${path.join(folder, "glance.sqlite")}
[glance_store]
default_backend = files
[files]
filesystem_store_datadir = ${path.join(folder, "images")}
[paste_deploy]
flavor = keystone
config_file = ${path.join(folder, "glance-api-paste.ini")}
${settings("Glance")}transport_url = ${notifications}
[keystone_authtoken]
www_authenticate_uri = ${keystone}
interface = public
auth_url = ${keystone}
auth_type = password
username = admin
password = ${adminPassword}
project_name = admin
user_domain_id = default
project_domain_id = default
`;
}
