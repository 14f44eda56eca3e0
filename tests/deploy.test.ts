// What docs/deploy.md says, command by command, against a stand-in of the platform's API that refuses what the real one
// refuses (tests/deploy/). What is uploaded is then served and asked.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, test } from "node:test";

import { Commands } from "./deploy/commands.ts";
import { startPlatform } from "./deploy/platform.ts";
import { serve } from "./deploy/served.ts";
import { repository } from "./harness.ts";

const NAME = "edge-metadata";
const platform = await startPlatform();
const { account } = platform;
const commands = new Commands(platform);
after(async () => {
  await commands.stop();
  await platform.stop();
});

/** The bindings of the version that is served, by name. */
function bindings(): Record<string, Record<string, unknown>> {
  return Object.fromEntries(account.served(NAME).bindings.map(({ name, ...binding }) => [name, binding]));
}

/** The shares of the newest deployment, by version. */
function shares(): Record<string, number> {
  const versions = account.script(NAME).deployments[0]?.versions ?? [];
  return Object.fromEntries(versions.map(({ version_id, percentage }) => [version_id, percentage]));
}

function read(file: string): string {
  return readFileSync(path.join(repository, file), "utf8");
}

let admin = "";

test("one command deploys it: it makes the KV namespace and the classes, and uploads the Worker and the page", async () => {
  const { shown } = await commands.succeed("npx wrangler deploy --env production");
  assert.match(shown, /https:\/\/edge-metadata\.example\.workers\.dev/);
  const [namespace] = account.namespaces.values();
  assert.equal(account.namespaces.size, 1);
  assert.equal(namespace?.title, "edge-metadata-tokens");
  assert.deepEqual([...account.scripts.keys()], [NAME]);
  const script = account.script(NAME);
  assert.deepEqual([...script.classes].sort(), ["IndexObject", "ResourceObject"]);
  assert.equal(script.migrationTag, "v1");
  assert.deepEqual(script.observability, { logs: { enabled: true, invocation_logs: false } });
  assert.deepEqual(script.subdomain, { enabled: true, previews_enabled: false });
  assert.deepEqual(bindings(), {
    RESOURCES: { type: "durable_object_namespace", class_name: "ResourceObject" },
    INDEXES: { type: "durable_object_namespace", class_name: "IndexObject" },
    TOKENS: { type: "kv_namespace", namespace_id: namespace.id },
    RATE_LIMITER: { type: "ratelimit", namespace_id: "1001", simple: { limit: 1000, period: 60 } },
    RATE_LIMIT_PERIOD_SECONDS: { type: "plain_text", text: "60" },
  });
  const { metadata } = account.served(NAME);
  assert.deepEqual(metadata.migrations, {
    new_tag: "v1",
    steps: [{ new_sqlite_classes: ["ResourceObject", "IndexObject"] }],
  });
});

test("the page's files are uploaded as they are, with the headers of public/_headers and the Worker first elsewhere", () => {
  const { assets, metadata } = account.served(NAME);
  const folder = path.join(repository, "public");
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name !== "_headers")
    .map((entry) => path.join(entry.parentPath, entry.name));
  assert.deepEqual([...assets.keys()].sort(), files.map((file) => `/${path.relative(folder, file)}`).sort());
  for (const [at, hash] of assets) assert.deepEqual(account.files.get(hash), readFileSync(path.join(folder, at)), at);
  assert.equal(metadata.assets?.config["_headers"], read("public/_headers"));
  assert.deepEqual(metadata.assets?.config["run_worker_first"], ["/*", "!/ui/*", "!/ui"]);
  assert.equal(metadata.assets?.config["not_found_handling"], "404-page");
});

test("npm run token -- --remote finds the namespace by itself, and keeps a digest of the token there", async () => {
  const { stdout } = await commands.succeed(
    "npm run --silent token -- --remote --user operator --project 0 --role admin --expires-in 3600",
  );
  admin = stdout.trim();
  assert.match(admin, /^[0-9a-f]{32}$/);
  const [namespace] = account.namespaces.values();
  const [[key, pair] = []] = namespace?.pairs ?? [];
  assert.match(key ?? "", /^token:[0-9a-f]{64}$/);
  assert.equal(pair?.expiration_ttl, 3600);
  assert.deepEqual(JSON.parse(pair?.value ?? "").roles, ["admin"]);
  for (const { body } of platform.asked) assert.ok(!body.includes(admin), "the token itself was sent");
});

test("what was uploaded runs: npm run smoke passes with that token", async () => {
  const served = await serve(account, NAME);
  try {
    const { stdout } = await commands.succeed(`npm run --silent smoke -- ${served.url}`, { env: { ADMIN_TOKEN: admin } });
    assert.equal(stdout.trim().split("\n").length, 6, stdout);
    assert.equal(await (await fetch(`${served.url}/healthcheck`)).text(), "OK");
  } finally {
    await served.stop();
  }
});

test("secrets are set at once and kept as such, and deploying again keeps them, the namespace and the objects", async () => {
  const [id, secret] = ["KEYSTONE_APPLICATION_CREDENTIAL_ID", "KEYSTONE_APPLICATION_CREDENTIAL_SECRET"];
  const credential = await commands.file("credential.env", `${id}=an-id\n${secret}=a secret\n`);
  const versions = account.script(NAME).versions.length;
  await commands.succeed(`npx wrangler secret bulk ${credential} --env production`);
  assert.equal(account.script(NAME).versions.length, versions + 1);
  assert.deepEqual(bindings()[id], { type: "secret_text", text: "an-id" });
  assert.deepEqual(bindings()[secret], { type: "secret_text", text: "a secret" });
  const before = bindings();
  const asked = platform.asked.length;
  const { shown } = await commands.succeed("npx wrangler deploy --env production");
  assert.deepEqual(bindings(), before);
  assert.ok(!shown.includes("a secret"));
  const { metadata } = account.served(NAME);
  assert.equal(metadata.migrations, undefined);
  const changes = platform.changes(asked);
  assert.ok(!changes.includes("POST /storage/kv/namespaces"), changes.join("\n"));
  assert.ok(!changes.includes("POST /workers/assets/upload"), changes.join("\n"));
});

