// What a person deploys without Rust: the built Worker, the page, wrangler.toml without its build, the pinned wrangler and
// the two scripts that are of use afterwards, in a .tar.gz.

import { copyFileSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root } from "./layout.mjs";
import { Failure } from "./report.mjs";
import { run } from "./run.mjs";
import { versions } from "./versions.mjs";

const PARTS = ["entry.js", "build", "public", "LICENSE", "CHANGELOG.md"];
const SCRIPTS = ["token", "smoke"];

/**
 * @param {string} folder where it is put
 * @returns {Promise<string>} its path
 */
export async function archive(folder) {
  const version = versions(root).get("package.json") ?? "";
  const name = `edge-metadata-${version}`;
  const work = mkdtempSync(join(tmpdir(), "edge-metadata-archive-"));
  try {
    fill(join(work, name), version);
    mkdirSync(folder, { recursive: true });
    const file = join(folder, `${name}.tar.gz`);
    await run("tar", ["-czf", file, "-C", work, name]);
    return file;
  } finally {
    rmSync(work, { recursive: true });
  }
}

/**
 * @param {string} folder
 * @param {string} version
 */
function fill(folder, version) {
  for (const part of PARTS) {
    if (!existsSync(join(root, part))) throw new Failure(`${part} is missing: npm run build`);
    cpSync(join(root, part), join(folder, part), { recursive: true });
  }
  for (const file of reached(SCRIPTS.map((name) => `${name}.mjs`))) {
    mkdirSync(join(folder, "scripts"), { recursive: true });
    copyFileSync(join(root, "scripts", file), join(folder, "scripts", file));
  }
  writeFileSync(join(folder, "wrangler.toml"), withoutBuild(read("wrangler.toml")));
  writeFileSync(join(folder, "package.json"), `${JSON.stringify(manifest(version), null, 2)}\n`);
  writeFileSync(join(folder, "README.md"), readme(version));
}

/**
 * The scripts that some scripts import, and those.
 * @param {string[]} files
 */
function reached(files) {
  const found = new Set(files);
  for (const file of found) {
    for (const [, imported = ""] of read(join("scripts", file)).matchAll(/ from "\.\/([^"]+)"/g)) found.add(imported);
  }
  return found;
}

/** @param {string} toml */
function withoutBuild(toml) {
  const without = toml.replace(/^\[build\]\n.*?\n\n/ms, "");
  if (without === toml) throw new Failure("wrangler.toml has no [build]");
  return without;
}

/** @param {string} version */
function manifest(version) {
  const { name, description, license, type, engines, devDependencies } = JSON.parse(read("package.json"));
  return {
    name,
    version,
    private: true,
    description,
    license,
    type,
    engines,
    scripts: Object.fromEntries(SCRIPTS.map((name) => [name, `node scripts/${name}.mjs`])),
    devDependencies: { wrangler: devDependencies.wrangler },
  };
}

/** @param {string} version */
function readme(version) {
  return `# edge-metadata ${version}, ready to deploy

The metadata operations of the OpenStack Compute API as a Cloudflare Worker, built. It takes Node.js 22.12 or newer and a
Cloudflare account on the Workers Paid plan; no Rust.

\`\`\`sh
npm install
npx wrangler login
npx wrangler deploy --env production
\`\`\`

It makes the KV namespace and the Durable Object classes, and prints the Worker's URL. Then make a token and see that all
parts work together:

\`\`\`sh
export ADMIN_TOKEN=$(npm run --silent token -- --remote --user operator --project 0 --role admin --expires-in 3600)
npm run smoke -- https://edge-metadata.example.workers.dev
\`\`\`

Settings are in \`[env.production.vars]\` of \`wrangler.toml\`. To upgrade, unpack the next release, copy your changes into its
\`wrangler.toml\`, run \`npm install\` and deploy from there. A deployment removes each variable that \`wrangler.toml\` does not
have; secrets stay.
`;
}

/** @param {string} file */
function read(file) {
  return readFileSync(join(root, file), "utf8");
}
