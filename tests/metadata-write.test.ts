// POST (merge), PUT of all items (replace) and PUT of one, for servers and images.
import assert from "node:assert/strict";
import { after, test } from "node:test";

import { assertFault, assertNoContent, assertVersion } from "./answers.ts";
import { startWorker, type Answer } from "./harness.ts";
import { KINDS, PREFIXES, WRITES, assertDocument, brief, make, perform, resourcePath } from "./operations.ts";
import { Project } from "./project.ts";

const worker = await startWorker();
after(() => worker.stop());

const MISMATCH = "Request body and URI mismatch";

for (const kind of KINDS) {
  /** Sends a change to `…/{id}/metadata{below}` as the project's member. */
  const change = async (project: Project, method: string, id: string, below: string, body: object): Promise<Answer> =>
    worker.request(method, `/v2.1/${kind}/${id}/metadata${below}`, { token: await project.as("member"), body });

  for (const prefix of PREFIXES) {
    for (const operation of WRITES) {
      test(`${operation.name} answers below ${prefix || "no prefix"}/${kind}`, async () => {
        const project = new Project(worker);
        const id = await make(project, kind);
        const answer = await perform(project, resourcePath(prefix, project, kind, id), operation);
        assertDocument(answer, operation.answer);
        assertVersion(answer, prefix.startsWith("/v2.1") ? "2.1" : null);
        assert.deepEqual(await worker.metadata(kind, id), operation.leaves);
      });
    }
  }

  test(`${kind}: POST of no items changes nothing and answers all items`, async () => {
    const project = new Project(worker);
    const id = await make(project, kind, { metadata: { a: "1" } });
    assertDocument(await change(project, "POST", id, "", { metadata: {} }), { metadata: { a: "1" } });
    assert.deepEqual(await worker.metadata(kind, id), { a: "1" });
  });

  test(`${kind}: PUT of no items removes all`, async () => {
    const project = new Project(worker);
    const id = await make(project, kind, { metadata: { a: "1", b: "2" } });
    assertDocument(await change(project, "PUT", id, "", { metadata: {} }), { metadata: {} });
    assert.deepEqual(await worker.metadata(kind, id), {});
  });

  test(`${kind}: PUT of an item creates or changes it and keeps the others`, async () => {
    const project = new Project(worker);
    const id = await make(project, kind, { metadata: { a: "1" } });
    assertDocument(await change(project, "PUT", id, "/b", { meta: { b: "2" } }), { meta: { b: "2" } });
    assertDocument(await change(project, "PUT", id, "/a", { meta: { a: "" } }), { meta: { a: "" } });
    assert.deepEqual(await worker.metadata(kind, id), { a: "", b: "2" });
  });

  test(`${kind}: a change without effect is answered like any other`, async () => {
    const project = new Project(worker);
    const id = await make(project, kind, { metadata: { a: "1" } });
    for (let count = 0; count < 2; count += 1) {
      assertDocument(await change(project, "POST", id, "", { metadata: { a: "1" } }), { metadata: { a: "1" } });
      assertDocument(await change(project, "PUT", id, "", { metadata: { a: "1" } }), { metadata: { a: "1" } });
      assertDocument(await change(project, "PUT", id, "/a", { meta: { a: "1" } }), { meta: { a: "1" } });
    }
  });

  test(`${kind}: an item that was deleted can be put again`, async () => {
    const project = new Project(worker);
    const id = await make(project, kind, { metadata: { a: "1" } });
    assertNoContent(await project.delete(`/v2.1/${kind}/${id}/metadata/a`));
    assertDocument(await change(project, "PUT", id, "/a", { meta: { a: "again" } }), { meta: { a: "again" } });
    assertNoContent(await project.delete(`/v2.1/${kind}/${id}/metadata/a`));
    assertDocument(await change(project, "POST", id, "", { metadata: { a: "anew" } }), { metadata: { a: "anew" } });
  });

  test(`${kind}: the next GET shows what was written`, async () => {
    const project = new Project(worker);
    const id = await make(project, kind, { metadata: {} });
    const items = { "aZ09-_:. ": 'a\u0000"é😀\n', " ": " lead and trail ", "..": "dots", ".": "dot", k: "" };
    assertDocument(await change(project, "PUT", id, "", { metadata: items }), { metadata: items });
    const list = await worker.request("GET", `/v2.1/${kind}/${id}/metadata`, { token: await project.as("reader") });
    assertDocument(list, { metadata: items });
  });

  test(`${kind}: keys that differ in case or in spaces are different keys`, async () => {
    const project = new Project(worker);
    const id = await make(project, kind, { metadata: { upper: "1", trail: "2", lead: "3" } });
    await change(project, "POST", id, "", { metadata: { UPPER: "4", "trail ": "5" } });
    await change(project, "PUT", id, "/%20lead", { meta: { " lead": "6" } });
    const items = { upper: "1", trail: "2", lead: "3", UPPER: "4", "trail ": "5", " lead": "6" };
    assert.deepEqual(await worker.metadata(kind, id), items);
  });

  test(`${kind}: items with keys that users may not write stay until a PUT of all`, async () => {
    const project = new Project(worker);
    const id = await make(project, kind, { metadata: { clé: "accent", "a/b": "slash", a: "1" } });
    const merged = { clé: "accent", "a/b": "slash", a: "2" };
    assertDocument(await change(project, "POST", id, "", { metadata: { a: "2" } }), { metadata: merged });
    await change(project, "PUT", id, "/a", { meta: { a: "3" } });
    assert.deepEqual(await worker.metadata(kind, id), { ...merged, a: "3" });
    assertDocument(await change(project, "PUT", id, "", { metadata: { b: "1" } }), { metadata: { b: "1" } });
    assert.deepEqual(await worker.metadata(kind, id), { b: "1" });
  });

  // The path segment, and the matching key in the body.
  for (const [segment, key] of [
    ["sp%20ace", "sp ace"],
    ["%66oo", "foo"],
    ["aZ09-_:.%20", "aZ09-_:. "],
    ["x.json", "x.json"],
    ["metadata", "metadata"],
    ["...", "..."],
    ["-", "-"],
    ["__proto__", "__proto__"],
    ["k".repeat(255), "k".repeat(255)],
  ] as const) {
    test(`${kind}: PUT of ${brief(segment)} writes that key`, async () => {
      const project = new Project(worker);
      const id = await make(project, kind, { metadata: {} });
      // An object literal would set the prototype.
      const meta = JSON.parse(`{${JSON.stringify(key)}: "v"}`) as Record<string, string>;
      assertDocument(await change(project, "PUT", id, `/${segment}`, { meta }), { meta });
      assert.deepEqual(await worker.metadata(kind, id), meta);
    });
  }

  for (const [segment, key] of [
    ["foo", "other"],
    ["foo", "FOO"],
    ["foo", "foo "],
    ["foo%20", "foo"],
    ["foo%0A", "foo"],
    ["x.json", "x"],
    ["a+b", "a b"],
    ["a%2520b", "a b"],
    ["cl%C3%A9", "foo"],
    ["a%2Fb", "foo"],
    ["k".repeat(256), "k".repeat(255)],
  ] as const) {
    test(`${kind}: PUT of ${brief(segment)} does not write ${brief(key)}`, async () => {
      const project = new Project(worker);
      const id = await make(project, kind, { metadata: { a: "1" } });
      const answer = await change(project, "PUT", id, `/${segment}`, { meta: { [key]: "v" } });
      assertFault(answer, 400, "badRequest", MISMATCH);
      assert.deepEqual(await worker.metadata(kind, id), { a: "1" });
    });
  }

  for (const segment of ["%FF", "%00", "foo%00", "a%C3"]) {
    test(`${kind}: PUT of ${segment}, which names no key, is 4xx and writes nothing`, async () => {
      const project = new Project(worker);
      const id = await make(project, kind, { metadata: { a: "1" } });
      for (const key of ["foo", segment, "\ufffd"]) {
        const { status } = await change(project, "PUT", id, `/${segment}`, { meta: { [key]: "v" } });
        assert.ok(status === 400 || status === 404, String(status));
      }
      assert.deepEqual(await worker.metadata(kind, id), { a: "1" });
    });
  }

  test(`${kind}: the keys . and .. are written by PUT and POST of items only`, async () => {
    const project = new Project(worker);
    const id = await make(project, kind, { metadata: {} });
    await change(project, "PUT", id, "", { metadata: { ".": "1" } });
    await change(project, "POST", id, "", { metadata: { "..": "2" } });
    for (const [segment, key] of [
      [".", "."],
      ["..", ".."],
      ["%2E", "."],
      ["%2e%2E", ".."],
    ] as const) {
      const { status } = await change(project, "PUT", id, `/${segment}`, { meta: { [key]: "changed" } });
      assert.ok(status === 404 || status === 405 || status === 400, String(status));
    }
    assert.deepEqual(await worker.metadata(kind, id), { ".": "1", "..": "2" });
  });

  test(`${kind}: a change affects only the resource that it names`, async () => {
    const project = new Project(worker);
    const named = await make(project, kind, { metadata: { a: "1" } });
    const other = await make(project, kind, { metadata: { a: "1" } });
    await change(project, "PUT", named, "", { metadata: { a: "2" } });
    assert.deepEqual(await worker.metadata(kind, other), { a: "1" });
    assert.deepEqual(await worker.metadata(kind, named), { a: "2" });
  });

  test(`${kind}: query parameters of a change are ignored, with 2.102 on servers too`, async () => {
    const project = new Project(worker);
    const resource = `/v2.1/${kind}/${await make(project, kind, { metadata: { key1: "value1", key2: "value2" } })}`;
    const headers = { "X-OpenStack-Nova-API-Version": kind === "servers" ? "2.102" : "2.38" };
    for (const operation of WRITES) {
      const path = `${operation.path}?x=1&key=key2`;
      assert.equal((await perform(project, resource, { ...operation, path }, { headers })).status, 200, operation.name);
    }
  });

  test(`${kind}: no concurrent change is lost`, async () => {
    const project = new Project(worker);
    const id = await make(project, kind, { metadata: { old: "0" } });
    const writes = Array.from({ length: 40 }, (_, at) =>
      at % 2 === 0
        ? change(project, "POST", id, "", { metadata: { [`k${at}`]: `v${at}` } })
        : change(project, "PUT", id, `/k${at}`, { meta: { [`k${at}`]: `v${at}` } }),
    );
    for (const answer of await Promise.all(writes)) assert.equal(answer.status, 200, answer.text);
    const items = Object.fromEntries(Array.from({ length: 40 }, (_, at) => [`k${at}`, `v${at}`]));
    assert.deepEqual(await worker.metadata(kind, id), { old: "0", ...items });
  });

  test(`${kind}: of two concurrent PUTs of all items one is kept in full`, async () => {
    const project = new Project(worker);
    const id = await make(project, kind, { metadata: {} });
    const set = (name: string): Record<string, string> =>
      Object.fromEntries(Array.from({ length: 50 }, (_, at) => [`${name}${at}`, name]));
    const puts = ["a", "b", "c", "d"].map((name) => change(project, "PUT", id, "", { metadata: set(name) }));
    for (const answer of await Promise.all(puts)) assert.equal(answer.status, 200, answer.text);
    const left = await worker.metadata(kind, id);
    assert.deepEqual(left, set(Object.values(left ?? {})[0] ?? ""));
  });
}

test("images: a key with the name of an image's field changes metadata only", async () => {
  const project = new Project(worker);
  const id = await project.image({ name: "an image", metadata: {} });
  const token = await project.as("member");
  for (const key of ["name", "status", "owner", "visibility", "id", "members"]) {
    const put = await worker.request("PUT", `/images/${id}/metadata/${key}`, { token, body: { meta: { [key]: "x" } } });
    assertDocument(put, { meta: { [key]: "x" } });
  }
  const record = await worker.record("images", id);
  assert.equal(record?.["name"], "an image");
  assert.equal(record["status"], "active");
  assert.equal(record["visibility"], "private");
  assert.equal(record["project_id"], project.id);
});
