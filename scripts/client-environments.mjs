// Where the Python clients of `npm run test:clients` are installed: a virtual environment for the newest
// ones and one for the last python-novaclient that knew images, because no environment holds two versions.

import { createHash } from "node:crypto";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Failure, progress } from "./report.mjs";
import { root } from "./layout.mjs";
import { atLeast } from "./version.mjs";
import { capture, run } from "./run.mjs";

/** What the newest openstacksdk, keystoneauth1 and python-openstackclient ask for. */
const PYTHON = "3.11";
const NAMES = ["python3", "python3.14", "python3.13", "python3.12", "python3.11", "python"];

/** @typedef {{ folder: string, requirements: string }} Environment */

/** @type {Environment} */
const newest = {
  folder: join(root, ".venv", "clients"),
  requirements: join(root, "tests", "clients", "requirements.txt"),
};

/** @type {Environment} */
const novaclient7 = {
  folder: join(root, ".venv", "clients-novaclient-7"),
  requirements: join(root, "tests", "clients", "requirements-novaclient-7.txt"),
};

/** @type {Environment} */
const schemathesis = {
  folder: join(root, ".venv", "schemathesis"),
  requirements: join(root, "tests", "http-fuzz", "requirements.txt"),
};

/** The Python of schemathesis, which `npm run test:http-fuzz` runs. */
export async function schemathesisEnvironment() {
  return install(schemathesis, await findPython());
}

/**
 * Installs what is not there yet, and gives the Python of each environment.
 * @returns {Promise<{ newest: string, novaclient7: string }>}
 */
export async function clientEnvironments() {
  const python = await findPython();
  return { newest: await install(newest, python), novaclient7: await install(novaclient7, python) };
}

/**
 * Installs what is not there yet, and gives the environment's Python.
 * @param {Environment} environment
 * @param {{ program: string, version: string }} python
 * @returns {Promise<string>}
 */
export async function install({ folder, requirements }, python) {
  const interpreter = join(folder, "bin", "python");
  // Written last, so that an installation that was interrupted is begun anew.
  const installed = join(folder, "installed");
  const wanted = createHash("sha256").update(python.version).update(readFileSync(requirements)).digest("hex");
  if (existsSync(installed) && readFileSync(installed, "utf8") === wanted) return interpreter;
  progress(`pip install -r ${requirements.slice(root.length + 1)} (about half a minute)`);
  rmSync(folder, { recursive: true, force: true });
  await run(python.program, ["-m", "venv", folder]);
  await run(interpreter, ["-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check", "-r", requirements]);
  writeFileSync(installed, wanted);
  return interpreter;
}

/** The first that is new enough and whole: Debian and its kin ship `venv` in a package of its own. */
export async function findPython() {
  const seen = [];
  for (const program of NAMES) {
    const { code, stdout } = await capture(program, ["-c", "import sys; print(*sys.version_info[:3], sep='.')"]);
    if (code !== 0) continue;
    const version = stdout.trim();
    if (!atLeast(version, PYTHON)) seen.push(`${program} is ${version}`);
    else if ((await capture(program, ["-c", "import ensurepip, venv"])).code !== 0) seen.push(`${program} lacks venv`);
    else return { program, version };
  }
  throw new Failure(
    `Python ${PYTHON} or newer with venv is needed for this; ${seen.join(", ") || "there is no Python"}. ` +
      "On Debian and Ubuntu: sudo apt-get update && sudo apt-get install -y python3 python3-venv",
  );
}
