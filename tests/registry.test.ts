// The contract's "Registry": how the control plane tells the edge what exists, and in which state.
import assert from "node:assert/strict";
import { after, test } from "node:test";

import {
  assertFault,
  assertFaultHeaders,
  assertMethodNotAllowed,
  assertNoContent,
  assertUnauthorized,
  assertUnknownPath,
} from "./answers.ts";
import { projectId, resourceId, startWorker, type Answer, type Fields } from "./harness.ts";
import { imageItem, Project } from "./project.ts";
import { assertInvalid, assertRecord, KINDS, RegistryClient, registryPath, wrapper, type Kind } from "./registry-client.ts";

const worker = await startWorker();
after(() => worker.stop());
const registrar = await worker.registrar();
const registry = new RegistryClient(worker);
const path = registryPath;
const put: RegistryClient["put"] = (...args) => registry.put(...args);
const get: RegistryClient["get"] = (...args) => registry.get(...args);

const SERVER: Fields = {
  project_id: projectId(),
  name: "web-1",
  vm_state: "paused",
  task_state: "unpausing",
  power_state: 3,
  locked: true,
  launched: false,
  created: "2026-01-02T03:04:05Z",
  observed_at: "2026-01-02T03:04:06Z",
  metadata: { a: "1" },
  attributes: { hostId: "5ca1ab1e", flavor: { id: "m1.tiny" } },
};
const IMAGE: Fields = {
  project_id: projectId(),
  name: "debian",
  status: "saving",
  visibility: "shared",
  members: [projectId(), projectId()],
  created: "2026-01-02T03:04:05Z",
  observed_at: "2026-01-02T03:04:06Z",
  metadata: { a: "1" },
  attributes: { minRam: 512 },
};
const FULL: Record<Kind, Fields> = { servers: SERVER, images: IMAGE };

