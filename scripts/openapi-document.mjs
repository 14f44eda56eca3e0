// The description of the API as the tests read it: the file that the Worker serves, its references followed, and each of
// its parts under a name. A part is what has to be met by some response: an operation, a status, a header, a field, an
// alternative, a parameter.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./layout.mjs";

/**
 * @typedef {Record<string, any>} Node
 * @typedef {{ pointer: string, node: Node }} Located a node, and where it is defined: `#/components/schemas/Item`
 *
 * @typedef {object} Operation
 * @property {string} template such as `/servers/{server_id}`
 * @property {string} method in upper case; `*` for the methods that the path does not have
 * @property {Record<string, Located>} responses by status
 * @property {Located[]} parameters
 * @property {Located | undefined} requestSchema
 */

/** How an operation's method is written in a path item. */
const METHODS = ["get", "head", "post", "put", "delete", "options"];

/** @type {Node} */
export const document = JSON.parse(readFileSync(join(root, "core", "src", "http", "openapi.json"), "utf8"));

/**
 * The node at a pointer, its references followed to where it is defined.
 * @param {string} pointer
 * @returns {Located}
 */
export function locate(pointer) {
  let node = document;
  for (const token of pointer.slice(2).split("/")) {
    const name = decodeURIComponent(token).replaceAll("~1", "/").replaceAll("~0", "~");
    node = node?.[name];
    if (node === undefined) throw new Error(`the description has nothing at ${pointer}`);
  }
  return typeof node["$ref"] === "string" ? locate(node["$ref"]) : { pointer, node };
}

/** @param {string} pointer @param {...string} names */
export function below(pointer, ...names) {
  return [pointer, ...names.map((name) => encodeURIComponent(name.replaceAll("~", "~0").replaceAll("/", "~1")))].join("/");
}

/** Every operation of every path. */
export const operations = Object.entries(document["paths"]).flatMap(([template, item]) =>
  METHODS.filter((method) => method in item).map((method) =>
    operation(template, method.toUpperCase(), below("#/paths", template, method), item),
  ),
);

/** What a described path answers to other methods. */
export const otherMethods = undescribed("x-other-methods");
/** What other paths answer. */
export const otherPaths = undescribed("x-other-paths");

/** @param {string} name @returns {Operation} */
function undescribed(name) {
  return operation(name, "*", `#/${name}`, {});
}

/**
 * @param {string} template
 * @param {string} method
 * @param {string} pointer
 * @param {Node} item
 * @returns {Operation}
 */
function operation(template, method, pointer, item) {
  const { node } = locate(pointer);
  const responses = Object.keys(node["responses"]).map((status) => [status, locate(below(pointer, "responses", status))]);
  const own = (node["parameters"] ?? []).map((/** @type {Node} */ _, /** @type {number} */ at) =>
    locate(below(pointer, "parameters", String(at))),
  );
  const shared = (item["parameters"] ?? []).map((/** @type {Node} */ _, /** @type {number} */ at) =>
    locate(below("#/paths", template, "parameters", String(at))),
  );
  return {
    template,
    method,
    responses: Object.fromEntries(responses),
    parameters: [...shared, ...own],
    requestSchema: requestSchema(pointer, node),
  };
}

/**
 * @param {string} pointer
 * @param {Node} node
 */
function requestSchema(pointer, node) {
  if (node["requestBody"] === undefined) return undefined;
  const body = locate(below(pointer, "requestBody"));
  return locate(below(body.pointer, "content", "application/json", "schema"));
}

/** @param {Operation} operation */
export function nameOf({ method, template }) {
  return method === "*" ? template : `${method} ${template}`;
}

/** The names of all parts, and with each where it is described. @returns {Set<string>} */
export function parts() {
  const found = new Set();
  for (const operation of [...operations, otherMethods, otherPaths]) {
    for (const [status, response] of Object.entries(operation.responses)) {
      found.add(statusPart(operation, status));
      for (const header of Object.keys(response.node["headers"] ?? {})) found.add(headerPart(response, header));
      for (const type of Object.keys(response.node["content"] ?? {})) {
        found.add(typePart(type));
        if (response.node["content"][type].schema !== undefined)
          addSchema(found, locate(below(response.pointer, "content", type, "schema")));
      }
    }
    for (const parameter of operation.parameters) found.add(parameterPart(parameter));
    if (operation.requestSchema !== undefined) addSchema(found, operation.requestSchema);
  }
  return found;
}

/** @param {Operation} operation @param {string | number} status */
export function statusPart(operation, status) {
  return `status ${status} of ${nameOf(operation)}`;
}

/** @param {Located} response @param {string} header */
export function headerPart(response, header) {
  return `header ${locate(below(response.pointer, "headers", header)).pointer}`;
}

/** @param {string} type */
export function typePart(type) {
  return `media type ${type}`;
}

/** @param {Located} parameter */
export function parameterPart({ node }) {
  return `parameter ${node["name"]} in ${node["in"]}`;
}

/** @param {string} pointer of a schema's property, alternative, type or value */
export function schemaPart(pointer) {
  return `schema ${pointer}`;
}

/**
 * @param {Set<string>} found
 * @param {Located} schema
 */
function addSchema(found, schema) {
  for (const [pointer, child] of children(schema)) {
    const part = schemaPart(pointer);
    if (found.has(part)) continue;
    found.add(part);
    if (child !== undefined) addSchema(found, child);
  }
}

/**
 * The parts of a schema that an instance may or may not have: its properties, the values of an `enum`, the types of a
 * list of types, its alternatives; and what its items and further members are, which count with what is in them.
 *
 * @param {Located} schema
 * @returns {[pointer: string, schema: Located | undefined][]}
 */
export function children({ pointer, node }) {
  /** @type {[string, Located | undefined][]} */
  const found = [];
  const add = (/** @type {string[]} */ ...names) => {
    const at = below(pointer, ...names);
    found.push([at, locate(at)]);
  };
  for (const name of Object.keys(node["properties"] ?? {})) add("properties", name);
  for (const [at] of (node["anyOf"] ?? []).entries()) add("anyOf", String(at));
  if (typeof node["items"] === "object") add("items");
  if (typeof node["additionalProperties"] === "object") add("additionalProperties");
  for (const value of node["enum"] ?? []) found.push([below(pointer, "enum", String(value)), undefined]);
  if (Array.isArray(node["type"])) for (const type of node["type"]) found.push([below(pointer, "type", type), undefined]);
  return found;
}
