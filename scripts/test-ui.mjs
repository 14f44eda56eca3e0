// `npm run test:ui`: the page in a real Chromium, served by `wrangler dev` as a person would have it.
//
//   npm run test:ui                  everything
//   npm run test:ui -- items list    tests/ui/items.test.ts and tests/ui/list.test.ts
//
// What each view looks like is left in tests/.state/ui/*.png; the README's picture is docs/page.png.

import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { build, deployed } from "./build.mjs";
import { findChromium } from "./chromium.mjs";
import { Failure, command, progress } from "./command.mjs";
import { servedPage } from "./demo-page.mjs";
import { freePort } from "./free-port.mjs";
import { root } from "./layout.mjs";
import { serve } from "./run.mjs";
import { setup } from "./setup.mjs";
import { putTokens } from "./token-store.mjs";
import { runTestFiles, testFiles } from "./typescript.mjs";
import { quiet, wrangler } from "./wrangler.mjs";

const PICTURES = join(root, "tests", ".state", "ui");
const START_LIMIT_MS = 120_000;
const TOKEN_SECONDS = 3600;
/** A test has one to itself. */
const PROJECTS_PER_FILE = 16;
const ROLES = ["reader", "member", "admin", "service"];

/** @typedef {{ id: string, tokens: Record<string, string> }} Project */

await command(async () => {
  const files = testFiles("tests/ui", process.argv.slice(2));
  const chromium = await findChromium();
  await setup();
  await build(deployed);
  const folder = mkdtempSync(join(tmpdir(), "edge-metadata-ui-"));
  try {
    const projects = Object.fromEntries(
      files.map((file) => [basename(file, ".test.ts"), Array.from({ length: PROJECTS_PER_FILE }, project)]),
    );
    const demo = project();
    progress("writing the tests' tokens into a local KV");
    await putTokens(claims([...Object.values(projects).flat(), demo]), { local: folder });
    await served(folder, demo, async (origin) => {
      mkdirSync(PICTURES, { recursive: true });
      const site = join(folder, "site.json");
      writeFileSync(site, JSON.stringify({ origin, projects, demo, chromium, pictures: PICTURES }), { mode: 0o600 });
      progress("tests of the page");
      const { failed } = await runTestFiles(files, { options: ["--test-concurrency=2"], env: { UI_SITE: site } });
      if (failed > 0) throw new Failure(`${failed} tests of the page failed`);
    });
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  }
});

/** @returns {Project} */
function project() {
  return { id: hex(), tokens: Object.fromEntries(ROLES.map((role) => [role, hex()])) };
}

/** @param {Project[]} projects */
function claims(projects) {
  return new Map(
    projects.flatMap(({ id, tokens }) =>
      Object.entries(tokens).map(([role, token]) => [
        token,
        { user: `ui-${role}`, project: id, roles: [role], expiresIn: TOKEN_SECONDS },
      ]),
    ),
  );
}

function hex() {
  return randomBytes(16).toString("hex");
}

/**
 * Serves the Worker and the page while something is done with them.
 * @param {string} folder
 * @param {Project} demo
 * @param {(origin: string) => Promise<void>} use
 */
async function served(folder, demo, use) {
  const page = servedPage(folder, "", demo.tokens["member"]);
  const port = await freePort();
  const origin = `http://127.0.0.1:${port}`;
  progress("wrangler dev");
  const args = ["dev", "--local", "--ip", "127.0.0.1", "--port", String(port), "--persist-to", folder, "--assets", page];
  /** Shown when it ends by itself. @type {string[]} */
  const lines = [];
  const server = serve(process.execPath, [wrangler, ...args], { env: quiet, onLine: (line) => lines.push(line) });
  const ended = server.exited.then((code) => {
    throw new Failure(`wrangler ended with exit code ${code}:\n${lines.slice(-20).join("\n")}`);
  });
  // A server that ends after it was asked to is no failure.
  ended.catch(() => {});
  try {
    await Promise.race([answering(origin), ended]);
    await Promise.race([use(origin), ended]);
  } finally {
    await server.end();
  }
}

/** @param {string} origin */
async function answering(origin) {
  for (const limit = Date.now() + START_LIMIT_MS; Date.now() < limit; await sleep(100)) {
    if (await fetch(origin).catch(() => undefined)) return;
  }
  throw new Failure(`${origin} did not answer within ${START_LIMIT_MS / 1000} seconds`);
}
