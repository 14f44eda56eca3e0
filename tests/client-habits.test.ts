// Requests of clients that tests/clients does not run, as each client writes them, and answers by the rules of
// that client.
import assert from "node:assert/strict";
import { after, test } from "node:test";

import { assertFault, assertMismatch, assertNoContent, assertUnauthorized, assertUnknownPath, assertVersion } from "./answers.ts";
import { projectId, resourceId, startWorker, type Answer, type HeaderList } from "./harness.ts";
import { Project } from "./project.ts";

const worker = await startWorker();
after(() => worker.stop());

const KINDS = ["servers", "images"] as const;
type Kind = (typeof KINDS)[number];

async function resource(project: Project, kind: Kind, fields = {}): Promise<string> {
  return kind === "servers" ? project.server(fields) : project.image(fields);
}

/** Asserts a JSON object with exactly this key. */
function only(answer: Answer, key: string): Record<string, string> {
  const body = answer.json();
  assert.deepEqual(Object.keys(body), [key]);
  for (const value of Object.values(body[key])) assert.equal(typeof value, "string");
  return body[key];
}

// ---- gophercloud (Terraform, Packer, Kubernetes' cloud provider) ----

/** Go's transport adds the last one; `Content-Type` is sent only with a body. */
function gophercloud(token: string, body: boolean, microversion?: string): HeaderList {
  return [
    ["User-Agent", "gophercloud/v2.8.0"],
    ["Accept", "application/json"],
    ...(body ? [["Content-Type", "application/json"] satisfies [string, string]] : []),
    ...(microversion === undefined
      ? []
      : ([
          ["OpenStack-API-Version", `compute ${microversion}`],
          ["X-OpenStack-Nova-API-Version", microversion],
        ] satisfies HeaderList)),
    ["X-Auth-Token", token],
    ["Accept-Encoding", "gzip"],
  ];
}

for (const microversion of [undefined, "2.1", "2.38"]) {
  for (const kind of KINDS) {
    const how = `${kind}, ${microversion === undefined ? "no microversion" : `microversion ${microversion}`}`;

    test(`gophercloud: UpdateMetadata, ResetMetadata and CreateMetadatum accept only 200 (${how})`, async () => {
      const project = new Project(worker);
      const token = await project.as("member");
      const id = await resource(project, kind);
      const list = `/v2.1/${project.id}/${kind}/${id}/metadata`;
      const send = (method: string, path: string, body: string): Promise<Answer> =>
        worker.request(method, path, { headers: gophercloud(token, true, microversion), body });

      const updated = await send("POST", list, '{"metadata":{"foo":"bar"}}');
      assert.equal(updated.status, 200, updated.text);
      assert.deepEqual(only(updated, "metadata"), { foo: "bar", key1: "value1", key2: "value2" });
      assertVersion(updated, microversion ?? "2.1");

      // What Go's encoder writes for a<b & c.
      const created = await send("PUT", `${list}/foo`, '{"meta":{"foo":"a\\u003cb \\u0026 c"}}');
      assert.equal(created.status, 200, created.text);
      assert.deepEqual(only(created, "meta"), { foo: "a<b & c" });

      const reset = await send("PUT", list, '{"metadata":{"foo":"baz","this":"that"}}');
      assert.equal(reset.status, 200, reset.text);
      assert.deepEqual(only(reset, "metadata"), { foo: "baz", this: "that" });
      assert.deepEqual(await worker.metadata(kind, id), { foo: "baz", this: "that" });
    });

    test(`gophercloud: Metadata and Metadatum accept 200, DeleteMetadatum 202 or 204 (${how})`, async () => {
      const project = new Project(worker);
      const token = await project.as("member");
      const id = await resource(project, kind);
      const list = `/v2.1/${project.id}/${kind}/${id}/metadata`;
      const send = (method: string, path: string): Promise<Answer> =>
        worker.request(method, path, { headers: gophercloud(token, false, microversion) });

      const all = await send("GET", list);
      assert.equal(all.status, 200, all.text);
      assert.deepEqual(only(all, "metadata"), { key1: "value1", key2: "value2" });
      const item = await send("GET", `${list}/key1`);
      assert.equal(item.status, 200, item.text);
      assert.deepEqual(only(item, "meta"), { key1: "value1" });

      assertNoContent(await send("DELETE", `${list}/key1`));
      const again = await send("DELETE", `${list}/key1`);
      assertFault(again, 404, "itemNotFound", kind === "servers" ? "Metadata item was not found" : "Invalid metadata key");
      assert.deepEqual(await worker.metadata(kind, id), { key2: "value2" });
    });
  }
}

