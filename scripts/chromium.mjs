// Which Chromium the tests of the page use: the one that is there, else Debian's package.

import { existsSync } from "node:fs";
import { Failure, progress } from "./command.mjs";
import { capture, run } from "./run.mjs";

const NAMES = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"];
/** The browser, and the typeface of the picture in the README. */
const PACKAGES = ["chromium", "fonts-inter"];

/** @returns {Promise<string>} the path of its program */
export async function findChromium() {
  const chosen = process.env["CHROMIUM"];
  if (chosen !== undefined) {
    if (!existsSync(chosen)) throw new Failure(`CHROMIUM names ${chosen}, which is not there`);
    return chosen;
  }
  const found = await installed();
  if (found !== undefined) return found;
  if (process.getuid?.() !== 0 || (await capture("apt-get", ["--version"])).code !== 0) {
    throw new Failure(
      "the tests of the page need Chromium: install it (Debian, Ubuntu: sudo apt-get install chromium), or name one by CHROMIUM=/path/to/chrome",
    );
  }
  progress(`apt-get install ${PACKAGES.join(" ")} (about a minute)`);
  await run("apt-get", ["update", "-qq"]);
  await run("apt-get", ["install", "-y", "-qq", "--no-install-recommends", ...PACKAGES], {
    env: { DEBIAN_FRONTEND: "noninteractive" },
  });
  const now = await installed();
  if (now === undefined) throw new Failure("apt-get installed no Chromium that can be found");
  return now;
}

async function installed() {
  for (const name of NAMES) {
    const { code, stdout } = await capture("sh", ["-c", `command -v ${name}`]);
    if (code === 0) return stdout.trim();
  }
  return undefined;
}
