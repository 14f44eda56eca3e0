// One line a request: what an operator needs to find it again, and nothing that a token or a value can be recovered from.
import assert from "node:assert/strict";
import { randomBytes, randomUUID } from "node:crypto";
import { after, test } from "node:test";

import { assertRequestId } from "./answers.ts";
import { projectId, resourceId, startWorker, tokenKey } from "./harness.ts";
import { lineOf } from "./log-lines.ts";
import { KINDS, make } from "./operations.ts";
import { Project } from "./project.ts";
import { RegistryClient } from "./registry-client.ts";

const worker = await startWorker();
after(() => worker.stop());

test("a request's line has its id, the caller, the path's template, the resource and the outcome", async () => {
  const user = randomBytes(16).toString("hex");
  const project = new Project(worker);
  const token = await worker.token({ user, project: project.id, roles: ["member"] });
  const id = await project.server();
  const answer = await worker.request("GET", `/v2.1/${project.id}/servers/${id}/metadata/key1?x=secret-query`, { token });
  assert.equal(answer.status, 200);
  const { time, duration_ms, token_source, ...line } = await lineOf(worker, answer);
  assert.deepEqual(line, {
    level: "info",
    message: "request",
    status: 200,
    request_id: answer.headers.get("X-OpenStack-Request-Id"),
    method: "GET",
    route: "/servers/{id}/metadata/{key}",
    project_id: project.id,
    user_id: user,
    resource_id: id,
  });
  assert.ok(Math.abs(Date.parse(time as string) - Date.now()) < 60_000, String(time));
  assert.ok((duration_ms as number) >= 0);
  assert.equal(token_source, "kv");
  const again = await worker.request("GET", `/servers/${id}`, { token });
  assert.equal((await lineOf(worker, again))["token_source"], "memory");
});

test("the id that another service gave the request is in the line, and never in the answer", async () => {
  const token = await new Project(worker).as("reader");
  const global = `req-${randomUUID()}`;
  const path = `/servers/${resourceId()}`;
  const answer = await worker.request("GET", path, { token, headers: { "X-OpenStack-Request-Id": global } });
  assertRequestId(answer);
  assert.notEqual(answer.headers.get("X-OpenStack-Request-Id"), global);
  assert.equal((await lineOf(worker, answer))["global_request_id"], global);
  for (const id of ["garbage", randomUUID(), `req-${"a".repeat(5_000)}`, `${global}\t`.repeat(2), "req-", ""]) {
    const answer = await worker.request("GET", path, { token, headers: { "X-OpenStack-Request-Id": id } });
    assert.ok(!("global_request_id" in (await lineOf(worker, answer))), id);
  }
});

test("the trace id of traceparent is in the line, and nothing else of it", async () => {
  const token = await new Project(worker).as("reader");
  const trace = randomBytes(16).toString("hex");
  for (const [traceparent, shown] of [
    [`00-${trace}-b7ad6b7169203331-01`, trace],
    [`00-${trace.slice(1)}-b7ad6b7169203331-01`, undefined],
    [`00-${"z".repeat(32)}-b7ad6b7169203331-01`, undefined],
    ["garbage", undefined],
    ["", undefined],
  ] as const) {
    const answer = await worker.request("GET", `/servers/${resourceId()}`, { token, headers: { traceparent } });
    assert.equal((await lineOf(worker, answer))["trace_id"], shown, traceparent);
  }
});

for (const kind of KINDS) {
  test(`${kind}: each change leaves a line for an audit trail, and a read does not`, async () => {
    const project = new Project(worker);
    const id = await make(project, kind);
    const all = `/v2.1/${kind}/${id}/metadata`;
    const item = `${all}/key1`;
    const body = { meta: { key1: "x" } };
    for (const [method, path, options, action, status, outcome] of [
      ["PUT", item, { body }, "put_item", 200, "success"],
      ["POST", all, { body: { metadata: { key3: "x" } } }, "merge_items", 200, "success"],
      ["PUT", all, { body: { metadata: { key1: "x" } } }, "replace_items", 200, "success"],
      ["DELETE", item, {}, "delete_item", 204, "success"],
      ["DELETE", item, {}, "delete_item", 404, "failure"],
      ["DELETE", item, { token: await project.as("reader") }, "delete_item", kind === "servers" ? 403 : 404, "failure"],
      ["GET", all, {}, undefined, 200, undefined],
    ] as const) {
      const answer = await worker.request(method, path, { token: await project.as("member"), ...options });
      assert.equal(answer.status, status, answer.text);
      const line = await lineOf(worker, answer);
      const shown = [line["audit"], line["action"], line["outcome"], line["resource_id"]];
      assert.deepEqual(shown, [action === undefined ? undefined : true, action, outcome, id]);
    }
  });
}