test("gophercloud: each error has the status that its error types expect", async () => {
  const project = new Project(worker);
  const locked = await project.server({ locked: true });
  const item = `/v2.1/${project.id}/servers/${locked}/metadata/key1`;
  const send = (token: string, path: string): Promise<Answer> =>
    worker.request("DELETE", path, { headers: gophercloud(token, false) });

  assertFault(await send(await project.as("member"), item), 409, "conflictingRequest", `Instance ${locked} is locked`);
  const other = new Project(worker);
  assertMismatch(await send(await other.as("member"), item), project.id, other.id);
  assertUnauthorized(await send(await worker.token({ project: project.id, roles: ["member"], expiresIn: -1 }), item), worker);
  const message = "Policy doesn't allow os_compute_api:server-metadata:delete to be performed.";
  assertFault(await send(await project.as("reader"), item), 403, "forbidden", message);
});

test("gophercloud: every version has an id, a status and a range that it can parse", async () => {
  const project = new Project(worker);
  const headers = gophercloud(await project.as("member"), false);
  const root = await worker.request("GET", "/", { headers });
  assert.ok([200, 300].includes(root.status), root.text);
  for (const version of root.json().versions) {
    assert.match(version.id, /^v[0-9]+\.[0-9]+$/);
    assert.ok(["CURRENT", "SUPPORTED", "DEPRECATED", "EXPERIMENTAL"].includes(version.status));
    assert.match(version.min_version, /^([0-9]+\.[0-9]+)?$/);
    assert.match(version.version, /^([0-9]+\.[0-9]+)?$/);
  }
  // It also asks at a catalog's endpoint, and continues without a document on a 404.
  assertUnknownPath(await worker.request("GET", `/v2.1/${project.id}/`, { headers }));
});

// ---- fog-openstack (Ruby; Excon writes Content-Length: 0 on a DELETE) ----

function fog(token: string, microversion?: string): HeaderList {
  return [
    ["User-Agent", "fog-core/2.6.0"],
    ["Content-Type", "application/json"],
    ["Accept", "application/json"],
    ["X-Auth-Token", token],
    ...(microversion === undefined ? [] : [["X-OpenStack-Nova-API-Version", microversion] satisfies [string, string]]),
  ];
}

test("fog: GET / answers 200, 204 or 300, and names a current version, its path and its range", async () => {
  const project = new Project(worker);
  const root = await worker.request("GET", "/", { headers: fog(await project.as("member")) });
  assert.ok([200, 204, 300].includes(root.status), root.text);
  assert.match(root.headers.get("Content-Type") ?? "", /application\/json/);
  const versions: { id: string; status: string; version: string; links: { rel: string; href: string }[] }[] =
    root.json().versions;
  const current = versions.find(({ id, status }) => /v2\.0|v2\.1/.test(id) && status === "CURRENT");
  assert.equal(current?.version, "2.104");
  const self = current.links.find(({ rel }) => rel === "self");
  assert.equal(self?.href, `${worker.url}/v2.1/`);
});

