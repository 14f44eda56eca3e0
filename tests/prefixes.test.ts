// The contract's section "Paths": which paths name a resource, and which key a segment names.
import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { after, test } from "node:test";

import { assertFault, assertNoContent, assertUnknownPath, assertVersion } from "./answers.ts";
import { projectId, resourceId, startWorker } from "./harness.ts";
import { imageItem, Project } from "./project.ts";

const worker = await startWorker();
after(() => worker.stop());

const PREFIXES = ["", "/v2", "/v2.1", "/v2/{project_id}", "/v2.1/{project_id}"];

for (const prefix of PREFIXES) {
  const shown = prefix === "" ? "no prefix" : prefix;

  test(`DELETE answers 204 for a server below ${shown}`, async () => {
    const project = new Project(worker);
    const id = await project.server();
    const path = `${prefix.replace("{project_id}", project.id)}/servers/${id}/metadata/key1`;
    const answer = await project.delete(path);
    assertNoContent(answer);
    assertVersion(answer, prefix.startsWith("/v2.1") ? "2.1" : null);
    assert.deepEqual(await worker.metadata("servers", id), { key2: "value2" });
  });

  test(`DELETE answers 204 for an image below ${shown}`, async () => {
    const project = new Project(worker);
    const id = await project.image();
    const path = `${prefix.replace("{project_id}", project.id)}/images/${id}/metadata/key1`;
    const answer = await project.delete(path);
    assertNoContent(answer);
    assertVersion(answer, prefix.startsWith("/v2.1") ? "2.1" : null);
    assert.deepEqual(await worker.metadata("images", id), { key2: "value2" });
  });

  test(`an unknown key answers 404 below ${shown}`, async () => {
    const project = new Project(worker);
    const id = await project.server();
    const path = `${prefix.replace("{project_id}", project.id)}/servers/${id}/metadata/nope`;
    const answer = await project.delete(path);
    assertFault(answer, 404, "itemNotFound", "Metadata item was not found");
    assertVersion(answer, prefix.startsWith("/v2.1") ? "2.1" : null);
  });
}

for (const path of [
  "/v2/{project_id}//servers/{id}/metadata/key1",
  "//v2.1/{project_id}/servers/{id}/metadata/key1",
  "/v2.1//servers/{id}/metadata/key1",
  "/v2.1//{project_id}/servers/{id}/metadata/key1",
  "///servers/{id}/metadata/key1",
  "//v2//{project_id}///servers/{id}/metadata/key1",
]) {
  test(`an empty segment before the resource name is ignored: ${path}`, async () => {
    const project = new Project(worker);
    const id = await project.server();
    assertNoContent(await project.delete(path.replace("{project_id}", project.id).replace("{id}", id)));
    assert.deepEqual(await worker.metadata("servers", id), { key2: "value2" });
  });
}

for (const path of [
  "/v2/{project_id}/servers//{id}/metadata/key1",
  "/v2/{project_id}/servers/{id}//metadata/key1",
  "/v2/{project_id}/servers/{id}/metadata//key1",
  "/v2/{project_id}/servers/{id}/metadata/key1/",
  "/v2/{project_id}/servers/{id}/metadata/key1//",
  "/images/{id}/metadata//key1",
  "/images/{id}/metadata/key1/",
]) {
  test(`an empty segment anywhere else is an unknown path: ${path}`, async () => {
    const project = new Project(worker);
    const id = await (path.includes("images") ? project.image() : project.server());
    assertUnknownPath(await project.delete(path.replace("{project_id}", project.id).replace("{id}", id)));
    const kind = path.includes("images") ? "images" : "servers";
    assert.deepEqual(await worker.metadata(kind, id), { key1: "value1", key2: "value2" });
  });
}

