// The sides of the comparison, and the modules that workerd loads for each.
import { readFileSync, readdirSync } from "node:fs";
import path from "node:path";
import { root } from "../scripts/layout.mjs";

export interface Module {
  /** The name by which other modules import it. */
  name: string;
  file: string;
}

export interface Side {
  name: string;
  /** For tables and plots. */
  title: string;
  /** The first one is the entry module. */
  modules: Module[];
  /** The classes of its objects, by the names of their bindings. */
  objects: Record<string, string>;
}

const RESOURCES = { RESOURCES: "ResourceObject" };

const benches = path.join(root, "benches");

function javaScript(name: string, title: string, objects: Record<string, string>): Side {
  const folder = path.join(benches, name);
  const files = readdirSync(folder).filter((file) => file.endsWith(".mjs"));
  const ordered = ["worker.mjs", ...files.filter((file) => file !== "worker.mjs")];
  return { name, title, objects, modules: ordered.map((file) => ({ name: file, file: path.join(folder, file) })) };
}

/** Its entry module, and the output of wasm-bindgen. */
function rust(name: string, title: string, objects: Record<string, string>, folder: string, entrance: string): Side {
  const modules = [
    { name: entrance, file: path.join(folder, entrance) },
    { name: "build/index.js", file: path.join(folder, "build", "index.js") },
    { name: "build/index_bg.wasm", file: path.join(folder, "build", "index_bg.wasm") },
  ];
  return { name, title, objects, modules };
}

/** The bindings at the top of wrangler.toml, before those of its environments. */
function deployedObjects(folder: string): Record<string, string> {
  const top = readFileSync(path.join(folder, "wrangler.toml"), "utf8").split(/^\[env\./m)[0] ?? "";
  const bindings = top.matchAll(/^\[\[durable_objects\.bindings\]\]\nname = "(.*)"\nclass_name = "(.*)"/gm);
  return Object.fromEntries([...bindings].map(([, name, className]) => [name as string, className as string]));
}

export const nothing = javaScript("null", "null: JavaScript, 204", {});
export const bareObject = javaScript("bare-object", "bare object: JavaScript, one DELETE, no checks", RESOURCES);
export const sameJob = javaScript("same-job", "the same job in JavaScript", RESOURCES);
export const ours = rust("edge-metadata", "edge-metadata", deployedObjects(root), root, "entry.js");
export const nullRust = rust("null-rust", "null Rust", {}, path.join(benches, "null-rust"), "worker.js");

/** Another build of this Worker, to measure a change: a built checkout. */
export function another(folder: string): Side {
  return rust(path.basename(folder), path.basename(folder), deployedObjects(folder), folder, "entry.js");
}

export function hasObjects(side: Side): boolean {
  return Object.keys(side.objects).length > 0;
}
