// `npm run openapi`: the description of the API, docs/openapi.yaml, as the JSON that the Worker serves.
//
//   npm run openapi               writes core/src/http/openapi.json
//   npm run openapi -- --check    fails when that file is not what the description says (part of `npm run lint`)

import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { Validator } from "@seriousme/openapi-schema-validator";
import { parse } from "yaml";
import { Failure, command, isMain, progress } from "./command.mjs";
import { root } from "./layout.mjs";

const SOURCE = join(root, "docs", "openapi.yaml");
const SERVED = join(root, "core", "src", "http", "openapi.json");

/** The description with its anchors and merges resolved. @returns {Record<string, any>} */
export function description() {
  return parse(readFileSync(SOURCE, "utf8"), { merge: true, maxAliasCount: -1 });
}

/** @param {Record<string, any>} document */
async function validate(document) {
  const result = await new Validator().validate(structuredClone(document));
  if (result.valid) return;
  const errors = typeof result.errors === "string" ? result.errors : JSON.stringify(result.errors, undefined, 2);
  throw new Failure(`${relative(root, SOURCE)} is no OpenAPI document:\n${errors}`);
}

if (isMain(import.meta.url)) {
  await command(async () => {
    const document = description();
    await validate(document);
    const text = `${JSON.stringify(document)}\n`;
    const name = relative(root, SERVED);
    if (existsSync(SERVED) && readFileSync(SERVED, "utf8") === text) return progress(`${name} is up to date`);
    if (process.argv.includes("--check")) throw new Failure(`${name} is not what ${relative(root, SOURCE)} says: run \`npm run openapi\``);
    mkdirSync(dirname(SERVED), { recursive: true });
    writeFileSync(SERVED, text);
    progress(`wrote ${name}`);
  });
}
