// The page as it is served with the demo: the files of public/, and beside them one more that tells the page the
// demo's token. It is made in the folder of the demo's data and never in public/, so that no deployment has it.

import { mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { root } from "./layout.mjs";

const published = join(root, "public");

/**
 * Makes the folder that `wrangler dev --assets` is to serve. Its files are links, so that what is changed in
 * public/ is served at once.
 *
 * @param {string} dataFolder where the demo's data is kept
 * @param {string} token the one that the page offers: a public one, because everybody who reaches the page gets it
 * @returns {string} the folder
 */
export function pageWithDemo(dataFolder, token) {
  const folder = join(dataFolder, "page");
  rmSync(folder, { recursive: true, force: true });
  for (const entry of readdirSync(published, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const file = join(entry.parentPath ?? entry.path, entry.name);
    const link = join(folder, relative(published, file));
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(file, link);
  }
  writeFileSync(join(folder, "ui", "demo.json"), `${JSON.stringify({ token })}\n`);
  return folder;
}
