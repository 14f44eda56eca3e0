// Headers of every answer, and CORS, which is off unless configured.
import assert from "node:assert/strict";
import { after, test } from "node:test";

import { startWorker, resourceId, type Answer, type HeaderList } from "./harness.ts";
import { Project } from "./project.ts";

const PAGE = "https://dashboard.example";

const plain = await startWorker({ faults: true, vars: { REQUEST_DEADLINE_MS: "1000" } });
const open = await startWorker({ vars: { CORS_ORIGINS: `https://other.example, ${PAGE}` } });
after(() => Promise.all([plain.stop(), open.stop()]));

const CORS = /^access-control-/i;

async function oneOfEach(worker: typeof plain, headers: HeaderList): Promise<[number, Answer][]> {
  const project = new Project(worker);
  const token = await project.as("member");
  const reader = await project.as("reader");
  const id = await project.server();
  const locked = await project.server({ locked: true });
  const path = `/v2.1/servers/${id}/metadata`;
  const json: HeaderList = [...headers, ["Content-Type", "application/json"]];
  const ask = (method: string, target: string, options = {}): Promise<Answer> =>
    worker.request(method, target, { token, headers, ...options });
  return [
    [200, await ask("GET", "/")],
    [200, await ask("GET", path)],
    [200, await ask("HEAD", path)],
    [200, await ask("GET", "/v2.1/servers/detail")],
    [204, await ask("OPTIONS", path)],
    [400, await ask("PUT", path, { body: "{", headers: json })],
    [401, await worker.request("GET", path, { headers })],
    [403, await ask("DELETE", `${path}/key1`, { token: reader })],
    [403, await ask("GET", `/registry/servers/${id}`)],
    [404, await ask("GET", "/nothing")],
    [404, await ask("GET", `/v2.1/servers/${resourceId()}`)],
    [405, await ask("DELETE", path)],
    [406, await ask("GET", path, { headers: [...headers, ["X-OpenStack-Nova-API-Version", "2.999"]] })],
    [409, await ask("DELETE", `/servers/${locked}/metadata/key1`)],
    [413, await ask("PUT", path, { body: "x".repeat(120_000), headers: json })],
    [415, await ask("PUT", path, { body: "x", headers: [...headers, ["Content-Type", "text/html"]] })],
    [204, await ask("DELETE", `${path}/key1`)],
  ];
}

test("every answer has nosniff and no-store, and no CORS header without CORS_ORIGINS", async () => {
  const answers = await oneOfEach(plain, [
    ["Origin", PAGE],
    ["Access-Control-Request-Method", "DELETE"],
  ]);
  const project = new Project(plain);
  const token = await project.as("member");
  const id = await project.server();
  const headers = { "X-Fault": "front-hang", Origin: PAGE };
  answers.push([503, await plain.request("GET", `/servers/${id}`, { token, headers })]);
  for (const [status, answer] of answers) {
    assert.equal(answer.status, status, answer.text);
    assert.deepEqual(answer.headers.all("X-Content-Type-Options"), ["nosniff"], String(status));
    assert.deepEqual(answer.headers.all("Cache-Control"), ["no-store"], String(status));
    assert.deepEqual(
      answer.headers.list.filter(([name]) => CORS.test(name)),
      [],
      String(status),
    );
    assert.ok(!(answer.headers.get("Vary") ?? "").includes("Origin"), String(status));
    assert.ok(!answer.headers.has("Set-Cookie") && !answer.headers.has("Server") && !answer.headers.has("X-Powered-By"));
  }
});

test("CORS_ORIGINS: a configured origin may read every answer, faults included", async () => {
  for (const [status, answer] of await oneOfEach(open, [["Origin", PAGE]])) {
    assert.equal(answer.status, status, answer.text);
    assert.deepEqual(answer.headers.all("Access-Control-Allow-Origin"), [PAGE], String(status));
    assert.match(answer.headers.get("Vary") ?? "", /(^|, )Origin(,|$)/);
    assert.match(answer.headers.get("Access-Control-Expose-Headers") ?? "", /X-Compute-Request-Id/);
    assert.ok(!answer.headers.has("Access-Control-Allow-Credentials"));
    assert.deepEqual(answer.headers.all("X-Content-Type-Options"), ["nosniff"]);
  }
});

test("CORS_ORIGINS: a preflight gets methods and headers without a token", async () => {
  const headers = { Origin: PAGE, "Access-Control-Request-Method": "DELETE", "Access-Control-Request-Headers": "x-auth-token" };
  const answer = await open.request("OPTIONS", `/v2.1/servers/${resourceId()}/metadata/key1`, { headers });
  assert.equal(answer.status, 204);
  assert.equal(answer.headers.get("Access-Control-Allow-Origin"), PAGE);
  assert.equal(answer.headers.get("Access-Control-Allow-Methods"), "DELETE, GET, HEAD, OPTIONS, PUT");
  const allowed = (answer.headers.get("Access-Control-Allow-Headers") ?? "").toLowerCase().split(", ");
  for (const name of ["x-auth-token", "content-type", "openstack-api-version"]) assert.ok(allowed.includes(name), name);
});

for (const origin of [
  "https://dashboard.example.evil",
  "http://dashboard.example",
  "https://DASHBOARD.example",
  "null",
  `${PAGE}/`,
  `${PAGE}, https://evil.example`,
]) {
  test(`CORS_ORIGINS: ${origin} is not allowed`, async () => {
    for (const method of ["OPTIONS", "GET"]) {
      const headers = { Origin: origin, "Access-Control-Request-Method": "DELETE" };
      const answer = await open.request(method, `/v2.1/servers/${resourceId()}/metadata/key1`, { headers });
      assert.deepEqual(
        answer.headers.list.filter(([name]) => CORS.test(name)),
        [],
      );
      assert.match(answer.headers.get("Vary") ?? "", /(^|, )Origin(,|$)/);
    }
  });
}