for (const path of [
  "/nothing",
  "/v2/nothing/here",
  "/v3/servers/{id}/metadata/key1",
  "/V2/servers/{id}/metadata/key1",
  "/v2.1/{project_id}/v2.1/servers/{id}/metadata/key1",
  "/{project_id}/servers/{id}/metadata/key1",
  "/v2/{project_id}/{project_id}/servers/{id}/metadata/key1",
  "/v2/{project_id}/Servers/{id}/metadata/key1",
  "/v2/{project_id}/flavors/{id}/metadata/key1",
  "/v2/{project_id}/servers/{id}/Metadata/key1",
  "/v2/{project_id}/servers/{id}/tags/key1",
  "/v2/{project_id}/servers/{id}/metadata/key1/more",
  "/v2/{project_id}/servers/{id}/meta",
  "/v2/{project_id}",
  "/registry",
  "/registry/flavors",
  "/registry/flavors/{id}",
  "/registry/servers/{id}/metadata/key1",
  "/v2/registry/servers/{id}",
  "/favicon.ico",
]) {
  test(`an unknown path is 404: ${path}`, async () => {
    const project = new Project(worker);
    const id = await project.server();
    const real = path.replaceAll("{project_id}", project.id).replace("{id}", id);
    // An admin is allowed everything, so only the path can be the reason.
    assertUnknownPath(await project.delete(real, { token: await project.as("admin") }));
    assert.deepEqual(await worker.metadata("servers", id), { key1: "value1", key2: "value2" });
  });
}

for (const [what, id] of [
  ["upper case", "ABCDEF"],
  ["letters beyond f", "acme"],
  ["an underscore", "ab_cd"],
  ["a dot", "ab.cd"],
  ["a space", "ab%20cd"],
  ["a percent sign", "ab%25"],
  ["a newline at the end", "ab%0A"],
  ["bytes that are not UTF-8", "ab%FF"],
  ["NUL", "ab%00"],
]) {
  test(`a project_id with ${what} is an unknown path`, async () => {
    const project = new Project(worker);
    const server = await project.server();
    assertUnknownPath(await project.delete(`/v2/${id}/servers/${server}/metadata/key1`));
    assertUnknownPath(await project.delete(`/v2.1/${id}/images/${server}/metadata/key1`));
  });
}

for (const id of ["0", "-", "abc-def", projectId(), resourceId()]) {
  test(`a project_id matches [0-9a-f-]+: ${id.length > 8 ? `${id.length} characters` : id}`, async () => {
    const project = new Project(worker, id);
    const server = await project.server();
    assertNoContent(await project.delete(project.serverItem(server, "key1")));
  });
}

test("a project_id is compared as text, not as a number or a UUID", async () => {
  const project = new Project(worker, "0012");
  const server = await project.server();
  const answer = await project.delete(`/v2/12/servers/${server}/metadata/key1`);
  const message = "Malformed request URL: URL's project_id '12' doesn't match Context's project_id '0012'";
  assertFault(answer, 400, "badRequest", message);
});

// The stored key, and the path segment that names it.
for (const [key, segment] of [
  ["clé", "cl%C3%A9"],
  ["clé", "cl%c3%a9"],
  ["日本", "%E6%97%A5%E6%9C%AC"],
  ["😀", "%F0%9F%98%80"],
  ["sp ace", "sp%20ace"],
  ["a+b", "a+b"],
  ["a+b", "a%2Bb"],
  ["a/b", "a%2Fb"],
  ["a/b", "a%2fb"],
  ["/", "%2F"],
  ["a\\b", "a%5Cb"],
  ["a%b", "a%b"],
  ["a%zz", "a%zz"],
  ["100%", "100%"],
  ["100%", "100%25"],
  ["%2F", "%252F"],
  ["a%2Fb", "a%252Fb"],
  ["a?b", "a%3Fb"],
  ["a#b", "a%23b"],
  ["semi;colon", "semi;colon"],
  ["semi;colon", "semi%3Bcolon"],
  ['quote"q', "quote%22q"],
  ["it's", "it's"],
  ["tab\tx", "tab%09x"],
  ["new\n", "new%0A"],
  [" lead", "%20lead"],
  ["trail ", "trail%20"],
  ["...", "..."],
  ["x.json", "x.json"],
  ["metadata", "metadata"],
  ["servers", "servers"],
  ["\u0001", "%01"],
  ["\u007f", "%7F"],
  ["key1", "%6B%65%79%31"],
] as const) {
  test(`the segment ${segment} names the key ${JSON.stringify(key)}`, async () => {
    const project = new Project(worker);
    const items = { [key]: "named", unnamed: "stays" };
    const server = await project.server({ metadata: items });
    assertNoContent(await project.delete(project.serverItem(server, segment)));
    assert.deepEqual(await worker.metadata("servers", server), { unnamed: "stays" });
    const image = await project.image({ metadata: items });
    assertNoContent(await project.delete(imageItem(image, segment)));
    assert.deepEqual(await worker.metadata("images", image), { unnamed: "stays" });
  });
}

