// How wrangler is run: the pinned one, by its path, saying nothing to anyone outside this machine
// unless it is asked to deploy.

import { join } from "node:path";
import { root } from "./layout.mjs";

/** Its bin is run with this Node, because npx costs half a second a call. */
export const wrangler = join(root, "node_modules", "wrangler", "bin", "wrangler.js");

export const quiet = {
  WRANGLER_SEND_METRICS: "false",
  WRANGLER_HIDE_BANNER: "true",
  CLOUDFLARE_CF_FETCH_ENABLED: "false",
};
