// Which module of a Rust crate uses which, read from its sources with a parser.
//
// A use counts where it leads: a name that a module re-exports counts as the module that defines it, however many
// re-exports are in between, and a re-export that its own module does not use counts for nothing. `mod` declares a
// module and is no use of it. Inline modules belong to the file that they stand in.

import { existsSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { parser } from "@lezer/rust";
import { Failure } from "./report.mjs";

/**
 * @typedef {import("@lezer/common").SyntaxNode} Node
 * @typedef {{ from: Module, to: Module, line: number, path: string }} Edge `from` and `to` have files of their own
 * @typedef {{ segments: string[], line: number }} Path
 * @typedef {Path & { name: string, isPublic: boolean }} Import `name` is `*` for all names and `_` for none
 */

const ITEMS = new Set([
  ...["FunctionItem", "StructItem", "EnumItem", "UnionItem", "TraitItem", "TypeItem", "ConstItem", "StaticItem"],
  "MacroDefinition",
]);
/** The tokens that name something; not those that bind a name. */
const NAMES = new Set(["Identifier", "TypeIdentifier", "ScopeIdentifier", "Metavariable"]);
const KEYWORDS = new Set(["crate", "self", "super"]);

export class Module {
  /** @type {Map<string, Module>} */
  children = new Map();
  /** What it defines, modules left out. */
  items = new Set();
  traits = new Set();
  /** @type {Import[]} */
  imports = [];
  /** What its code names. @type {Path[]} */
  paths = [];

  /**
   * @param {string} name
   * @param {Module | undefined} parent
   * @param {string} file
   * @param {string} folder where the files of its children are
   * @param {boolean} isInline
   */
  constructor(name, parent, file, folder, isInline) {
    this.name = name;
    this.parent = parent;
    this.file = file;
    this.folder = folder;
    this.isInline = isInline;
  }

  /** The module whose file it stands in. @returns {Module} */
  get owner() {
    return this.isInline && this.parent ? this.parent.owner : this;
  }

  /** From the root down, the root included. @returns {Module[]} */
  get ancestry() {
    return this.parent ? [...this.parent.ancestry, this] : [this];
  }

  /** As Rust writes it: `crate::api::list`. @returns {string} */
  get path() {
    return this.parent ? `${this.parent.path}::${this.name}` : "crate";
  }

  /** Itself and all modules below it. @returns {Module[]} */
  get all() {
    return [this, ...[...this.children.values()].flatMap((child) => child.all)];
  }
}

/**
 * Reads a crate from its root file.
 * @param {string} file `src/lib.rs` or `src/main.rs`
 * @returns {{ root: Module, edges: Edge[] }}
 */
export function readCrate(file) {
  const root = new Module("crate", undefined, file, dirname(file), false);
  readFile(root);
  const edges = root.all.flatMap(uses);
  return { root, edges: edges.filter(({ from, to }) => from !== to) };
}

/** @param {Module} module */
function readFile(module) {
  const source = readFileSync(module.file, "utf8");
  readItems(module, parser.parse(source).topNode, source);
}

/**
 * @param {Module} module
 * @param {Node} parent of the module's items
 * @param {string} source
 */
function readItems(module, parent, source) {
  const text = (/** @type {Node} */ node) => source.slice(node.from, node.to).replace(/^r#/, "");
  const line = (/** @type {Node} */ node) => source.slice(0, node.from).split("\n").length;
  /** The names of a path so far, while its parts are read one after the other. @type {Path | undefined} */
  let path;
  let follows = "";

  const read = (/** @type {Node} */ node) => {
    if (node.name === "Vis" || node.name === "LineComment" || node.name === "BlockComment") return;
    if (node.name === "ModItem") return readModule(module, node, source);
    if (node.name === "UseDeclaration") return void module.imports.push(...imports(node, text, line));
    if (ITEMS.has(node.name) && node.parent?.from === parent.from && node.parent.name === parent.name) {
      const name = node.getChild("BoundIdentifier") ?? node.getChild("TypeIdentifier") ?? node.getChild("Identifier");
      if (name) module.items.add(text(name));
      if (name && node.name === "TraitItem") module.traits.add(text(name));
    }
    if (node.firstChild) {
      for (let child = node.firstChild; child; child = /** @type {Node} */ (child.nextSibling)) read(child);
      return;
    }
    readToken(node);
  };

  const readToken = (/** @type {Node} */ node) => {
    const word = text(node);
    const isName = NAMES.has(node.name) || KEYWORDS.has(word);
    if (isName && follows === "::") path?.segments.push(word);
    else if (isName && follows !== ".") module.paths.push((path = { segments: [word], line: line(node) }));
    else if (word !== "::") path = undefined;
    // `#[serde(with = "crate::dates")]`
    if (node.name === "String" && /^"\w+(::\w+)+"$/.test(word) && inAttribute(node)) {
      module.paths.push({ segments: word.slice(1, -1).split("::"), line: line(node) });
    }
    follows = word;
  };

  for (let child = parent.firstChild; child; child = child.nextSibling) read(child);
}

/** @param {Node} node */
function inAttribute(node) {
  for (let above = node.parent; above; above = above.parent) if (above.name === "Attribute") return true;
  return false;
}

/**
 * @param {Module} parent
 * @param {Node} node
 * @param {string} source
 */
function readModule(parent, node, source) {
  const identifier = /** @type {Node} */ (node.getChild("BoundIdentifier"));
  const name = source.slice(identifier.from, identifier.to).replace(/^r#/, "");
  const folder = join(parent.folder, name);
  const body = node.getChild("DeclarationList");
  if (body) {
    const module = new Module(name, parent, parent.file, folder, true);
    parent.children.set(name, module);
    return readItems(module, body, source);
  }
  const file = [`${folder}.rs`, join(folder, "mod.rs")].find((candidate) => existsSync(candidate));
  if (file === undefined) throw new Failure(`${parent.file}: there is no file for \`mod ${name};\``);
  const module = new Module(name, parent, file, folder, false);
  parent.children.set(name, module);
  readFile(module);
}

/**
 * @param {Node} declaration
 * @param {(node: Node) => string} text
 * @param {(node: Node) => number} line
 * @returns {Import[]}
 */
function imports(declaration, text, line) {
  const isPublic = declaration.getChild("Vis") !== null;
  /** @type {Import[]} */
  const found = [];
  const add = (/** @type {Node} */ node, /** @type {string[]} */ segments, /** @type {string | undefined} */ name) => {
    // `use a::{self}` names a itself.
    const whole = segments.length > 1 && segments.at(-1) === "self" ? segments.slice(0, -1) : segments;
    found.push({ segments: whole, name: name ?? whole.at(-1) ?? "", isPublic, line: line(node) });
  };
  const read = (/** @type {Node} */ node, /** @type {string[]} */ before) => {
    const children = [];
    for (let child = node.firstChild; child; child = child.nextSibling) children.push(child);
    const list = children.find(({ name }) => name === "UseList" || name === "ScopedUseList");
    const parts = children.filter((child) => child !== list && !["::", "{", "}", ",", "as"].includes(child.name));
    switch (node.name) {
      case "UseList":
        for (const child of children) if (!["{", "}", ","].includes(child.name)) read(child, before);
        return;
      case "ScopedUseList":
        return void (list && read(list, [...before, ...parts.flatMap(segments)]));
      case "UseWildcard":
        return add(node, [...before, ...parts.filter(({ name }) => name !== "*").flatMap(segments)], "*");
      case "UseAsClause": {
        const [path, alias] = [parts[0], parts.at(-1)];
        return void (path && alias && add(node, [...before, ...segments(path)], text(alias)));
      }
      default:
        return add(node, [...before, ...segments(node)], undefined);
    }
  };
  /** @type {(node: Node) => string[]} */
  const segments = (node) =>
    text(node)
      .split("::")
      .map((part) => part.trim())
      .filter((part) => part !== "");
  for (let child = declaration.firstChild; child; child = child.nextSibling) {
    if (!["Vis", "use", ";", "::"].includes(child.name)) read(child, []);
  }
  return found;
}

/**
 * What one module uses, itself included.
 * @param {Module} from
 * @returns {Edge[]}
 */
function uses(from) {
  /** @type {Edge[]} */
  const edges = [];
  const add = (/** @type {Module} */ to, /** @type {Path} */ { line, segments }) =>
    void edges.push({ from: from.owner, to: to.owner, line, path: segments.join("::") });
  for (const use of from.imports) {
    const target = resolve(from, use.segments);
    if (target === undefined || use.isPublic) continue;
    if (use.name === "*") for (const to of behind(target.module)) add(to, use);
    // A module by itself is only a shorter name: its uses count, one by one.
    else if (!target.isModule) add(target.module, use);
  }
  for (const path of from.paths) {
    const target = resolve(from, path.segments);
    if (target && !target.isModule) add(target.module, path);
  }
  return edges;
}

/**
 * What all names of a module lead to without being written: what it defines itself, and traits.
 * @param {Module} module
 * @returns {Module[]}
 */
function behind(module) {
  const traits = module.imports.flatMap(({ segments }) => {
    const target = resolve(module, segments);
    return target && !target.isModule && target.module.traits.has(segments.at(-1)) ? [target.module] : [];
  });
  return module.items.size > 0 ? [module, ...traits] : traits;
}

/**
 * The module that a path leads to, or that defines what it leads to; undefined when that is in no module of the crate.
 * @param {Module} from
 * @param {string[]} segments
 * @param {Set<string>} [seen] to find an end where imports lead in a circle
 * @returns {{ module: Module, isModule: boolean } | undefined}
 */
function resolve(from, segments, seen = new Set()) {
  const [first = "", ...rest] = segments;
  if (first === "crate" || first === "$crate") return descend(/** @type {Module} */ (from.ancestry[0]), rest, seen);
  if (first === "self") return descend(from, rest, seen);
  if (first === "super") return from.parent && resolve(from.parent, ["self", ...rest], seen);
  return lookUp(from, segments, seen);
}

/**
 * @param {Module} module
 * @param {string[]} segments
 * @param {Set<string>} seen
 */
function descend(module, segments, seen) {
  if (segments.length === 0) return { module, isModule: true };
  if (segments[0] === "super") return resolve(module, segments, seen);
  // A name that was not found counts as the module's own: a macro may have made it.
  return lookUp(module, segments, seen) ?? { module, isModule: false };
}

/**
 * @param {Module} module
 * @param {string[]} segments
 * @param {Set<string>} seen
 * @returns {{ module: Module, isModule: boolean } | undefined}
 */
function lookUp(module, segments, seen) {
  const [name = "", ...rest] = segments;
  const key = `${module.path}::${name}`;
  if (seen.has(key)) return undefined;
  const next = new Set(seen).add(key);
  const child = module.children.get(name);
  if (child) return descend(child, rest, seen);
  if (module.items.has(name)) return { module, isModule: false };
  for (const use of module.imports) {
    if (use.name === name) return resolve(module, [...use.segments, ...rest], next);
  }
  for (const use of module.imports) {
    if (use.name !== "*") continue;
    const target = resolve(module, use.segments, next);
    const found = target?.isModule ? lookUp(target.module, segments, next) : undefined;
    if (found) return found;
  }
  return undefined;
}

/**
 * A file as the map names it: `api/list.rs`.
 * @param {Module} module
 */
export function fileName(module) {
  const root = /** @type {Module} */ (module.ancestry[0]);
  return module.parent ? module.file.slice(root.folder.length + 1) : basename(module.file);
}