test("gradually: a new version gets a tenth of the requests, then all of them", async () => {
  const old = account.served(NAME).id;
  await commands.succeed("npx wrangler versions upload --env production");
  const fresh = account.script(NAME).versions.at(-1)?.id ?? "";
  assert.deepEqual(shares(), { [old]: 100 });
  const { stdout } = await commands.succeed("npx wrangler deployments list --env production");
  assert.match(stdout, new RegExp(`\\(100%\\) ${old}`));
  await commands.succeed(`npx wrangler versions deploy ${fresh}@10% ${old}@90% --env production`);
  assert.deepEqual(shares(), { [fresh]: 10, [old]: 90 });
  await commands.succeed(`npx wrangler versions deploy ${fresh}@100% --env production`);
  assert.deepEqual(shares(), { [fresh]: 100 });
  // What holds for all versions is as it was.
  assert.deepEqual(account.script(NAME).observability, { logs: { enabled: true, invocation_logs: false } });
});

test("rollback goes to the version before, with its bindings, and leaves the namespace and the objects", async () => {
  const script = account.script(NAME);
  const before = script.versions.at(-2)?.id ?? "";
  const classes = [...script.classes];
  await commands.succeed("npx wrangler rollback --env production");
  assert.deepEqual(shares(), { [before]: 100 });
  assert.deepEqual([...script.classes], classes);
  assert.equal(account.namespaces.size, 1);
});

/** Tries to deploy from a copy of what is deployed, with a changed `wrangler.toml`. */
async function refused(changed: (toml: string) => string): Promise<string> {
  const other = await startPlatform();
  const tried = new Commands(other);
  const folder = await mkdtemp(path.join(tmpdir(), "edge-metadata-refused-"));
  try {
    for (const part of ["entry.js", "build", "public"]) {
      await cp(path.join(repository, part), path.join(folder, part), { recursive: true });
    }
    const toml = read("wrangler.toml").replace(/^\[build\]\n.*?\n\n/ms, "");
    assert.notEqual(changed(toml), toml);
    await writeFile(path.join(folder, "wrangler.toml"), changed(toml));
    const wrangler = path.join(repository, "node_modules", "wrangler", "bin", "wrangler.js");
    const { code, shown } = await tried.end(`${process.execPath} ${wrangler} deploy --env production`, { folder });
    assert.notEqual(code, 0, shown);
    assert.equal(other.account.scripts.size, 0);
    return shown;
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
    await tried.stop();
    await other.stop();
  }
}

for (const [what, from, to, code] of [
  ["a class is bound that no migration makes", '["ResourceObject", "IndexObject"]', '["ResourceObject"]', "10061"],
  ["a migration makes a class that entry.js does not export", '"IndexObject"]', '"IndexObject", "Other"]', "10070"],
] as const) {
  test(`such a deployment is refused, and leaves nothing behind: ${what}`, async () => {
    const shown = await refused((toml) => toml.replaceAll(from, to));
    assert.match(shown, new RegExp(`\\[code: ${code}\\]`));
  });
}

test("removing it deletes the Worker with its objects, and then the namespace", async () => {
  await commands.succeed("npx wrangler delete --env production");
  assert.equal(account.scripts.size, 0);
  assert.equal(account.namespaces.size, 1);
  await commands.succeed("npx wrangler kv namespace delete edge-metadata-tokens");
  assert.equal(account.namespaces.size, 0);
});

test("nobody but the stand-in was asked, and for nothing that it does not know", async () => {
  assert.deepEqual(platform.unknown, []);
  const { host } = new URL(platform.url);
  const elsewhere = [...(await commands.connections())].filter((to) => to !== host);
  // npm run smoke asks the Worker.
  assert.deepEqual(
    elsewhere.filter((to) => !to.startsWith("127.0.0.1:")),
    [],
  );
});

test("every command of docs/deploy.md and of the README's part about deploying was run here", () => {
  const typed = (text: string): string[] => {
    const blocks = [...text.matchAll(/^```sh\n(.*?)^```/gms)].map(([, block = ""]) => block);
    return blocks
      .flatMap((block) => block.split("\n"))
      .map((line) => line.replace(/\s+#.*/, "").replace(/^export ADMIN_TOKEN=\$\((.*)\)$/, "$1"))
      .filter((line) => /^(npx|npm) /.test(line));
  };
  const readme = read("README.md").match(/^## Deploy\n.*?^## /ms)?.[0] ?? assert.fail("the README says nothing about deploying");
  const documented = new Set([...typed(read("docs/deploy.md")), ...typed(readme)]);
  // Needs a browser and an account.
  documented.delete("npx wrangler login");
  // Of the archive, which release.test.ts deploys.
  documented.delete("npm install");
  const [fresh, old] = [/[0-9a-f-]{36}@(10|100)%/g, /[0-9a-f-]{36}@90%/g];
  const ran = new Set(
    commands.run.map((command) =>
      command
        .replace(fresh, "NEW@$1%")
        .replace(old, "OLD@90%")
        .replace(/\S*(?=credential\.env)/, "")
        .replace("npm run --silent smoke", "npm run smoke")
        .replace(/http:\/\/127\.0\.0\.1:\d+/, "https://edge-metadata.example.workers.dev"),
    ),
  );
  assert.deepEqual(
    [...documented].filter((command) => !ran.has(command)),
    [],
  );
});