test("keys are compared as bytes: only the named one is deleted", async () => {
  const project = new Project(worker);
  // Pairs that a collation, trimming or normalisation would treat as equal.
  const pairs = [
    ["UPPER", "upper", "UPPER"],
    ["trail ", "trail", "trail%20"],
    [" lead", "lead", "%20lead"],
    ["\u00e9", "e\u0301", "%C3%A9"],
    ["ß", "ss", "%C3%9F"],
    ["a+b", "a b", "a+b"],
    ["k\n", "k", "k%0A"],
  ] as const;
  const items = Object.fromEntries(
    pairs.flatMap(([named, twin]) => [
      [named, "1"],
      [twin, "2"],
    ]),
  );
  const id = await project.server({ metadata: items });
  for (const [, , segment] of pairs) assertNoContent(await project.delete(project.serverItem(id, segment)));
  const left = Object.fromEntries(pairs.map(([, twin]) => [twin, "2"]));
  assert.deepEqual(await worker.metadata("servers", id), left);
});

test("the key new%0A is not the key new", async () => {
  const project = new Project(worker);
  const id = await project.server({ metadata: { new: "1" } });
  const answer = await project.delete(project.serverItem(id, "new%0A"));
  assertFault(answer, 404, "itemNotFound", "Metadata item was not found");
  assert.deepEqual(await worker.metadata("servers", id), { new: "1" });
});

for (const segment of ["%FF", "a%C3", "%C3%28", "%ED%A0%80", "%00", "key1%00", "%00key1", "%E9"]) {
  test(`the segment ${segment} names no key`, async () => {
    const project = new Project(worker);
    const items = { key1: "value1", "\ufffd": "what a lenient decoder would make of it" };
    const server = await project.server({ metadata: items });
    const noServerItem = await project.delete(project.serverItem(server, segment));
    assertFault(noServerItem, 404, "itemNotFound", "Metadata item was not found");
    assert.deepEqual(await worker.metadata("servers", server), items);
    const image = await project.image({ metadata: items });
    const noImageItem = await project.delete(imageItem(image, segment));
    assertFault(noImageItem, 404, "itemNotFound", "Invalid metadata key");
    assert.deepEqual(await worker.metadata("images", image), items);
  });

  test(`the segment ${segment} names no resource`, async () => {
    const project = new Project(worker);
    const noServer = await project.delete(project.serverItem(segment, "key1"));
    assert.equal(noServer.status, 404);
    assert.match(noServer.json().itemNotFound.message, /^Instance .+ could not be found\.$/s);
    const noImage = await project.delete(imageItem(segment, "key1"));
    assertFault(noImage, 404, "itemNotFound", "Image not found.");
  });
}

for (const segment of [".", "..", "%2E", "%2e%2E", "%2E.", "./key1/..", "..%2F"]) {
  test(`${segment} does not delete the key that it resembles`, async () => {
    const project = new Project(worker);
    const items = { ".": "1", "..": "2", key1: "3" };
    const id = await project.server({ metadata: items });
    const answer = await project.delete(project.serverItem(id, segment));
    assert.ok(answer.status === 404 || answer.status === 405, String(answer.status));
    assert.equal(answer.headers.get("Content-Type"), "application/json; charset=UTF-8");
    assert.deepEqual(await worker.metadata("servers", id), items);
  });
}

