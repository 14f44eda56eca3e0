// The page as `npm start` serves it: the files of public/, and one more that tells the page the demo's token. Both are in
// the folder of the demo's data and never in public/, so that no deployment has them.

import { mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { root } from "./layout.mjs";

const published = join(root, "public");

/** How a page says where the API is. */
const API_BASE = /(<meta name="api-base" content=")[^"]*(")/;

/**
 * Makes the folder that `wrangler dev --assets` is to serve. Its files are links, so that what is changed in public/ is
 * served at once; pages are copied where the API has a path of its own.
 *
 * @param {string} dataFolder where the demo's data is kept
 * @param {string} basePath the setting `API_BASE_PATH`
 * @param {string | undefined} token the demo's, a public one, because everybody who reaches the page gets it
 * @returns {string} the folder
 */
export function servedPage(dataFolder, basePath, token) {
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
  // It is here from the start: whether wrangler notices a new file depends on what the system lets it watch.
  tellToken(folder, token);
  return folder;
}

/**
 * Takes the demo's token back, where there is no demo.
 * @param {string} folder as `servedPage` made it
 */
export function withdrawDemo(folder) {
  tellToken(folder, undefined);
}

/**
 * @param {string} folder
 * @param {string | undefined} token
 */
function tellToken(folder, token) {
  writeFileSync(join(folder, "ui", "demo.json"), `${JSON.stringify({ token: token ?? null })}\n`);
}