for (const kind of KINDS) {
  test(`PUT of a new one of the ${kind} is 201, of a known one 200, with the full record`, async () => {
    const id = resourceId();
    assertRecord(await put(kind, id, FULL[kind]), 201, kind, FULL[kind]);
    assertRecord(await put(kind, id, FULL[kind]), 200, kind, FULL[kind]);
  });

  test(`GET of one of the ${kind} is 200 with the full record`, async () => {
    const id = resourceId();
    await put(kind, id, FULL[kind]);
    assertRecord(await get(kind, id), 200, kind, FULL[kind]);
  });

  test(`PUT and GET answer the same record of ${kind}`, async () => {
    const id = resourceId();
    const answer = await put(kind, id, { project_id: projectId(), metadata: { a: "1" } });
    assert.deepEqual((await get(kind, id)).json(), answer.json());
  });

  test(`DELETE of one of the ${kind} is 204: the record and its metadata are gone`, async () => {
    const project = new Project(worker);
    const id = resourceId();
    await put(kind, id, { project_id: project.id, metadata: { key1: "value1" } });
    assertNoContent(await worker.request("DELETE", path(kind, id), { token: registrar }));
    const again = await get(kind, id);
    assert.equal(again.status, 404);
    assert.equal(again.json().itemNotFound.code, 404);
    // A new one of the same id starts from the defaults.
    const anew = await put(kind, id, { project_id: project.id });
    assertRecord(anew, 201, kind, { name: "", metadata: {} });
  });

  test(`DELETE and GET of unknown ${kind} are 404`, async () => {
    const id = resourceId();
    for (const method of ["GET", "DELETE"]) {
      const answer = await worker.request(method, path(kind, id), { token: registrar });
      const message = kind === "servers" ? `Instance ${id} could not be found.` : "Image not found.";
      assertFault(answer, 404, "itemNotFound", message);
    }
  });

  test(`${kind}: project_id is required when the record is new`, async () => {
    const id = resourceId();
    assertInvalid(await put(kind, id, { name: "nobody's" }), "project_id");
    assert.equal(await worker.record(kind, id), null);
  });

  test(`${kind}: project_id may change later`, async () => {
    const [first, second] = [new Project(worker), new Project(worker)];
    const id = resourceId();
    await put(kind, id, { project_id: first.id, metadata: { key1: "1", key2: "2" } });
    assertRecord(await put(kind, id, { project_id: second.id }), 200, kind, { project_id: second.id });
    const item = (key: string): string => `/${kind}/${id}/metadata/${key}`;
    assert.equal((await first.delete(item("key1"))).status, 404);
    assertNoContent(await second.delete(item("key1")));
  });

  test(`${kind}: a field that is absent keeps its value`, async () => {
    const id = resourceId();
    await put(kind, id, FULL[kind]);
    const { observed_at, ...kept } = FULL[kind];
    for (const [name, value] of Object.entries({ name: "renamed", metadata: { b: "2" }, project_id: projectId() })) {
      const expected: Fields = { ...kept, [name]: value };
      kept[name] = value;
      assertRecord(await put(kind, id, { [name]: value }), 200, kind, expected);
      assertRecord(await get(kind, id), 200, kind, expected);
    }
    assert.ok(observed_at);
    assertRecord(await put(kind, id, {}), 200, kind, kept);
  });

  test(`${kind}: a state change keeps the metadata`, async () => {
    const project = new Project(worker);
    const id = resourceId();
    const metadata = { a: "1", "b/c": "2", clé: "", "trail ": "4" };
    await put(kind, id, { project_id: project.id, metadata });
    const state = kind === "servers" ? { vm_state: "error", locked: true } : { status: "deactivated" };
    assertRecord(await put(kind, id, state), 200, kind, { ...state, metadata });
  });

  test(`${kind}: a state change does not bring back an item that was deleted`, async () => {
    const project = new Project(worker);
    const id = resourceId();
    await put(kind, id, { project_id: project.id, metadata: { key1: "1", key2: "2" } });
    assertNoContent(await project.delete(`/${kind}/${id}/metadata/key1`));
    await put(kind, id, { name: "renamed" });
    assert.deepEqual(await worker.metadata(kind, id), { key2: "2" });
  });

  test(`${kind}: metadata when given replaces all`, async () => {
    const id = resourceId();
    await put(kind, id, { project_id: projectId(), metadata: { a: "1", b: "2" } });
    assertRecord(await put(kind, id, { metadata: { b: "3", c: "4" } }), 200, kind, { metadata: { b: "3", c: "4" } });
    assertRecord(await put(kind, id, { metadata: {} }), 200, kind, { metadata: {} });
    assert.deepEqual(await worker.metadata(kind, id), {});
  });

  for (const name of Object.keys(FULL[kind]).filter((field) => field !== "task_state")) {
    test(`${kind}: null is not allowed for ${name}`, async () => {
      const id = resourceId();
      await put(kind, id, { project_id: projectId(), name: "before" });
      assertInvalid(await put(kind, id, { name: "after", [name]: null }), name);
      assertRecord(await get(kind, id), 200, kind, { name: "before" });
    });
  }

  for (const name of ["id", "flavor", "status_", "Name", "instance_uuid", ""]) {
    test(`${kind}: the unknown field ${JSON.stringify(name)} is 400 and named`, async () => {
      assertInvalid(await put(kind, resourceId(), { project_id: projectId(), [name]: "x" }), name);
    });
  }

  test(`${kind}: the other kind's fields are unknown`, async () => {
    for (const name of kind === "servers" ? ["status", "visibility", "members"] : ["vm_state", "locked", "launched"]) {
      assertInvalid(await put(kind, resourceId(), { project_id: projectId(), [name]: FULL.images[name] ?? "x" }), name);
    }
  });

  test(`${kind}: a document that is no object, or wraps the wrong thing, is 400`, async () => {
    const other = kind === "servers" ? "image" : "server";
    const record = { project_id: projectId() };
    const documents = [null, [], "text", 1, {}, record, { [other]: record }, { [wrapper(kind)]: record, extra: 1 }];
    for (const body of documents) {
      const answer = await worker.request("PUT", path(kind, resourceId()), {
        token: registrar,
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify(body),
      });
      assert.equal(answer.status, 400, JSON.stringify(body));
      assert.match(answer.json().badRequest.message, /^Invalid input for field '.+': ./);
    }
    for (const value of [null, [], "text", 1]) assertInvalid(await put(kind, resourceId(), value), wrapper(kind));
  });

  test(`${kind}: what is refused is not kept`, async () => {
    const id = resourceId();
    assert.equal((await put(kind, id, { project_id: projectId(), metadata: { a: 1 } })).status, 400);
    assert.equal(await worker.record(kind, id), null);
  });

  test(`${kind}: metadata may hold any key of 1 to 255 characters`, async () => {
    const id = resourceId();
    const metadata = Object.fromEntries(
      ["k".repeat(255), "😀".repeat(255), "a/b", "new\n", "\u0000", " ", ".", "..", "ключ", "__proto__", "a!"].map((key) => [
        key,
        "v",
      ]),
    );
    const body = JSON.stringify({ [wrapper(kind)]: { project_id: projectId(), metadata } });
    const headers = { "Content-Type": "application/json" };
    const answer = await worker.request("PUT", path(kind, id), { token: registrar, headers, body });
    assertRecord(answer, 201, kind, { metadata });
    assert.deepEqual(await worker.metadata(kind, id), metadata);
    for (const key of ["", "k".repeat(256), "😀".repeat(256)]) {
      assertInvalid(await put(kind, id, { metadata: { [key]: "v" } }), "metadata");
    }
    assert.deepEqual(await worker.metadata(kind, id), metadata);
  });

  test(`${kind}: a mirror holds values of any length`, async () => {
    const id = resourceId();
    const metadata = {
      empty: "",
      block_device_mapping: "v".repeat(600),
      astral: "😀".repeat(256),
      long: "v".repeat(100_000),
      nul: "a\u0000b",
      quote: '"\\',
    };
    assertRecord(await put(kind, id, { project_id: projectId(), metadata }), 201, kind, { metadata });
    assertRecord(await get(kind, id), 200, kind, { metadata });
    for (const value of [1, true, null, [], {}]) assertInvalid(await put(kind, id, { metadata: { a: value } }), "metadata");
    assert.deepEqual(await worker.metadata(kind, id), metadata);
  });

  test(`${kind}: fields of several documents add up to 1.5 MiB at most`, async () => {
    const id = resourceId();
    const long = "n".repeat(1_000_000);
    const other = kind === "servers" ? "vm_state" : "status";
    assert.equal((await put(kind, id, { project_id: projectId(), name: long })).status, 201);
    assertInvalid(await put(kind, id, { [other]: long }), wrapper(kind));
    // What was refused is not kept, and the next document is taken.
    assert.equal((await get(kind, id)).json()[wrapper(kind)][other], "active");
    assert.equal((await put(kind, id, { name: "short" })).status, 200);
    assert.equal((await put(kind, id, { [other]: long })).status, 200);
  });

  test(`${kind}: a mirror holds any number of items`, async () => {
    const id = resourceId();
    const metadata = Object.fromEntries(Array.from({ length: 1_000 }, (_, at) => [`k${at}`, "v"]));
    assertRecord(await put(kind, id, { project_id: projectId(), metadata }), 201, kind, { metadata });
    assert.deepEqual(await worker.metadata(kind, id), metadata);
  });

  test(`${kind}: attributes may have 64 levels`, async () => {
    const id = resourceId();
    const nested = (levels: number): object => {
      const arrays: unknown = JSON.parse(`${"[".repeat(levels - 1)}${"]".repeat(levels - 1)}`);
      return { k: arrays };
    };
    const attributes = nested(64);
    assertRecord(await put(kind, id, { project_id: projectId(), attributes }), 201, kind, { attributes });
    // The last one is as deep as a body may be.
    for (const levels of [65, 120, 122, 124, 125])
      assertInvalid(await put(kind, id, { attributes: nested(levels) }), "attributes");
    assertRecord(await get(kind, id), 200, kind, { attributes });
  });

  test(`${kind}: attributes may have 64 KiB`, async () => {
    const id = resourceId();
    const attributes = { k: "v".repeat(65_536 - '{"k":""}'.length) };
    assertRecord(await put(kind, id, { project_id: projectId(), attributes }), 201, kind, { attributes });
    assertInvalid(await put(kind, id, { attributes: { k: `${attributes.k}v` } }), "attributes");
    assertRecord(await get(kind, id), 200, kind, { attributes });
    // Given again they replace all, as metadata does.
    assertRecord(await put(kind, id, { attributes: { other: [1] } }), 200, kind, { attributes: { other: [1] } });
  });

  test(`${kind}: a time without an offset is UTC, as N writes it`, async () => {
    for (const [text, time] of [
      ["2026-01-02T03:04:05", "2026-01-02T03:04:05Z"],
      ["2026-01-02T03:04:05.000000", "2026-01-02T03:04:05Z"],
      ["2026-01-02T03:04:05.250000", "2026-01-02T03:04:05.250Z"],
      ["2026-01-02T05:04:05+02:00", "2026-01-02T03:04:05Z"],
    ] as const) {
      const record = (await put(kind, resourceId(), { project_id: projectId(), created: text, observed_at: text })).json();
      assert.equal(Date.parse(record[wrapper(kind)].observed_at), Date.parse(time), text);
      assert.equal(Date.parse(record[wrapper(kind)].created), Date.parse(time), text);
    }
  });

  for (const [what, change] of [
    ["in upper case", (id: string) => id.toUpperCase()],
    ["without hyphens", (id: string) => id.replaceAll("-", "")],
    ["that is no UUID", () => "web-1"],
    ["in braces", (id: string) => `%7B${id}%7D`],
    ["with a digit too few", (id: string) => id.slice(0, -1)],
    ["with a digit too many", (id: string) => `${id}0`],
    ["with a newline", (id: string) => `${id}%0A`],
    ["with letters beyond f", (id: string) => `g${id.slice(1)}`],
    ["with its hyphens elsewhere", (id: string) => `${id.slice(0, 7)}-${id.slice(7, 8)}${id.slice(9)}`],
  ] satisfies [string, (id: string) => string][]) {
    test(`${kind}: an id ${what} is 400`, async () => {
      const id = change(`a${resourceId().slice(1)}`);
      const answer = await put(kind, id, { project_id: projectId() });
      assert.equal(answer.status, 400, answer.text);
      assert.match(answer.json().badRequest.message, /^Invalid input for field '.*id': ./);
      assertFaultHeaders(answer);
      for (const method of ["GET", "DELETE"]) {
        assert.equal((await worker.request(method, path(kind, id), { token: registrar })).status, 400);
      }
    });
  }

  test(`${kind}: the body limit is 1 MiB`, async () => {
    const id = resourceId();
    const headers = { "Content-Type": "application/json" };
    const document = JSON.stringify({ [wrapper(kind)]: { project_id: projectId(), name: "padded" } });
    const send = (bytes: number, chunked = false): Promise<Answer> =>
      worker.request("PUT", path(kind, id), { token: registrar, headers, body: document.padEnd(bytes, " "), chunked });
    // Over the limit of the API proper, which does not hold here.
    assertRecord(await send(200_000), 201, kind, { name: "padded" });
    assertRecord(await send(1_048_576), 200, kind, { name: "padded" });
    assertRecord(await send(1_048_576, true), 200, kind, { name: "padded" });
    for (const chunked of [false, true]) {
      const answer = await send(1_048_577, chunked);
      assert.equal(answer.status, 413);
      assert.equal(answer.json().overLimit.code, 413);
      assertFaultHeaders(answer);
    }
  });

  test(`${kind}: 405 names the methods there are`, async () => {
    for (const method of ["POST", "PATCH"]) {
      const answer = await worker.request(method, path(kind, resourceId()), { token: registrar });
      assertMethodNotAllowed(answer, "DELETE, GET, HEAD, OPTIONS, PUT");
    }
  });

  test(`${kind}: a body that is not JSON in UTF-8 is 400`, async () => {
    const headers = { "Content-Type": "application/json" };
    for (const body of [
      "",
      "{bad",
      '{"server": NaN}',
      "\ufeff{}",
      "'text'",
      "{} {}",
      Buffer.from('{"server": {"name": "\xff"}}', "latin1"),
      '{"server": {"name": "\\ud800"}}',
    ]) {
      const answer = await worker.request("PUT", path(kind, resourceId()), { token: registrar, headers, body });
      assert.equal(answer.status, 400, String(body));
      // An empty body is null, and null is no document; the rest is no JSON.
      if (body !== "") assertFault(answer, 400, "badRequest", "Malformed request body");
    }
  });

  test(`${kind}: of duplicate keys the last wins`, async () => {
    const id = resourceId();
    const headers = { "Content-Type": "application/json" };
    const body = `{"${wrapper(kind)}": {"project_id": "abc", "name": "first", "name": "last"}}`;
    const answer = await worker.request("PUT", path(kind, id), { token: registrar, headers, body });
    assertRecord(answer, 201, kind, { name: "last" });
  });

  test(`${kind}: size, then token`, async () => {
    const answer = await worker.request("PUT", path(kind, resourceId()), { body: " ".repeat(1_048_577) });
    assert.equal(answer.status, 413);
  });

  test(`${kind}: token, then path`, async () => {
    assertUnauthorized(await worker.request("PUT", `${path(kind, resourceId())}/more`), worker);
    assertUnauthorized(await worker.request("POST", path(kind, resourceId())), worker);
  });

  test(`${kind}: path, then content type`, async () => {
    const options = { token: registrar, headers: { "Content-Type": "application/xml" }, body: "<a/>" };
    assertUnknownPath(await worker.request("PUT", `${path(kind, resourceId())}/more`, options));
    assert.equal((await worker.request("POST", path(kind, resourceId()), options)).status, 405);
  });

  test(`${kind}: path, then role`, async () => {
    const token = await new Project(worker).as("member");
    assertUnknownPath(await worker.request("PUT", `${path(kind, resourceId())}/more`, { token }));
    assert.equal((await worker.request("POST", path(kind, resourceId()), { token })).status, 405);
  });

  test(`${kind}: role, then content type and JSON: nobody's body is read who may not write`, async () => {
    const token = await new Project(worker).as("member");
    for (const type of ["application/xml", "application/json"]) {
      const options = { token, headers: { "Content-Type": type }, body: "{bad" };
      const answer = await worker.request("PUT", path(kind, resourceId()), options);
      assertFault(answer, 403, "forbidden", "Policy doesn't allow registry:update to be performed.");
    }
  });

  test(`${kind}: content type, then JSON`, async () => {
    const options = { token: registrar, headers: { "Content-Type": "application/xml" }, body: "{bad" };
    const answer = await worker.request("PUT", path(kind, resourceId()), options);
    assertFault(answer, 415, "badMediaType", "Unsupported Content-Type");
  });

  test(`${kind}: role, then schema`, async () => {
    const token = await new Project(worker).as("member");
    const answer = await put(kind, resourceId(), { nonsense: 1 }, { token });
    assertFault(answer, 403, "forbidden", "Policy doesn't allow registry:update to be performed.");
  });

  test(`${kind}: role, then whether the record exists`, async () => {
    const token = await new Project(worker).as("member");
    const shown = await worker.request("GET", path(kind, resourceId()), { token });
    assertFault(shown, 403, "forbidden", "Policy doesn't allow registry:show to be performed.");
    const removed = await worker.request("DELETE", path(kind, resourceId()), { token });
    assertFault(removed, 403, "forbidden", "Policy doesn't allow registry:delete to be performed.");
  });

  test(`${kind}: HEAD answers as GET without a body`, async () => {
    const id = resourceId();
    await put(kind, id, { project_id: projectId() });
    const answer = await worker.request("HEAD", path(kind, id), { token: registrar });
    assert.equal(answer.status, 200);
    assert.equal(answer.text, "");
    assert.equal((await worker.request("HEAD", path(kind, resourceId()), { token: registrar })).status, 404);
  });
}

