// The sides of the comparison, and the modules that workerd loads for each.
import { readdirSync } from "node:fs";
import path from "node:path";
import { configuration } from "../scripts/configuration.mjs";
import { root } from "../scripts/layout.mjs";
import { workerModules, type Module } from "../scripts/worker-modules.mjs";

export interface Side {
  name: string;
  /** For tables and plots. */
  title: string;
  /** The first one is the entry module. */
  readonly modules: Module[];
  /** The classes of its objects, by the names of their bindings. */
  objects: Record<string, string>;
}

const RESOURCES = { RESOURCES: "ResourceObject" };

const benches = path.join(root, "benches");

function javaScript(name: string, title: string, objects: Record<string, string>): Side {
  const folder = path.join(benches, name);
  const files = readdirSync(folder).filter((file) => file.endsWith(".mjs"));
  const ordered = ["worker.mjs", ...files.filter((file) => file !== "worker.mjs")];
  return { name, title, objects, modules: ordered.map((file) => ({ name: file, file: path.join(folder, file), type: "esm" })) };
}

/** A Worker in Rust, as it is built in a folder when it is served. */
function rust(name: string, title: string, folder: string, objects: Record<string, string>, entry = "entry.js"): Side {
  return {
    ...{ name, title, objects },
    get modules() {
      return workerModules(folder, [entry]);
    },
  };
}

export const nothing = javaScript("null", "null: JavaScript, 204", {});
export const bareObject = javaScript("bare-object", "bare object: JavaScript, one DELETE, no checks", RESOURCES);
export const sameJob = javaScript("same-job", "the same job in JavaScript", RESOURCES);
export const ours = rust("edge-metadata", "edge-metadata", root, configuration(root).objects);
export const nullRust = rust("null-rust", "null Rust", path.join(benches, "null-rust"), {}, "worker.js");

/** Another build of this Worker, to measure a change: a built checkout. */
export function another(folder: string): Side {
  return rust(path.basename(folder), path.basename(folder), folder, configuration(folder).objects);
}

export function hasObjects(side: Side): boolean {
  return Object.keys(side.objects).length > 0;
}