for (const at of ["v2", "{project_id}", "servers", "{id}", "metadata", "key1"]) {
  test(`each segment is percent-decoded: ${at}`, async () => {
    const project = new Project(worker);
    const id = await project.server();
    const fill = (segment: string): string => segment.replace("{project_id}", project.id).replace("{id}", id);
    const segments = ["v2", "{project_id}", "servers", "{id}", "metadata", "key1"].map((segment) =>
      segment === at ? percentEncoded(fill(segment)) : fill(segment),
    );
    assertNoContent(await project.delete(`/${segments.join("/")}`));
    assert.deepEqual(await worker.metadata("servers", id), { key2: "value2" });
  });
}

/** Percent-encodes every character. */
function percentEncoded(text: string): string {
  return [...text].map((letter) => `%${letter.charCodeAt(0).toString(16).padStart(2, "0")}`).join("");
}

test("the path is split before decoding: an encoded slash is no separator", async () => {
  const project = new Project(worker);
  const id = await project.server();
  assertUnknownPath(await project.delete(`/v2/${project.id}/servers/${id}/metadata%2Fkey1`));
  assertUnknownPath(await project.delete(`/v2/${project.id}%2Fservers/${id}/metadata/key1`));
  assert.deepEqual(await worker.metadata("servers", id), { key1: "value1", key2: "value2" });
});

test("query parameters of a DELETE are ignored, on every prefix", async () => {
  const project = new Project(worker);
  const id = await project.server({ metadata: { a: "1", b: "2", c: "3" } });
  assertNoContent(await project.delete(`${project.serverItem(id, "a")}?key=b&force=1`));
  assertNoContent(await project.delete(`/servers/${id}/metadata/b?`));
  assertNoContent(await project.delete(`/v2.1/servers/${id}/metadata/c?x=%FF`));
});

for (const [what, change] of [
  ["in upper case", (id: string) => id.toUpperCase()],
  ["without its hyphens", (id: string) => id.replaceAll("-", "")],
  ["in braces", (id: string) => `{${id}}`],
  ["with a space", (id: string) => `${id} `],
  ["that is no UUID", () => "not-a-uuid"],
  ["that is a number", () => "1"],
  ["that is very long", () => "a".repeat(4000)],
] satisfies [string, (id: string) => string][]) {
  test(`an id ${what} is 404 with the id as it was sent`, async () => {
    const project = new Project(worker);
    // Contains a letter, so that upper case differs.
    const server = `a${resourceId().slice(1)}`;
    await worker.putServer(server, { project_id: project.id, metadata: { key1: "value1" } });
    await worker.putImage(server, { project_id: project.id, metadata: { key1: "value1" } });
    const id = change(server);
    const noServer = await project.delete(project.serverItem(encodeURIComponent(id), "key1"));
    assertFault(noServer, 404, "itemNotFound", `Instance ${id} could not be found.`);
    const noImage = await project.delete(imageItem(encodeURIComponent(id), "key1"));
    assertFault(noImage, 404, "itemNotFound", "Image not found.");
    assert.deepEqual(await worker.metadata("servers", server), { key1: "value1" });
    assert.deepEqual(await worker.metadata("images", server), { key1: "value1" });
  });
}

test("no object is created for an id in upper case or one that is no UUID", async () => {
  const objects = async (): Promise<number> =>
    // Lists are told of the servers of other tests at any time.
    (await readdir(worker.folder, { recursive: true })).filter((name) => /ResourceObject.*\.sqlite$/.test(name)).length;
  const project = new Project(worker);
  await project.server();
  const before = await objects();
  assert.ok(before > 0, "the folder shows the objects there are");
  for (const id of [resourceId().toUpperCase(), "not-a-uuid", "1", "%FF", resourceId().replaceAll("-", "")]) {
    await project.delete(project.serverItem(id, "key1"));
    await project.delete(imageItem(id, "key1"));
    await project.delete(`/registry/servers/${id}`, { token: await worker.registrar() });
  }
  assert.equal(await objects(), before);
});