test("servers: every other field has a default", async () => {
  const id = resourceId();
  const before = Date.now();
  const answer = await put("servers", id, { project_id: "abc" });
  assertRecord(answer, 201, "servers", {
    project_id: "abc",
    name: "",
    vm_state: "active",
    task_state: null,
    power_state: 1,
    locked: false,
    launched: true,
    metadata: {},
    attributes: {},
  });
  assertNow(answer.json().server.created, before);
});

test("images: every other field has a default", async () => {
  const id = resourceId();
  const before = Date.now();
  const answer = await put("images", id, { project_id: "abc" });
  assertRecord(answer, 201, "images", {
    project_id: "abc",
    name: "",
    status: "active",
    visibility: "private",
    members: [],
    metadata: {},
    attributes: {},
  });
  assertNow(answer.json().image.created, before);
});

/** Within the second: a record's times are told in whole ones. */
function assertNow(text: string, before: number): void {
  assert.match(text, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/);
  const time = Date.parse(text);
  assert.ok(time >= before - 1000 && time <= Date.now(), `${text} is not now`);
}

test("created keeps its value when a known record is put again", async () => {
  const id = resourceId();
  const created = (await put("servers", id, { project_id: "abc" })).json().server.created;
  await new Promise((resolve) => setTimeout(resolve, 1100));
  assertRecord(await put("servers", id, { name: "renamed" }), 200, "servers", { created });
});

