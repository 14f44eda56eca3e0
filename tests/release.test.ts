// A release: what stands in its way, and that its archive deploys without Rust what the repository deploys with it.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";

import { archive } from "../scripts/archive.mjs";
import { obstacles } from "../scripts/release.mjs";
import { versions } from "../scripts/versions.mjs";
import { Commands } from "./deploy/commands.ts";
import { startPlatform } from "./deploy/platform.ts";
import { repository } from "./harness.ts";

const run = promisify(execFile);

async function withFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(path.join(tmpdir(), "edge-metadata-release-"));
  try {
    await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** No program called cargo or rustup is found in it. */
function pathWithoutRust(): string {
  const folders = (process.env["PATH"] ?? "").split(path.delimiter);
  return folders
    .filter((folder) => !["cargo", "rustup"].some((name) => existsSync(path.join(folder, name))))
    .join(path.delimiter);
}

test("the archive deploys what is built here, with its token and its page, on a machine without Rust", async () => {
  const platform = await startPlatform();
  const commands = new Commands(platform);
  try {
    await withFolder(async (folder) => {
      const file = await archive(folder);
      const name = path.basename(file, ".tar.gz");
      assert.equal(name, `edge-metadata-${versions(repository).get("package.json")}`);
      await run("tar", ["-xzf", file, "-C", folder]);
      const unpacked = path.join(folder, name);
      const read = (at: string): Buffer => readFileSync(path.join(unpacked, at));
      // In the place of `npm install`: the same pinned wrangler.
      const { devDependencies } = JSON.parse(read("package.json").toString());
      const here = JSON.parse(readFileSync(path.join(repository, "package.json"), "utf8"));
      assert.deepEqual(devDependencies, { wrangler: here.devDependencies.wrangler });
      await symlink(path.join(repository, "node_modules"), path.join(unpacked, "node_modules"));
      const env = { PATH: pathWithoutRust(), CARGO_HOME: path.join(folder, "none"), INIT_CWD: unpacked };
      await assert.rejects(run("cargo", ["--version"], { env: { ...process.env, ...env } }), /ENOENT/);

      const { shown } = await commands.succeed("npx wrangler deploy --env production", { folder: unpacked, env });
      assert.ok(!shown.includes("build.mjs"), shown);
      const { modules, assets, bindings } = platform.account.served("edge-metadata");
      const wasm = modules.find(({ type }) => type === "application/wasm");
      assert.deepEqual(wasm?.content, readFileSync(path.join(repository, "build", "index_bg.wasm")));
      assert.ok(assets.has("/ui/index.html"));
      assert.equal(bindings.length, 5);
      const { stdout } = await commands.succeed(
        "npm run --silent token -- --remote --user operator --project 0 --role admin --expires-in 3600",
        { folder: unpacked, env },
      );
      assert.match(stdout, /^[0-9a-f]{32}\n$/);
      const { code, shown: help } = await commands.end("npm run --silent smoke -- --help", { folder: unpacked, env });
      assert.equal(code, 0, help);
      for (const command of [...commands.run].slice(0, 2)) assert.ok(read("README.md").includes(command), command);
    });
    assert.deepEqual(platform.unknown, []);
  } finally {
    await commands.stop();
    await platform.stop();
  }
});

test("what stands in the way of a release is told, all of it at once", async () => {
  await withFolder(async (folder) => {
    const git = (...args: string[]): Promise<unknown> =>
      run("git", ["-C", folder, "-c", "user.name=t", "-c", "user.email=t@example.org", ...args]);
    const write = (file: string, text: string): Promise<void> => writeFile(path.join(folder, file), text);
    await write("package.json", '{"version": "1.2.3"}');
    await write("package-lock.json", '{"version": "1.2.3", "packages": {"": {"version": "1.2.3"}}}');
    await write("Cargo.toml", '[workspace]\nmembers = []\n\n[workspace.package]\nversion = "1.2.3"\nedition = "2024"\n');
    await write("CHANGELOG.md", "# Changelog\n\n## 1.2.3 - 2026-12-01\n\n- something\n");
    await git("init", "--quiet");
    await git("add", ".");
    await git("commit", "--quiet", "--message", "one");
    assert.deepEqual(await obstacles(folder, "1.2.3"), []);

    const [shape, ...others] = await obstacles(folder, "v1.2.4");
    assert.match(shape ?? "", /no version/);
    assert.equal(others.length, 5);
    assert.deepEqual(await obstacles(folder, "1.2.4"), [
      "package.json says 1.2.3",
      "package-lock.json says 1.2.3",
      "package-lock.json, packages says 1.2.3",
      "Cargo.toml says 1.2.3",
      'CHANGELOG.md has no heading "## 1.2.4 - YYYY-MM-DD"',
    ]);

    // Its own tag on this commit is no obstacle: the workflow runs after it was pushed.
    await git("tag", "v1.2.3");
    assert.deepEqual(await obstacles(folder, "1.2.3"), []);
    await write("CHANGELOG.md", "# Changelog\n\n## Unreleased\n");
    assert.deepEqual(await obstacles(folder, "1.2.3"), [
      'CHANGELOG.md has no heading "## 1.2.3 - YYYY-MM-DD"',
      "not everything is committed:\n M CHANGELOG.md",
    ]);
    await git("commit", "--quiet", "--all", "--message", "two");
    assert.ok((await obstacles(folder, "1.2.3")).includes("the tag v1.2.3 is on another commit"));
  });
});
