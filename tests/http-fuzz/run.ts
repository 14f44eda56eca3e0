/**
 * Starts the Worker, runs schemathesis against it with docs/openapi.yaml, and checks the result. Called by
 * scripts/http-fuzz.mjs, which installs schemathesis.
 */
import { spawn } from "node:child_process";
import path from "node:path";

import { Failure, command } from "../../scripts/command.mjs";
import { projectId, repository, resourceId, startWorker } from "../harness.ts";

/** Checks: no 5xx, and every error is JSON of the described shape. */
const CHECKS = "not_a_server_error,content_type_conformance,response_schema_conformance";

/** Limit for a run that hangs. */
const GRACE_MS = 60_000;

const [python, seconds, ...options] = process.argv.slice(2);
if (python === undefined || seconds === undefined) throw new Error("run it by `npm run test:http-fuzz`");

await command(async () => {
  const worker = await startWorker();
  try {
    const project = projectId();
    const id = "5ec95878-b74d-40f2-be61-c3c1ae5e5b19";
    const fields = { project_id: project, metadata: { key1: "value1" } };
    await worker.putServer(id, fields);
    await worker.putImage(id, fields);
    // Must be unchanged afterwards: it belongs to another project than the member's token.
    const other = resourceId();
    await worker.putServer(other, { project_id: projectId(), metadata: { key1: "stays" } });
    // An admin's token reaches most code; the last quarter of the time uses a member's.
    for (const [role, share] of [
      ["admin", 0.75],
      ["member", 0.25],
    ] as const) {
      const token = await worker.token({ project, roles: [role] });
      const before = worker.logs().length;
      const code = await schemathesis(token, worker.url, Math.round(Number(seconds) * share), worker.folder);
      const failed = worker
        .logs()
        .slice(before)
        .filter((line) => /"status":5\d\d|Uncaught|panicked/.test(line));
      for (const line of failed.slice(0, 5)) process.stderr.write(`${line}\n`);
      if (failed.length > 0) throw new Failure(`${failed.length} requests of the ${role} failed in the Worker`);
      if (code !== 0) throw new Failure("schemathesis found something, see above");
      const requests = worker
        .logs()
        .slice(before)
        .filter((line) => line.includes('"message":"request"')).length;
      process.stdout.write(`${role}: ${requests} requests, no 5xx\n`);
      if (requests < 100) throw new Failure("that is too few to say anything");
    }
    if ((await worker.metadata("servers", other))?.["key1"] !== "stays")
      throw new Failure("another project's server was changed");
  } finally {
    await worker.stop();
  }
});

function schemathesis(token: string, url: string, patience: number, folder: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const args = [
      ...["-m", "schemathesis.cli", "run", path.join(repository, "docs", "openapi.yaml"), "--url", url],
      ...["--header", `X-Auth-Token: ${token}`, "--checks", CHECKS, "--mode", "all"],
      ...["--phases", "examples,coverage,fuzzing", "--max-time", String(patience), "--no-color", "--warnings", "off"],
      ...options,
    ];
    const environment = { ...process.env, NO_PROXY: "127.0.0.1", no_proxy: "127.0.0.1", PYTHONDONTWRITEBYTECODE: "1" };
    const child = spawn(python as string, args, {
      cwd: folder,
      env: environment,
      stdio: ["ignore", "inherit", "inherit"],
      detached: true,
    });
    const end = (): void => {
      if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
    };
    const timer = setTimeout(end, patience * 1000 + GRACE_MS);
    child.on("error", reject);
    child.on("close", (code) => {
      clearTimeout(timer);
      resolve(code ?? 1);
    });
  });
}
