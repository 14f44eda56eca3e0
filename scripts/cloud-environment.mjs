// What `npm run test:cloud` runs, installed where it is missing: Keystone, Nova and Glance from PyPI, RabbitMQ from the
// system's packages.

import { accessSync, constants, existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { findPython, install } from "./client-environments.mjs";
import { Failure, progress } from "./report.mjs";
import { keystoneEnvironment } from "./keystone-environment.mjs";
import { root } from "./layout.mjs";
import { capture, exitCode } from "./run.mjs";

/** @typedef {{ keystone: string, nova: string, glance: string, rabbitmq: string, epmd: string }} CloudPrograms folders of programs, and epmd itself */

const nova = {
  folder: join(root, ".venv", "nova"),
  requirements: join(root, "benches", "nova", "requirements.txt"),
};

const glance = {
  folder: join(root, ".venv", "glance"),
  requirements: join(root, "tests", "cloud", "requirements-glance.txt"),
};

/** Debian's and Ubuntu's scripts in PATH change to another user; these run as whoever starts them. */
const RABBITMQ = ["/usr/lib/rabbitmq/bin", "/usr/local/lib/rabbitmq/bin", "/opt/homebrew/sbin", "/usr/local/sbin"];

/** @returns {Promise<CloudPrograms>} */
export async function cloudEnvironment() {
  const rabbitmq = await rabbitmqPrograms();
  // Looks for what compiles uWSGI, too.
  const keystone = await keystoneEnvironment();
  const python = await findPython();
  await install(nova, python);
  await install(glance, python);
  return { keystone, nova: nova.folder, glance: glance.folder, ...rabbitmq };
}

async function rabbitmqPrograms() {
  const installed = findRabbitmq();
  if (installed) return installed;
  if (process.getuid?.() !== 0 || !existsSync("/usr/bin/apt-get")) {
    throw new Failure("RabbitMQ is missing: sudo apt-get update && sudo apt-get install -y rabbitmq-server");
  }
  progress("apt-get install rabbitmq-server (half a minute)");
  // The package would start a broker for the whole machine.
  const env = { DEBIAN_FRONTEND: "noninteractive", RUNLEVEL: "1" };
  await exitCode("apt-get", ["update", "--quiet=2"], { env });
  await exitCode("apt-get", ["install", "--yes", "--quiet=2", "--no-install-recommends", "rabbitmq-server"], { env });
  const found = findRabbitmq();
  if (found === undefined) throw new Failure("RabbitMQ could not be installed: apt-get install rabbitmq-server");
  return found;
}

function findRabbitmq() {
  const rabbitmq = RABBITMQ.find(
    (folder) => isProgram(join(folder, "rabbitmq-server")) && isProgram(join(folder, "rabbitmqctl")),
  );
  const epmd = (process.env["PATH"] ?? "")
    .split(delimiter)
    .map((folder) => join(folder, "epmd"))
    .find(isProgram);
  return rabbitmq === undefined || epmd === undefined ? undefined : { rabbitmq, epmd };
}

/** @param {string} file */
function isProgram(file) {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * Runs a program to its end; anything but success is a failure that shows what it printed.
 * @param {string} program
 * @param {string[]} args
 * @param {Record<string, string>} [env]
 */
export async function succeed(program, args, env = {}) {
  const { code, stdout, stderr } = await capture(program, args, { env });
  if (code !== 0) throw new Failure(`${program} ${args.join(" ")} ended with exit code ${code}\n${stdout}${stderr}`);
  return stdout;
}