for (const prefix of ["/v2/{project_id}", "/v2.1/{project_id}"]) {
  for (const kind of KINDS) {
    test(`fog: list_metadata has two slashes, delete_metadata a Content-Type and no body (${prefix}, ${kind})`, async () => {
      const project = new Project(worker);
      const headers = fog(await project.as("member"), "2.15");
      const id = await resource(project, kind);
      const path = prefix.replace("{project_id}", project.id);
      const list = (): Promise<Answer> => worker.request("GET", `${path}//${kind}/${id}/metadata`, { headers });
      const send = (method: string, rest: string, body?: string): Promise<Answer> =>
        worker.request(method, `${path}/${kind}/${id}/metadata${rest}`, {
          headers: body === undefined && method !== "GET" ? [...headers, ["Content-Length", "0"]] : headers,
          ...(body === undefined ? {} : { body }),
        });

      const listed = await list();
      assert.equal(listed.status, 200, listed.text);
      assert.match(listed.headers.get("Content-Type") ?? "", /application\/json/);
      assert.deepEqual(only(listed, "metadata"), { key1: "value1", key2: "value2" });

      assert.equal((await send("POST", "", '{"metadata":{"foo":"bar"}}')).status, 200);
      assert.equal((await send("PUT", "/foo", '{"meta":{"foo":"baz"}}')).status, 200);
      assert.deepEqual(only(await send("GET", "/foo"), "meta"), { foo: "baz" });
      assert.deepEqual(only(await list(), "metadata"), { foo: "baz", key1: "value1", key2: "value2" });
      assert.equal((await send("PUT", "", '{"metadata":{"foo":"bar"}}')).status, 200);
      assert.deepEqual(only(await list(), "metadata"), { foo: "bar" });

      assertNoContent(await send("DELETE", "/foo"));
      const again = await send("DELETE", "/foo");
      assert.equal(again.status, 404);
      // Its exception reads the message from the first value of the body.
      const [fault] = Object.values(again.json()) as { message: string }[];
      assert.equal(fault?.message, kind === "servers" ? "Metadata item was not found" : "Invalid metadata key");
      assert.deepEqual(await worker.metadata(kind, id), {});
    });
  }
}

// ---- osc (Rust; hyper writes names in lower case) ----

function osc(token: string, microversion: string): HeaderList {
  return [
    ["accept", "application/json"],
    ["openstack-api-version", `compute ${microversion}`],
    ["x-auth-token", token],
  ];
}

for (const microversion of ["2.1", "2.104"]) {
  test(`osc: every path ends with a bare ? (microversion ${microversion})`, async () => {
    const project = new Project(worker);
    const id = await project.server();
    const list = `/v2.1/servers/${id}/metadata`;
    const headers = osc(await project.as("member"), microversion);
    const send = (method: string, path: string, body?: string): Promise<Answer> =>
      worker.request(method, `${path}?`, {
        headers: body === undefined ? headers : [...headers, ["content-type", "application/json"]],
        ...(body === undefined ? {} : { body }),
      });

    const shown = await send("GET", `/v2.1/servers/${id}`);
    assert.equal(shown.status, 200, shown.text);
    assert.equal(shown.json().server.id, id);
    assert.deepEqual(only(await send("GET", list), "metadata"), { key1: "value1", key2: "value2" });
    assert.deepEqual(only(await send("POST", list, '{"metadata":{"foo":"bar"}}'), "metadata"), {
      foo: "bar",
      key1: "value1",
      key2: "value2",
    });
    assert.deepEqual(only(await send("PUT", `${list}/foo`, '{"meta":{"foo":"baz"}}'), "meta"), { foo: "baz" });
    assert.deepEqual(only(await send("GET", `${list}/foo`), "meta"), { foo: "baz" });
    assert.deepEqual(only(await send("PUT", list, '{"metadata":{"foo":"bar"}}'), "metadata"), { foo: "bar" });
    const deleted = await send("DELETE", `${list}/foo`);
    assertNoContent(deleted);
    assertVersion(deleted, microversion);
    assertFault(await send("DELETE", `${list}/foo`), 404, "itemNotFound", "Metadata item was not found");
    assert.deepEqual(await worker.metadata("servers", id), {});
  });
}

