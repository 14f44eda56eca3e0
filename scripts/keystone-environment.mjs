// Where the Keystone of `npm run test:keystone` is installed, and the state that each of the tests' Keystones
// begins with: an empty database takes as long to make as all the rest.

import { generateKeyPairSync } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { dirname, join } from "node:path";
import { findPython, install } from "./client-environments.mjs";
import { Failure, progress } from "./report.mjs";
import { root } from "./layout.mjs";
import { capture } from "./run.mjs";

const environment = {
  folder: join(root, ".venv", "keystone"),
  requirements: join(root, "tests", "keystone", "requirements.txt"),
};

/** @returns {Promise<string>} the folder of its programs */
export async function keystoneEnvironment() {
  const python = await findPython();
  if (!existsSync(join(environment.folder, "bin", "uwsgi"))) await checkHeaders(python.program);
  return dirname(await install(environment, python));
}

/** uWSGI is compiled against the Python that it serves. @param {string} python */
async function checkHeaders(python) {
  const { stdout } = await capture(python, ["-c", "import sysconfig; print(sysconfig.get_path('include'))"]);
  if (existsSync(join(stdout.trim(), "Python.h"))) return;
  throw new Failure(
    `the headers of ${python} are needed to compile uWSGI. ` +
      "On Debian and Ubuntu: sudo apt-get update && sudo apt-get install -y build-essential python3-dev",
  );
}

/**
 * A Keystone that knows an administrator and nothing else.
 * @param {string} bin
 * @param {string} password the administrator's
 * @returns {Promise<string>} its folder, to be copied
 */
export async function keystoneTemplate(bin, password) {
  progress("keystone-manage: a database, keys and an administrator (about half a minute)");
  const folder = mkdtempSync(join(tmpdir(), "edge-metadata-keystone-"));
  writeFileSync(join(folder, "keystone.conf"), configuration(folder, { provider: "fernet", expiration: 3600, grace: 3600 }));
  writeSigningKeys(folder);
  const { username, gid } = userInfo();
  const group = (await capture("id", ["-gn"])).stdout.trim() || String(gid);
  const owner = ["--keystone-user", username, "--keystone-group", group];
  for (const args of [
    ["db_sync"],
    ["fernet_setup", ...owner],
    ["credential_setup", ...owner],
    [
      "bootstrap",
      "--bootstrap-username",
      "admin",
      "--bootstrap-password",
      password,
      "--bootstrap-project-name",
      "admin",
      "--bootstrap-role-name",
      "admin",
      "--bootstrap-service-name",
      "keystone",
      "--bootstrap-region-id",
      "RegionOne",
      "--bootstrap-public-url",
      "http://127.0.0.1/v3",
    ],
  ]) {
    // Named in full: without it, it would write into /etc/keystone.
    const configuration = ["--config-file", join(folder, "keystone.conf")];
    const { code, stdout, stderr } = await capture(join(bin, "keystone-manage"), [...configuration, ...args]);
    if (code !== 0) throw new Failure(`keystone-manage ${args[0]} ended with exit code ${code}\n${stdout}${stderr}`);
  }
  return folder;
}

/** For JWS tokens: ES256. `keystone-manage` would leave them in the current folder. @param {string} folder */
function writeSigningKeys(folder) {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  for (const [name, pem] of [
    ["private", privateKey.export({ type: "pkcs8", format: "pem" })],
    ["public", publicKey.export({ type: "spki", format: "pem" })],
  ]) {
    const repository = join(folder, "jws-keys", String(name));
    mkdirSync(repository, { recursive: true });
    writeFileSync(join(repository, `${name}.pem`), String(pem), { mode: 0o600 });
  }
}

/**
 * @param {string} folder
 * @param {{ provider: string, expiration: number, grace: number }} tokens seconds that one holds, and then still passes
 * beside a service's
 */
export function configuration(folder, { provider, expiration, grace }) {
  return `[DEFAULT]
log_file = ${join(folder, "keystone.log")}
[database]
connection = sqlite:///${join(folder, "keystone.db")}
[identity]
password_hash_rounds = 4
[token]
provider = ${provider}
expiration = ${expiration}
allow_expired_window = ${grace}
[fernet_tokens]
key_repository = ${join(folder, "fernet-keys")}
[credential]
key_repository = ${join(folder, "credential-keys")}
[jwt_tokens]
jws_public_key_repository = ${join(folder, "jws-keys", "public")}
jws_private_key_repository = ${join(folder, "jws-keys", "private")}
`;
}
