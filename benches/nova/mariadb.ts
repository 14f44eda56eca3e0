// A MariaDB with its own folder and socket and no port, so that it conflicts with no other one.
import { accessSync, constants } from "node:fs";
import path from "node:path";
import { Failure } from "../../scripts/command.mjs";
import { capture } from "../../scripts/run.mjs";
import { start, type Later } from "../../tests/programs.ts";

/** The server may be outside a user's PATH. */
const FOLDERS = [...(process.env["PATH"] ?? "").split(":"), "/usr/sbin", "/usr/local/sbin"];

export interface MariaDb {
  pid: number;
  /** For SQLAlchemy. */
  url(database: string): string;
  /** Runs statements as the server's administrator. */
  sql(statements: string): Promise<string>;
}

interface Programs {
  server: string;
  client: string;
  install: string;
}

export async function requireMariaDb(): Promise<string> {
  const { stdout } = await capture(programs().server, ["--version"]);
  return /Ver ([\d.]+)/.exec(stdout)?.[1] ?? "unknown";
}

function programs(): Programs {
  const [server, client, install] = ["mariadbd", "mariadb", "mariadb-install-db"].map(find);
  if (server && client && install) return { server, client, install };
  throw new Failure("MariaDB is missing: apt-get install mariadb-server");
}

function find(program: string): string | undefined {
  return FOLDERS.map((folder) => path.join(folder, program)).find((file) => {
    try {
      accessSync(file, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Default settings, durable ones included; only the location of its files differs. */
export async function startMariaDb(folder: string, later: Later): Promise<MariaDb> {
  const { server, client, install } = programs();
  const data = path.join(folder, "mariadb");
  const socket = path.join(folder, "mariadb.sock");
  // Only root may pass --user, and root must.
  const user = process.getuid?.() === 0 ? ["--user=root"] : [];
  const root = ["--auth-root-authentication-method=normal", "--skip-test-db"];
  const made = await capture(install, ["--no-defaults", ...user, `--datadir=${data}`, ...root]);
  if (made.code !== 0) throw new Failure(`mariadb-install-db ended with exit code ${made.code}\n${made.stdout}${made.stderr}`);
  const ask = (statements: string): ReturnType<typeof capture> =>
    capture(client, ["--no-defaults", "--user=root", `--socket=${socket}`, "--batch", "--skip-column-names", "-e", statements]);
  const sql = async (statements: string): Promise<string> => {
    const { code, stdout, stderr } = await ask(statements);
    if (code !== 0) throw new Failure(`mariadb: ${stderr}`);
    return stdout;
  };
  const options = [
    `--datadir=${data}`,
    `--socket=${socket}`,
    `--pid-file=${path.join(folder, "mariadb.pid")}`,
    "--skip-networking",
  ];
  const args = ["--no-defaults", ...user, ...options];
  const program = { name: "MariaDB", program: server, args, folder, log: path.join(folder, "mariadb.log") };
  const pid = await start(program, async () => (await ask("SELECT 1")).code === 0, later);
  const url = (database: string): string => `mysql+pymysql://root@localhost/${database}?unix_socket=${socket}&charset=utf8`;
  return { pid, url, sql };
}
