// `npm run size`: what the wasm weighs and what is uploaded, which the platform limits to 3 MB gzip. The smaller the
// wasm is, the sooner a new isolate answers: over its limit is a failure.

import { existsSync, readFileSync, readdirSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { gzipSync } from "node:zlib";
import { build, deployed } from "./build.mjs";
import { Failure, command, progress } from "./command.mjs";
import { root } from "./layout.mjs";
import { run } from "./run.mjs";
import { setup } from "./setup.mjs";
import { quiet, wrangler } from "./wrangler.mjs";

const LIMIT_KB = 440;
const upload = join(root, "dist");
const entry = join(upload, "entry.js");

await command(async () => {
  await setup();
  await build(deployed);
  const file = join(deployed.out, "index_bg.wasm");
  const wasm = gzipped(file);
  await bundle();
  const code = readFileSync(entry, "utf8");
  const all = readdirSync(upload)
    // Modules of earlier uploads may lie there as well.
    .filter((file) => file === basename(entry) || (file.endsWith(".wasm") && code.includes(file)))
    .reduce((sum, file) => sum + gzipped(join(upload, file)), 0);
  process.stdout.write(`wasm    ${kb(statSync(file).size)}, ${kb(wasm)} gzip (limit ${LIMIT_KB} KB)\nupload  ${kb(all)} gzip\n`);
  if (wasm > LIMIT_KB * 1000) throw new Failure(`the wasm is over its limit of ${LIMIT_KB} KB`);
});

/** Has wrangler put together what it would upload, without uploading it, unless that was just done. */
async function bundle() {
  const inputs = [join(root, "entry.js"), join(root, "wrangler.toml"), join(deployed.out, "index_bg.wasm")];
  if (existsSync(entry) && inputs.every((input) => statSync(input).mtimeMs < statSync(entry).mtimeMs)) return;
  progress("wrangler deploy --dry-run");
  await run(process.execPath, [wrangler, "deploy", "--dry-run", "--env", "production", "--outdir", upload], { env: quiet });
}

/** @param {string} file */
function gzipped(file) {
  return gzipSync(readFileSync(file), { level: 9 }).length;
}

/** @param {number} bytes 1 KB is 1,000 bytes, the stricter reading */
function kb(bytes) {
  return `${(bytes / 1000).toFixed(1)} KB`;
}
