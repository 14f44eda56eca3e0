/** JSON against the schemas of the description, and which parts of them it has. */
import { createRequire } from "node:module";

import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";

import { children, document, schemaPart } from "../scripts/openapi-document.mjs";

type Schema = Record<string, unknown>;
type Located = Parameters<typeof children>[0];

// Its declaration says it is a module of the newer kind, which it is not.
const addFormats = createRequire(import.meta.url)("ajv-formats") as (ajv: Ajv2020) => void;

const ajv = new Ajv2020({ strict: false, allErrors: true, allowUnionTypes: true });
addFormats(ajv);
ajv.addSchema(closed(document) as Schema, "openapi");

const validators = new Map<string, ValidateFunction>();

/** What is wrong with an instance, in words; `undefined` when nothing is. */
export function problems(pointer: string, instance: unknown): string | undefined {
  const validate = validator(pointer);
  if (validate(instance)) return undefined;
  const lines = (validate.errors ?? [])
    .slice(0, 10)
    .map(({ instancePath, message, params }) => `  ${instancePath || "the top"} ${message} ${JSON.stringify(params)}`);
  return `does not match ${decodeURIComponent(pointer)}:\n${lines.join("\n")}`;
}

function validator(pointer: string): ValidateFunction {
  const known = validators.get(pointer);
  if (known !== undefined) return known;
  const made = ajv.compile({ $ref: `openapi${pointer}` });
  validators.set(pointer, made);
  return made;
}

/**
 * The description with each object closed that names its members and does not say what others are. It leaves that open
 * for its readers, whose clients should bear a field that is new; the tests should not.
 */
function closed(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(closed);
  if (typeof node !== "object" || node === null) return node;
  const copy = Object.fromEntries(Object.entries(node).map(([name, value]) => [name, closed(value)]));
  const isObjectSchema = copy["type"] === "object" && "properties" in copy;
  if (isObjectSchema && !("additionalProperties" in copy)) copy["additionalProperties"] = false;
  return copy;
}

/** Tells `met` of every part of the schema that a valid instance has. */
export function visit(schema: Located, instance: unknown, met: (part: string) => void): void {
  const { node } = schema;
  for (const [pointer, child] of children(schema)) {
    for (const value of valuesOf(node, pointer.slice(schema.pointer.length + 1), pointer, instance)) {
      met(schemaPart(pointer));
      if (child !== undefined) visit(child, value, met);
    }
  }
}

/** What of an instance a part of its schema is about. */
function valuesOf(node: Schema, part: string, pointer: string, instance: unknown): unknown[] {
  const [keyword, name = ""] = part
    .split("/")
    .map((token) => decodeURIComponent(token).replaceAll("~1", "/").replaceAll("~0", "~"));
  const members = typeof instance === "object" && instance !== null ? (instance as Schema) : {};
  switch (keyword) {
    case "properties":
      return Object.hasOwn(members, name) ? [members[name]] : [];
    case "additionalProperties": {
      const named = Object.keys((node["properties"] as Schema | undefined) ?? {});
      return Object.keys(members)
        .filter((member) => !named.includes(member))
        .map((member) => members[member]);
    }
    case "items":
      return Array.isArray(instance) ? instance : [];
    case "anyOf":
      return validator(pointer)(instance) ? [instance] : [];
    case "enum":
      return String(instance) === name ? [instance] : [];
    case "type":
      return typeOf(instance) === name ? [instance] : [];
    default:
      throw new Error(`no rule for ${keyword}`);
  }
}

function typeOf(instance: unknown): string {
  if (instance === null) return "null";
  if (Array.isArray(instance)) return "array";
  return Number.isInteger(instance) ? "integer" : typeof instance;
}