for (const path of ["/", "/?", "/v2", "/v2/", "/v2/?", "/v2.1", "/v2.1/", "/v2.1/?"]) {
  test(`osc: a version has an id, a status and a link to itself: ${path}`, async () => {
    const answer = await worker.request("GET", path, { headers: [["accept", "application/json"]] });
    assert.equal(answer.status, 200, answer.text);
    const body = answer.json();
    const versions = path.startsWith("/v") ? [body.version] : body.versions;
    assert.ok(versions.length > 0);
    for (const { id, status, links } of versions) {
      assert.match(id, /^v2\.[01]$/);
      assert.equal(status, id === "v2.1" ? "CURRENT" : "DEPRECATED");
      const self = links.filter(({ rel }: { rel: string }) => rel === "self");
      assert.deepEqual(self, [{ rel: "self", href: `${worker.url}${id === "v2.1" ? "/v2.1/" : "/v2/"}` }]);
    }
  });
}

// ---- pyrax (Rackspace), whose compute part is novaclient of the same years ----

function pyrax(token: string, named: string): HeaderList {
  return [
    ["User-Agent", "pyrax/1.9.8"],
    ["Content-Type", "application/json"],
    ["Accept", "application/json"],
    ["X-Auth-Token", token],
    ["X-Auth-Project-Id", named],
  ];
}

for (const kind of KINDS) {
  test(`pyrax: a DELETE with X-Auth-Project-Id (${kind})`, async () => {
    const project = new Project(worker);
    const id = await resource(project, kind);
    const headers = pyrax(await project.as("member"), project.id);
    const item = `/v2/${project.id}/${kind}/${id}/metadata/key1`;
    assertNoContent(await worker.request("DELETE", item, { headers }));
    assert.equal((await worker.request("DELETE", item, { headers })).status, 404);
    assert.deepEqual(await worker.metadata(kind, id), { key2: "value2" });
  });

  test(`pyrax: X-Auth-Project-Id is ignored (${kind})`, async () => {
    const project = new Project(worker);
    const id = await resource(project, kind);
    const item = `/v2/${kind}/${id}/metadata/key1`;

    const stranger = await new Project(worker).as("member");
    const refused = await worker.request("DELETE", item, { headers: pyrax(stranger, project.id) });
    const message = kind === "servers" ? `Instance ${id} could not be found.` : "Image not found.";
    assertFault(refused, 404, "itemNotFound", message);
    assert.deepEqual(await worker.metadata(kind, id), { key1: "value1", key2: "value2" });

    // It may also be a project's name, or another project's id.
    const member = await project.as("member");
    assertNoContent(await worker.request("DELETE", item, { headers: pyrax(member, "Project Ä") }));
    const second = item.replace("key1", "key2");
    assertNoContent(await worker.request("DELETE", second, { headers: pyrax(member, projectId()) }));
  });
}

// ---- Tempest (OpenStack's own integration tests), which checks every answer against a schema ----

function tempest(token: string, microversion?: string): HeaderList {
  return [
    ["Content-Type", "application/json"],
    ["Accept", "application/json"],
    ...(microversion === undefined ? [] : [["X-OpenStack-Nova-API-Version", microversion] satisfies [string, string]]),
    ["X-Auth-Token", token],
  ];
}

