// Accept: application/vnd.openstack.compute+json, the Compute API's own media type, which N answers to those who ask for it.
import assert from "node:assert/strict";
import { after, test } from "node:test";

import { startWorker, type Answer } from "./harness.ts";
import { KINDS, make, READS, WRITES } from "./operations.ts";
import { Project } from "./project.ts";

const OWN = "application/vnd.openstack.compute+json";
const JSON_TYPE = "application/json";

const worker = await startWorker();
after(() => worker.stop());

function assertType(answer: Answer, status: number, type: string): void {
  assert.equal(answer.status, status, answer.text);
  assert.deepEqual(answer.headers.all("Content-Type"), [type]);
}

for (const kind of KINDS) {
  test(`${kind}: each document has the type that was asked for, and is the same`, async () => {
    const project = new Project(worker);
    const token = await project.as("member");
    const id = await make(project, kind);
    const resource = `/v2.1/${kind}/${id}`;
    const operations = [
      { method: "GET", path: resource },
      { method: "GET", path: `/v2.1/${kind}` },
      { method: "GET", path: `/v2.1/${kind}/detail` },
      ...[...READS, ...WRITES].map(({ method, path, body }) => ({ method, path: `${resource}/${path}`, ...(body && { body }) })),
    ];
    for (const { method, path, ...body } of operations) {
      const ask = (accept: string): Promise<Answer> =>
        worker.request(method, path, { token, headers: { Accept: accept, "Content-Type": JSON_TYPE }, ...body });
      const own = await ask(OWN);
      assertType(own, 200, OWN);
      const plain = await ask(JSON_TYPE);
      assertType(plain, 200, JSON_TYPE);
      if (method === "GET") assert.deepEqual(own.json(), plain.json());
    }
    const head = await worker.request("HEAD", resource, { token, headers: { Accept: OWN } });
    assertType(head, 200, OWN);
  });

  test(`${kind}: a 204 has the type that was asked for, a fault its own`, async () => {
    const project = new Project(worker);
    const id = await make(project, kind);
    const path = `/v2.1/${kind}/${id}/metadata/key1`;
    const headers = { Accept: OWN };
    assertType(await project.delete(path, { headers }), 204, OWN);
    assertType(await project.delete(path, { headers }), 404, `${JSON_TYPE}; charset=UTF-8`);
    assertType(await worker.request("DELETE", path, { headers }), 401, JSON_TYPE);
  });
}

test("version documents have the type that was asked for", async () => {
  for (const path of ["/", "/v2/", "/v2.1/"]) {
    assertType(await worker.request("GET", path, { headers: { Accept: OWN } }), 200, OWN);
  }
});

for (const [accept, type] of [
  [`${OWN};version=2.1`, OWN],
  ["Application/VND.OpenStack.Compute+JSON", OWN],
  [`${OWN}, ${JSON_TYPE};q=0.9`, OWN],
  [`${JSON_TYPE};q=0.5, ${OWN};q=0.6`, OWN],
  [`${JSON_TYPE}, ${OWN}`, JSON_TYPE],
  [`${OWN};q=0, */*`, JSON_TYPE],
  [`${OWN};q=0.1, */*`, JSON_TYPE],
  ["application/*", JSON_TYPE],
  ["*/*", JSON_TYPE],
  ["text/html", JSON_TYPE],
  ["garbage", JSON_TYPE],
  ["", JSON_TYPE],
] as const) {
  test(`who accepts ${accept || "(nothing)"} is answered ${type}`, async () => {
    const project = new Project(worker);
    const token = await project.as("reader");
    assertType(await worker.request("GET", "/servers", { token, headers: { Accept: accept } }), 200, type);
  });
}
