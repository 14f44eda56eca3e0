// `npm run modules`: prints which module of each crate uses which, and fails where modules use each other in a
// circle, tests included. What counts as a use: rust-modules.mjs.
//
//   npm run modules                    the map of all crates of this repository
//   npm run modules -- src/lib.rs      of the crate with this root file
//   npm run modules -- --brief         without the files
//
// Modules are compared with their siblings, at every level: `crate::api` and `crate::auth` with all that is below
// each, then the modules within `crate::api`, and what `crate::api` holds itself with the modules below it.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Failure, command, isMain } from "./command.mjs";
import { root as repository } from "./layout.mjs";
import { setup } from "./setup.mjs";

/**
 * @typedef {import("./rust-modules.mjs").Module} Module
 * @typedef {import("./rust-modules.mjs").Edge} Edge
 * @typedef {Map<string, Map<string, Edge>>} Graph for each name what it uses, with one place where it does
 */

const FOLDERS = ["core", ".", "bridge"];
const ROOTS = ["lib.rs", "main.rs"];

/**
 * The graph of the modules below one: for each module that it declares, with all below, and for itself.
 * @param {Module} parent
 * @param {Edge[]} edges
 * @returns {Graph}
 */
export function graphBelow(parent, edges) {
  const depth = parent.ancestry.length;
  const group = (/** @type {Module} */ module) => {
    if (module.ancestry[depth - 1] !== parent) return undefined;
    return module.ancestry[depth]?.name ?? parent.name;
  };
  /** @type {Graph} */
  const graph = new Map();
  for (const edge of edges) {
    const [from, to] = [group(edge.from), group(edge.to)];
    if (from === undefined || to === undefined || from === to) continue;
    const used = graph.get(from) ?? new Map();
    if (!used.has(to)) used.set(to, edge);
    graph.set(from, used);
  }
  return graph;
}

/**
 * The shortest circle through each node that is on one, each circle once.
 * @param {Graph} graph
 * @returns {Edge[][]}
 */
export function cycles(graph) {
  /** @type {Map<string, Edge[]>} */
  const found = new Map();
  for (const start of [...graph.keys()].sort()) {
    const way = shortestWay(graph, start, start);
    if (way)
      found.set(
        [...way.map(({ name }) => name)].sort().join(" "),
        way.map(({ edge }) => edge),
      );
  }
  return [...found.values()];
}

/**
 * @param {Graph} graph
 * @param {string} from
 * @param {string} to
 * @returns {{ name: string, edge: Edge }[] | undefined}
 */
function shortestWay(graph, from, to) {
  /** @type {{ name: string, edge: Edge }[][]} */
  const queue = [[]];
  const reached = new Set();
  for (let way = queue.shift(); way; way = queue.shift()) {
    for (const [name, edge] of graph.get(way.at(-1)?.name ?? from) ?? []) {
      const longer = [...way, { name, edge }];
      if (name === to) return longer;
      if (!reached.has(name)) queue.push(longer);
      reached.add(name);
    }
  }
  return undefined;
}

/**
 * @param {string} file the root file of a crate
 * @param {{ brief: boolean }} how
 * @returns {Promise<{ map: string, cycles: string[] }>}
 */
export async function inspect(file, { brief }) {
  // Loaded late: its parser is a package, which `setup` may have to install.
  const { fileName, readCrate } = await import("./rust-modules.mjs");
  const { root, edges } = readCrate(file);
  const map = [drawn(graphBelow(root, edges))];
  if (!brief) {
    /** @type {Map<string, Set<string>>} */
    const files = new Map();
    for (const { from, to } of edges) {
      files.set(fileName(from), (files.get(fileName(from)) ?? new Set()).add(fileName(to)));
    }
    map.push(drawn(files));
  }
  const told = (/** @type {Edge} */ { from, to, line, path }) =>
    `    ${from.path} uses ${to.path}   ${fileName(from)}:${line}: ${path}`;
  return {
    map: map.join("\n"),
    cycles: root.all
      .filter(({ isInline }) => !isInline)
      .flatMap((module) => cycles(graphBelow(module, edges)))
      .map((cycle) => cycle.map(told).join("\n")),
  };
}

/** @param {Map<string, Map<string, unknown> | Set<string>>} graph */
function drawn(graph) {
  const width = Math.max(...[...graph.keys()].map(({ length }) => length));
  return [...graph]
    .map(([name, used]) => `  ${name.padEnd(width)} → ${[...used.keys()].sort().join(", ")}\n`)
    .sort()
    .join("");
}

/** The root files of the crates of this repository. */
function crates() {
  return FOLDERS.flatMap((folder) => ROOTS.map((file) => join(repository, folder, "src", file))).filter(existsSync);
}

if (isMain(import.meta.url)) {
  await command(async () => {
    const { values, positionals } = parseArgs({
      options: { brief: { type: "boolean", default: false } },
      allowPositionals: true,
    });
    await setup();
    const found = [];
    for (const file of positionals.length > 0 ? positionals : crates()) {
      const { map, cycles } = await inspect(file, values);
      process.stdout.write(`${file.replace(`${repository}/`, "")}\n${map}\n`);
      found.push(...cycles);
    }
    if (found.length > 0) throw new Failure(`modules use each other in a circle:\n${found.join("\n\n")}`);
  });
}