test("servers: null is allowed for task_state", async () => {
  const id = resourceId();
  await put("servers", id, { project_id: "abc", task_state: "rebooting" });
  assertRecord(await put("servers", id, { name: "kept" }), 200, "servers", { task_state: "rebooting" });
  assertRecord(await put("servers", id, { task_state: null }), 200, "servers", { task_state: null });
});

for (const [kind, name, values] of [
  ["servers", "project_id", [1, "", "ACME", "acme", "ab cd", "ab/cd", "abc\n", {}, []]],
  ["servers", "name", [1, true, {}, []]],
  ["servers", "vm_state", [1, false, {}]],
  ["servers", "task_state", [1, false, {}, []]],
  ["servers", "power_state", ["1", "sleeping", "RUNNING", "", 1.5, 3_000_000_000, true, {}]],
  ["servers", "locked", ["true", 1, 0, {}]],
  ["servers", "launched", ["true", 1, 0, {}]],
  ["servers", "created", [0, "", "yesterday", "2026-13-01T00:00:00Z", "2026-01-01"]],
  ["servers", "observed_at", [0, "", "now", "2026-02-30T00:00:00Z", "2026-01-01"]],
  ["servers", "metadata", ["a=b", 1, [], [["a", "b"]]]],
  ["servers", "attributes", ["a=b", 1, [], [["a", "b"]]]],
  ["servers", "applied", ["a", 1, [], null, { a: "1" }, { a: -1 }, { a: 1.5 }, { a: null }]],
  ["images", "project_id", [1, "", "ACME", "ab cd"]],
  ["images", "name", [1, true, {}, []]],
  ["images", "status", [1, true, {}]],
  ["images", "visibility", [1, "", "secret", "Public", {}]],
  ["images", "members", ["abc", {}, [1], ["ACME"], [null], [""]]],
  ["images", "created", [0, "", "yesterday"]],
  ["images", "observed_at", [0, "", "now"]],
  ["images", "metadata", ["a=b", 1, []]],
  ["images", "attributes", ["a=b", 1, []]],
  ["images", "applied", ["a", 1, [], null, { a: "1" }]],
] satisfies [Kind, string, unknown[]][]) {
  test(`${kind}: a wrong type or value of ${name} is 400 and named`, async () => {
    const id = resourceId();
    await put(kind, id, { project_id: "abc", name: "before" });
    for (const value of values) {
      assertInvalid(await put(kind, id, { [name]: value }), name);
      assertInvalid(await put(kind, resourceId(), { project_id: "abc", [name]: value }), name);
    }
    assertRecord(await get(kind, id), 200, kind, { project_id: "abc", name: "before" });
  });
}

