/**
 * Starts the Worker, passes its address and tokens to the clients' tests in each environment, and stops it. Called
 * by scripts/test-clients.mjs, which installs the environments.
 */
import { spawn } from "node:child_process";
import path from "node:path";

import { Failure, command } from "../../scripts/command.mjs";
import { projectId, repository, startWorker, type Worker } from "../harness.ts";

/** Limit for a client that hangs; tests end long before. */
const LIMIT_MS = 10 * 60_000;

const folder = path.join(repository, "tests", "clients");
const WITH_NOVACLIENT_7 = "test_novaclient_7.py";

interface Counts {
  passed: number;
  failed: number;
}

const [newest, novaclient7, ...options] = process.argv.slice(2);
if (newest === undefined || novaclient7 === undefined) throw new Error("run it by `npm run test:clients`");

await command(async () => {
  const worker = await startWorker();
  const interrupted = interruption();
  try {
    const environment = await world(worker);
    const total = { passed: 0, failed: 0 };
    for (const [python, files] of [
      [newest, [`--ignore=${WITH_NOVACLIENT_7}`]],
      [novaclient7, [WITH_NOVACLIENT_7]],
    ] as const) {
      const { passed, failed } = await pytest(python, [...files, ...options], environment, interrupted);
      total.passed += passed;
      total.failed += failed;
    }
    process.stdout.write(`\n${total.passed} passed, ${total.failed} failed\n`);
    if (total.failed > 0 || total.passed === 0) process.exitCode = 1;
  } finally {
    await worker.stop();
  }
});

async function world(worker: Worker): Promise<Record<string, string>> {
  const project = projectId();
  const other = projectId();
  return {
    CLIENTS_URL: worker.url,
    CLIENTS_PROJECT: project,
    CLIENTS_OTHER_PROJECT: other,
    CLIENTS_TOKEN_MEMBER: await worker.token({ project, roles: ["member"] }),
    CLIENTS_TOKEN_READER: await worker.token({ project, roles: ["reader"] }),
    CLIENTS_TOKEN_STRANGER: await worker.token({ project: other, roles: ["member"] }),
    CLIENTS_TOKEN_EXPIRED: await worker.token({ project, roles: ["member"], expiresIn: -60 }),
    CLIENTS_TOKEN_REGISTRAR: await worker.registrar(),
  };
}

function pytest(python: string, args: string[], environment: Record<string, string>, interrupted: AbortSignal): Promise<Counts> {
  return new Promise((resolve, reject) => {
    // In a process group of its own, so that a hanging client can be ended with its test.
    const child = spawn(python, ["-m", "pytest", ...args], {
      cwd: folder,
      env: {
        ...process.env,
        ...environment,
        PYTHONDONTWRITEBYTECODE: "1",
        NO_PROXY: "127.0.0.1",
        no_proxy: "127.0.0.1",
      },
      stdio: ["ignore", "pipe", "inherit"],
      detached: true,
    });
    let output = "";
    child.stdout.on("data", (chunk: Buffer) => {
      output += chunk;
      process.stdout.write(chunk);
    });
    child.on("error", reject);
    const end = (): void => {
      if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
      reject(new Failure(interrupted.reason));
    };
    if (interrupted.aborted) end();
    interrupted.addEventListener("abort", end);
    child.on("close", (code) => {
      interrupted.removeEventListener("abort", end);
      resolve(counts(output, code));
    });
  });
}

/** Counts from pytest's last line. An aborted run counts as failed, and so does one without tests. */
function counts(output: string, code: number | null): Counts {
  const summary = output.trimEnd().split("\n").at(-1) ?? "";
  const count = (name: string): number => Number(new RegExp(`(\\d+) ${name}`).exec(summary)?.[1] ?? 0);
  const failed = count("failed") + count("error");
  const NO_TESTS = 5;
  return { passed: count("passed"), failed: code === 0 || code === NO_TESTS ? failed : Math.max(failed, 1) };
}

function interruption(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    // Miniflare handles the signal as well and would exit before the clean-up.
    process.removeAllListeners(signal);
    process.on(signal, () => controller.abort(signal));
  }
  setTimeout(() => controller.abort(`the clients were not done within ${LIMIT_MS / 60_000} minutes`), LIMIT_MS).unref();
  return controller.signal;
}