test("registry: what the control plane registers and removes leaves such a line as well", async () => {
  const registry = new RegistryClient(worker);
  const id = resourceId();
  for (const [answer, action, outcome] of [
    [await registry.put("servers", id, { project_id: projectId() }), "register", "success"],
    [await registry.put("servers", id, { locked: "maybe" }), "register", "failure"],
    [await registry.delete("servers", id), "unregister", "success"],
    [await registry.delete("servers", id), "unregister", "failure"],
  ] as const) {
    const line = await lineOf(worker, answer);
    assert.deepEqual([line["audit"], line["action"], line["outcome"], line["resource_id"]], [true, action, outcome, id]);
  }
});

test("no line has a token, its digest, a key, a value or a query", async () => {
  const project = new Project(worker);
  const secret = (): string => `secret-${randomBytes(12).toString("hex")}`;
  const [key, value, query, name] = [secret(), secret(), secret(), secret()];
  const token = await worker.token({ token: secret(), project: project.id, roles: ["member"] });
  const unknown = secret();
  const registrar = await worker.registrar();
  const id = await project.server({ name, metadata: { [key]: value } });
  const answers = [
    await worker.request("PUT", `/servers/${id}/metadata/${key}?${query}`, { token, body: { meta: { [key]: value } } }),
    await worker.request("POST", `/servers/${id}/metadata`, { token, body: { metadata: { [key]: value } } }),
    await worker.request("POST", `/servers/${id}/metadata`, { token, body: { metadata: { [`${key}/`]: value } } }),
    await worker.request("POST", `/servers/${id}/metadata`, { token, body: `{"${value}` }),
    await worker.request("GET", `/servers?name=${query}`, { token }),
    await worker.request("DELETE", `/servers/${id}/metadata/${key}`, { token }),
    await worker.request("DELETE", `/servers/${id}/metadata/${key}`, { token: unknown }),
    await worker.request("DELETE", `/servers/${id}/metadata/${key}`, { headers: { "X-Storage-Token": unknown } }),
    await worker.request("DELETE", `/servers/${id}/metadata/${key}`, { token, headers: { "X-Service-Token": unknown } }),
    await worker.request("GET", `/${query}/${key}?${value}`, { token }),
    await worker.request("PUT", `/registry/servers/${id}`, {
      token: registrar,
      body: { server: { metadata: { [key]: value }, attributes: { [key]: value }, [key]: value } },
    }),
  ];
  assert.deepEqual(
    answers.map(({ status }) => status),
    [200, 200, 400, 400, 200, 204, 401, 401, 401, 404, 400],
  );
  for (const answer of answers) await lineOf(worker, answer);
  const log = worker.logs().join("\n");
  for (const [what, text] of Object.entries({ key, value, query, name, token, unknown, registrar })) {
    assert.ok(!log.includes(text), `a ${what} is in the log`);
    assert.ok(!log.includes(tokenKey(text).replace("token:", "")), `the digest of a ${what} is in the log`);
  }
});

test("LOG_LEVEL=warn: only what failed here is logged", async () => {
  const quiet = await startWorker({ vars: { LOG_LEVEL: "warn", MAX_FEED_AGE_SECONDS: "60" } });
  try {
    const project = new Project(quiet);
    const id = await project.server();
    const token = await project.as("member");
    const read = await quiet.request("GET", `/servers/${id}`, { token });
    const refused = await project.delete(`/servers/${id}/metadata/unknown`, { token: "garbage" });
    const failed = await project.delete(`/servers/${id}/metadata/key1`);
    const again = await project.delete(`/servers/${id}/metadata/key1`);
    assert.deepEqual([read.status, refused.status, failed.status, again.status], [200, 401, 503, 503]);
    // A cause is an error once a minute.
    const lines = [await lineOf(quiet, failed), await lineOf(quiet, again)];
    assert.deepEqual(
      lines.map((line) => [line["level"], line["message"], line["status"], line["outcome"]]),
      [
        ["error", "request failed", 503, "unknown"],
        ["warn", "request failed", 503, "unknown"],
      ],
    );
    const log = quiet.logs().join("\n");
    for (const answer of [read, refused]) assert.ok(!log.includes(answer.headers.get("X-OpenStack-Request-Id") ?? ""));
  } finally {
    await quiet.stop();
  }
});