test("servers: power_state is N's number or N's word for it", async () => {
  const id = resourceId();
  await put("servers", id, { project_id: "abc" });
  for (const [word, number] of [
    ["pending", 0],
    ["running", 1],
    ["paused", 3],
    ["shutdown", 4],
    ["crashed", 6],
    ["suspended", 7],
  ] as const) {
    assertRecord(await put("servers", id, { power_state: word }), 200, "servers", { power_state: number });
    assertRecord(await put("servers", id, { power_state: number }), 200, "servers", { power_state: number });
  }
});

test("vm_state and status may be any string", async () => {
  for (const state of ["active", "unheard of", "", "état", "ACTIVE"]) {
    assertRecord(await put("servers", resourceId(), { project_id: "abc", vm_state: state }), 201, "servers", {
      vm_state: state,
    });
    assertRecord(await put("images", resourceId(), { project_id: "abc", status: state }), 201, "images", {
      status: state,
    });
  }
});

test("a server and an image of one id are two records", async () => {
  const id = resourceId();
  await put("servers", id, { project_id: "abc", metadata: { of: "server" } });
  await put("images", id, { project_id: "abc", metadata: { of: "image" } });
  await worker.request("DELETE", path("servers", id), { token: registrar });
  assert.equal(await worker.record("servers", id), null);
  assert.deepEqual(await worker.metadata("images", id), { of: "image" });
});

test("the registry shows an image that nobody else sees any more", async () => {
  const project = new Project(worker);
  const id = resourceId();
  await put("images", id, { project_id: project.id, status: "deleted", metadata: { a: "1" } });
  assert.equal((await project.delete(imageItem(id, "a"))).status, 404);
  assertRecord(await get("images", id), 200, "images", { status: "deleted", metadata: { a: "1" } });
});

test("service alone is enough", async () => {
  const token = await worker.token({ project: projectId(), roles: ["service"] });
  const id = resourceId();
  assertRecord(await put("servers", id, { project_id: "abc" }, { token }), 201, "servers", { project_id: "abc" });
});

test("the registry is below no prefix", async () => {
  const id = resourceId();
  for (const prefix of ["/v2", "/v2.1", "/v2/abc", "/v2.1/abc"]) {
    const options = { token: registrar, body: { server: { project_id: "abc" } } };
    assertUnknownPath(await worker.request("PUT", `${prefix}/registry/servers/${id}`, options));
  }
});