for (const kind of KINDS) {
  test(`Tempest: exactly metadata or meta, 200 and 204, and the requested microversion (${kind})`, async () => {
    const project = new Project(worker);
    const id = await resource(project, kind);
    const token = await project.as("member");
    const list = `/v2.1/${kind}/${id}/metadata`;
    const send = async (method: string, path: string, body?: string): Promise<Answer> => {
      const answer = await worker.request(method, path, {
        headers: tempest(token, "2.37"),
        ...(body === undefined ? {} : { body }),
      });
      assert.equal(answer.headers.get("X-OpenStack-Nova-API-Version"), "2.37");
      return answer;
    };
    const expect = async (status: number, answer: Promise<Answer>): Promise<Answer> => {
      assert.equal((await answer).status, status, (await answer).text);
      return answer;
    };

    only(await expect(200, send("PUT", list, '{"metadata": {"key1": "value1", "key2": "value2"}}')), "metadata");
    only(await expect(200, send("POST", list, '{"metadata": {"key1": "alt1", "key3": "value3"}}')), "metadata");
    assert.deepEqual(only(await expect(200, send("GET", list)), "metadata"), {
      key1: "alt1",
      key2: "value2",
      key3: "value3",
    });
    assert.deepEqual(only(await expect(200, send("GET", `${list}/key2`)), "meta"), { key2: "value2" });
    assert.deepEqual(only(await expect(200, send("PUT", `${list}/nova`, '{"meta": {"nova": "alt"}}')), "meta"), {
      nova: "alt",
    });
    // Tempest rejects a 204 with a body.
    assert.equal((await expect(204, send("DELETE", `${list}/key1`))).text, "");
    assert.deepEqual(only(await send("GET", list), "metadata"), { key2: "value2", key3: "value3", nova: "alt" });
    // Its test replaces all items by none and expects an empty list.
    only(await expect(200, send("PUT", list, '{"metadata": {}}')), "metadata");
    assert.deepEqual(only(await send("GET", list), "metadata"), {});
  });

  test(`Tempest: a resource that does not exist is 404 for every operation (${kind})`, async () => {
    const project = new Project(worker);
    const headers = tempest(await project.as("member"));
    const list = `/v2.1/${kind}/${resourceId()}/metadata`;
    for (const [method, path, body] of [
      ["GET", list, undefined],
      ["GET", `${list}/test2`, undefined],
      ["PUT", list, '{"metadata": {"meta1": "data1"}}'],
      ["POST", list, '{"metadata": {"key1": "value1", "key2": "value2"}}'],
      ["PUT", `${list}/test1`, '{"meta": {"test1": "value1"}}'],
      ["DELETE", `${list}/d`, undefined],
    ] as const) {
      const answer = await worker.request(method, path, { headers, ...(body === undefined ? {} : { body }) });
      assert.equal(answer.status, 404, `${method} ${path}`);
      assert.deepEqual(Object.keys(answer.json()), ["itemNotFound"]);
    }
  });
}

for (const [what, status, method, rest, body] of [
  ["a key that is not the one in the path", 400, "PUT", "/key", '{"meta": {"testkey": "testvalue"}}'],
  ["a blank key, merged", 400, "POST", "", '{"metadata": {"": "data1"}}'],
  ["a blank key, replaced", 400, "PUT", "", '{"metadata": {"": "data1"}}'],
  ["no body at all", 400, "PUT", "", ""],
  ["a key of 256 characters", 400, "PUT", "", JSON.stringify({ metadata: { ["k".repeat(256)]: "data1" } })],
  ["an item more than the quota, replaced", 403, "PUT", "", items(129)],
  ["an item more than the quota, merged", 403, "POST", "", items(129)],
] as const) {
  test(`Tempest: ${what} is ${status}, and changes nothing`, async () => {
    const project = new Project(worker);
    const id = await project.server();
    const headers = tempest(await project.as("member"));
    const answer = await worker.request(method, `/v2.1/servers/${id}/metadata${rest}`, { headers, body });
    assert.equal(answer.status, status, answer.text);
    // It parses an error's body only for two content types.
    assert.equal(answer.headers.get("Content-Type")?.toLowerCase(), "application/json; charset=utf-8");
    assert.deepEqual(await worker.metadata("servers", id), { key1: "value1", key2: "value2" });
  });
}

function items(count: number): string {
  const pairs = Array.from({ length: count }, (_, at) => [`key${at + 1}`, `val${at + 1}`]);
  return JSON.stringify({ metadata: Object.fromEntries(pairs) });
}
