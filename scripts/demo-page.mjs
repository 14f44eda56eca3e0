// The page as `npm start` serves it: the files of public/, and, once the demo is loaded, one more that tells the page the
// demo's token. Both are in the folder of the demo's data and never in public/, so that no deployment has them.

import { mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { root } from "./layout.mjs";
import { Failure } from "./report.mjs";

const published = join(root, "public");

/** How a page says where the API is. */
const API_BASE = /(<meta name="api-base" content=")[^"]*(")/;

const OFFER_LIMIT_MS = 30_000;

/**
 * Makes the folder that `wrangler dev --assets` is to serve. Its files are links, so that what is changed in public/ is
 * served at once; pages are copied where the API has a path of its own.
 *
 * @param {string} dataFolder where the demo's data is kept
 * @param {string} basePath the setting `API_BASE_PATH`
 * @returns {string} the folder
 */
export function servedPage(dataFolder, basePath) {
  const folder = join(dataFolder, "page");
  rmSync(folder, { recursive: true, force: true });
  for (const entry of readdirSync(published, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const source = join(entry.parentPath, entry.name);
    const target = join(folder, relative(published, source));
    mkdirSync(dirname(target), { recursive: true });
    if (basePath !== "" && source.endsWith(".html")) {
      writeFileSync(
        target,
        readFileSync(source, "utf8").replace(API_BASE, (_, before, after) => `${before}${basePath}/${after}`),
      );
    } else {
      symlinkSync(source, target);
    }
  }
  return folder;
}

/**
 * Lets the page offer the demo, and waits until it does.
 * @param {string} folder as `servedPage` made it
 * @param {string} origin where it is served
 * @param {string} token a public one, because everybody who reaches the page gets it
 * @param {(url: string) => Promise<Response>} ask as the global `fetch`
 */
export async function offerDemo(folder, origin, token, ask = fetch) {
  writeFileSync(join(folder, "ui", "demo.json"), `${JSON.stringify({ token })}\n`);
  for (const limit = Date.now() + OFFER_LIMIT_MS; Date.now() < limit; await sleep(100)) {
    const answer = await ask(`${origin}/ui/demo.json`).catch(() => undefined);
    if (answer?.ok && (await answer.text()).includes(token)) return;
  }
  throw new Failure(`${origin}/ui/demo.json did not appear within ${OFFER_LIMIT_MS / 1000} seconds`);
}
