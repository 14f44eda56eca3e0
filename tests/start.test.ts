// `npm start`, as a person runs it: what it prints, and that nothing is left of it, however it ends.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, test } from "node:test";

import { startKeystone } from "./keystone-fake.ts";
import { endAll, GONE_WITHIN_MS, STARTS_WITHIN_MS, start, until, type Start } from "./npm-start.ts";

const folder = mkdtempSync(path.join(tmpdir(), "edge-metadata-start-"));
after(() => {
  endAll();
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
});

/** The `curl` lines that were printed, as requests, with what each is said to answer. */
function offered({ stdout }: Start): { url: string; method: string; token: string; status: number }[] {
  const lines = stdout.matchAll(/Answers(?: now)?: (\d+).*\n {2}curl -i -X (\w+) -H 'X-Auth-Token: (\w+)' '(.*)'/g);
  return [...lines].map(([, status, method, token, url]) => ({
    ...{ url: url as string, method: method as string, token: token as string },
    status: Number(status),
  }));
}

const logged = (text: string): string[] => text.split("\n").filter((line) => line.includes('"message":"request"'));

test("npm start prints what can be tried, and `ready` last; its own requests are in no log", async () => {
  const data = path.join(folder, "demo");
  const first = await (await start("--persist-to", data)).ready();
  assert.match(first.stdout, /\nready http:\/\/127\.0\.0\.1:\d+\n$/);
  assert.deepEqual(logged(first.stderr), []);
  assert.doesNotMatch(first.stderr, /\[wrangler:\w+\] (GET|PUT) /);
  const requests = offered(first);
  assert.deepEqual(
    requests.map(({ status }) => status),
    [204, 204, 400],
  );
  for (const { url, method, token, status } of requests) {
    assert.equal((await fetch(url, { method, headers: { "X-Auth-Token": token } })).status, status);
  }
  await until(
    () => logged(first.stderr).length === requests.length,
    5_000,
    () => first.stderr,
  );

  first.npm.kill("SIGTERM");
  await first.closed(GONE_WITHIN_MS);
  await first.gone();

  // What was deleted stays deleted, and is said to be.
  const second = await (await start("--persist-to", data, "--var", "LOG_LEVEL:warn")).ready();
  assert.deepEqual(
    offered(second).map(({ status }) => status),
    [404, 404, 400],
  );

  // SIGKILL, which npm cannot hand on.
  second.npm.kill("SIGKILL");
  await second.gone();
});

test("npm start with a Keystone leaves the demo out, says what to do next, and asks that Keystone", async () => {
  const keystone = await startKeystone();
  try {
    const served = await (
      await start("--persist-to", path.join(folder, "keystone"), "--var", `KEYSTONE_URL:${keystone.url}`)
    ).ready();
    assert.ok(served.stdout.includes(`Tokens are those of the Keystone at ${keystone.url}`), served.stdout);
    assert.deepEqual(offered(served), []);
    assert.deepEqual(logged(served.stderr), []);
    assert.deepEqual(keystone.asked, []);
    const ask = async (token: string): Promise<number> =>
      (await fetch(`${served.url}/v2.1/servers`, { headers: { "X-Auth-Token": token } })).status;
    assert.equal(await ask(keystone.token()), 200);
    assert.equal(await ask("870466f60fd3461abbcf1f2f16ffc30f"), 401, "a token of the demo");

    // The process that npm has started, so that only its own child is left to notice.
    const [pid] = served.processes;
    assert.ok(pid);
    process.kill(pid, "SIGKILL");
    await served.gone();
  } finally {
    await keystone.stop();
  }
});

test("npm start with a bad setting ends, and shows the line that names it", async () => {
  const failed = await start("--persist-to", path.join(folder, "bad"), "--var", "LOG_LEVEL:loud");
  await failed.closed(STARTS_WITHIN_MS);
  assert.equal(failed.npm.exitCode, 1);
  assert.match(failed.stderr, /"message":.*LOG_LEVEL/);
  assert.match(failed.stderr, /error: the Worker answers 500/);
  assert.equal(failed.stdout, "");
  await failed.gone();
});

for (const option of ["--remote", "-r", "--no-local", "--local=false"]) {
  test(`npm start ${option} is refused`, async () => {
    const refused = await start(option);
    await refused.closed(STARTS_WITHIN_MS);
    assert.equal(refused.npm.exitCode, 1);
    assert.match(refused.stderr, /is refused: the demo's tokens are public/);
  });
}
