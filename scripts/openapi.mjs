// `npm run openapi`: the description of the API, docs/openapi.yaml, as the JSON that the Worker serves.
//
//   npm run openapi               writes core/src/http/openapi.json
//   npm run openapi -- --check    fails when that file is not what the description says

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { Failure, command, isMain, progress } from "./command.mjs";
import { root } from "./layout.mjs";
import { setup } from "./setup.mjs";

const SOURCE = join(root, "docs", "openapi.yaml");
const SERVED = join(root, "core", "src", "http", "openapi.json");

/**
 * Brings the JSON in line with the description, or finds that it is not.
 * @param {{ check: boolean }} options
 */
export async function writeDescription({ check }) {
  // Loaded late, because a fresh clone has no packages yet.
  const { parse } = await import("yaml");
  // Without its anchors and merges, which are for whoever writes it.
  const document = parse(readFileSync(SOURCE, "utf8"), { merge: true, maxAliasCount: -1 });
  await validate(document);
  const text = `${JSON.stringify(document)}\n`;
  const name = relative(root, SERVED);
  if (existsSync(SERVED) && readFileSync(SERVED, "utf8") === text) return progress(`${name} is up to date`);
  if (check) throw new Failure(`${name} is not what ${relative(root, SOURCE)} says: run \`npm run openapi\``);
  writeFileSync(SERVED, text);
  progress(`wrote ${name}`);
}

/** @param {Record<string, unknown>} document */
async function validate(document) {
  const { Validator } = await import("@seriousme/openapi-schema-validator");
  const result = await new Validator().validate(structuredClone(document));
  if (result.valid) return;
  const errors = typeof result.errors === "string" ? result.errors : JSON.stringify(result.errors, undefined, 2);
  throw new Failure(`${relative(root, SOURCE)} is no OpenAPI document:\n${errors}`);
}

if (isMain(import.meta.url)) {
  await command(async () => {
    const unknown = process.argv.slice(2).find((arg) => arg !== "--check");
    if (unknown !== undefined) throw new Failure(`unknown option ${unknown}; there is only --check`);
    await setup();
    await writeDescription({ check: process.argv.includes("--check") });
  });
}
