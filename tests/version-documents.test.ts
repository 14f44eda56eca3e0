// GET of /, /v2 and /v2.1, which clients read first, without a token.
import assert from "node:assert/strict";
import { after, test } from "node:test";

import { assertRequestId, assertVersion } from "./answers.ts";
import { startWorker, type HeaderList } from "./harness.ts";
import { assertDocument } from "./operations.ts";
import { Project } from "./project.ts";

const worker = await startWorker();
after(() => worker.stop());

const self = (base: string, version: string): object => ({ rel: "self", href: `${base}/${version}/` });
const describedBy = { rel: "describedby", type: "text/html", href: "http://docs.openstack.org/" };
const mediaType = (version: string): object => ({
  base: "application/json",
  type: `application/vnd.openstack.compute+json;version=${version}`,
});

const v20 = { id: "v2.0", status: "DEPRECATED", version: "", min_version: "", updated: "2025-07-04T12:00:00Z" };
const v21 = { id: "v2.1", status: "CURRENT", version: "2.104", min_version: "2.1", updated: "2013-07-23T11:33:21Z" };

const root = (base: string): object => ({
  versions: [
    { ...v20, links: [self(base, "v2")] },
    { ...v21, links: [self(base, "v2.1")] },
  ],
});
const ofV2 = (base: string): object => ({
  version: { ...v20, links: [self(base, "v2"), describedBy], "media-types": [mediaType("2")] },
});
const ofV21 = (base: string): object => ({
  version: { ...v21, links: [self(base, "v2.1"), describedBy], "media-types": [mediaType("2.1")] },
});

const legacy = (version: string): HeaderList => [["X-OpenStack-Nova-API-Version", version]];
const standard = (version: string): HeaderList => [["OpenStack-API-Version", version]];

for (const [path, document, version] of [
  ["/", root, null],
  ["/v2", ofV2, null],
  ["/v2/", ofV2, null],
  ["/v2.1", ofV21, "2.1"],
  ["/v2.1/", ofV21, "2.1"],
] as const) {
  test(`${path} answers its document, and HEAD without a body`, async () => {
    const answer = await worker.request("GET", path);
    assertDocument(answer, document(worker.url));
    assertVersion(answer, version);
    const head = await worker.request("HEAD", path);
    assert.equal(head.status, 200);
    assert.equal(head.text, "");
    assert.deepEqual(head.headers.all("Content-Type"), ["application/json"]);
    assertVersion(head, version);
    assertRequestId(head);
  });

  test(`${path} ignores a query and a bare ?`, async () => {
    for (const query of ["?", "?x=1", "?&"]) {
      assertDocument(await worker.request("GET", path + query), document(worker.url));
    }
  });

  test(`${path} answers with any token`, async () => {
    const expired = await worker.token({ project: "ab12", roles: ["member"], expiresIn: -1 });
    for (const token of ["", "garbage", expired, await new Project(worker).as("admin")]) {
      assertDocument(await worker.request("GET", path, { token }), document(worker.url));
    }
  });

  test(`${path} answers JSON for every Accept header and body`, async () => {
    for (const headers of [{ Accept: "text/html" }, { Accept: "image/png" }, { "Content-Type": "application/xml" }]) {
      assertDocument(await worker.request("GET", path, { headers, body: "{bad" }), document(worker.url));
    }
  });

  test(`${path} links to the requested origin`, async () => {
    const headers = { Host: "compute.example.com:8774" };
    const answer = await worker.request("GET", path, { headers });
    assertDocument(answer, document("http://compute.example.com:8774"));
  });

  for (const [headers, asked] of [
    [legacy("2.1"), "2.1"],
    [legacy("2.26"), "2.26"],
    [legacy("latest"), "2.104"],
    [standard("compute 2.26"), "2.26"],
    [standard("compute latest"), "2.104"],
    [standard("placement 1.3"), "2.1"],
    [[...standard("compute 2.26"), ...legacy("2.10")], "2.26"],
    [[...standard("compute 2.26"), ...standard("placement 1.3")], "2.26"],
  ] satisfies [HeaderList, string][]) {
    const echoed = version === null ? "no version" : asked;
    test(`${path} with ${JSON.stringify(headers)} is the same document, with version ${echoed}`, async () => {
      const answer = await worker.request("GET", path, { headers });
      assertDocument(answer, document(worker.url));
      assertVersion(answer, version === null ? null : asked);
    });
  }

  test(`${path} is answered for every requested version`, async () => {
    for (const asked of ["garbage", "3.0", "2.105", ""]) {
      assertDocument(await worker.request("GET", path, { headers: legacy(asked) }), document(worker.url));
    }
  });
}

test("an extra slash is ignored", async () => {
  assertDocument(await worker.request("GET", "//"), root(worker.url));
  assertDocument(await worker.request("GET", "//v2.1//"), ofV21(worker.url));
});
