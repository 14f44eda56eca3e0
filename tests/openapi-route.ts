/** Which path of the description a request was sent to, as the service itself reads paths. */
import { below, document, locate } from "../scripts/openapi-document.mjs";

/** Where paths are served: a path without `servers` of its own, below each of the document's. */
interface Template {
  template: string;
  /** What stands before it, such as `["v2.1", "{project_id}"]`. */
  prefixes: string[][];
  segments: string[];
}

const PROJECT_ID = /^[0-9a-f-]+$/;
const VERSIONS = new Set([undefined, "v2", "v2.1"]);

const templates: Template[] = Object.entries(document["paths"] as Record<string, { servers?: { url: string }[] }>)
  .map(([template, item]) => ({
    template,
    prefixes: (item.servers ?? (document["servers"] as { url: string }[])).map(({ url }) =>
      url
        .replace(/^\.\/?/, "")
        .split("/")
        .filter((word) => word !== ""),
    ),
    segments: template.split("/").filter((word) => word !== ""),
  }))
  // Words before variables: `/servers/detail` is no server.
  .sort((one, other) => variables(one) - variables(other));

function variables({ segments }: Template): number {
  return segments.filter(isVariable).length;
}

/** The template of the path that `target` names, `undefined` when there is none. */
export function route(target: string, basePath: string): string | undefined {
  if (!target.startsWith("/")) return undefined;
  // As the platform does before the Worker sees it: dots are resolved, backslashes are slashes.
  const { pathname } = new URL(
    target.replace(/^\/+/, (slashes) => `/.${slashes}`),
    "http://localhost",
  );
  const segments = withoutBase(
    pathname
      .replace(/^\/\.?/, "/")
      .split("/")
      .slice(1),
    basePath,
  );
  if (segments === undefined) return undefined;
  return templates.find((template) => template.prefixes.some((prefix) => matches(prefix, template.segments, segments)))?.template;
}

/** Empty segments before the resource are ignored, and so are those within the base path. */
function withoutBase(segments: string[], basePath: string): string[] | undefined {
  const rest = [...segments];
  for (const word of basePath.split("/").filter((word) => word !== "")) {
    while (rest[0] === "") rest.shift();
    if (rest.shift() !== word) return undefined;
  }
  return rest;
}

function matches(prefix: string[], template: string[], segments: string[]): boolean {
  const rest = [...segments];
  // In front of each word of the prefix, and of the first one after it.
  for (const word of prefix) {
    skipEmpty(rest);
    const segment = decoded(rest.shift());
    if (isVariable(word) ? segment === undefined || !PROJECT_ID.test(segment) : segment !== word) return false;
  }
  skipEmpty(rest);
  // A version's document has any number of slashes after it.
  if (prefix.length === 0 && template.length < 2 && VERSIONS.has(template[0])) while (rest.at(-1) === "") rest.pop();
  return (
    rest.length === template.length &&
    template.every((word, at) => {
      const segment = decoded(rest[at]);
      return isVariable(word) ? segment !== "" && segment !== "." && segment !== ".." : segment === word;
    })
  );
}

function skipEmpty(segments: string[]): void {
  while (segments[0] === "") segments.shift();
}

function isVariable(word: string): boolean {
  return word.startsWith("{");
}

/** One that cannot be decoded is itself: it names nothing, but a path it is. */
function decoded(segment: string | undefined): string | undefined {
  try {
    return segment === undefined ? undefined : decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

/** The methods that a path has, as `Allow` lists them. */
export function methodsOf(template: string): string {
  const item = locate(below("#/paths", template)).node;
  return ["delete", "get", "head", "options", "post", "put"]
    .filter((method) => method in item)
    .map((method) => method.toUpperCase())
    .join(", ");
}
