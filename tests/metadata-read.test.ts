// GET of all items and of one, for servers and images.
import assert from "node:assert/strict";
import { after, test } from "node:test";

import { assertFault, assertRequestId, assertVersion } from "./answers.ts";
import { resourceId, startWorker, type Answer } from "./harness.ts";
import { KINDS, PREFIXES, READS, assertDocument, brief, make, perform, resourcePath, type Kind } from "./operations.ts";
import { Project } from "./project.ts";

const worker = await startWorker();
after(() => worker.stop());

const version = (text: string): Record<string, string> => ({ "X-OpenStack-Nova-API-Version": text });

async function get(project: Project, path: string, headers: Record<string, string> = {}): Promise<Answer> {
  return worker.request("GET", path, { token: await project.as("reader"), headers });
}

function assertNoSuchItem(kind: Kind, answer: Answer): void {
  const message = kind === "servers" ? "Metadata item was not found" : "The resource could not be found.";
  assertFault(answer, 404, "itemNotFound", message);
}

for (const kind of KINDS) {
  for (const prefix of PREFIXES) {
    for (const operation of READS) {
      const where = `${prefix || "no prefix"}, ${kind}`;
      test(`${operation.name} answers below ${where}, and HEAD without a body`, async () => {
        const project = new Project(worker);
        const resource = resourcePath(prefix, project, kind, await make(project, kind));
        const answer = await perform(project, resource, operation);
        assertDocument(answer, operation.answer);
        assertVersion(answer, prefix.startsWith("/v2.1") ? "2.1" : null);
        const head = await perform(project, resource, { ...operation, method: "HEAD" });
        assert.equal(head.status, 200);
        assert.equal(head.text, "");
        assert.deepEqual(head.headers.all("Content-Type"), ["application/json"]);
        assertVersion(head, prefix.startsWith("/v2.1") ? "2.1" : null);
        assertRequestId(head);
      });
    }
  }

  test(`${kind}: a resource without items answers an empty object`, async () => {
    const project = new Project(worker);
    const id = await make(project, kind, { metadata: {} });
    assertDocument(await get(project, `/v2.1/${kind}/${id}/metadata`), { metadata: {} });
  });

  test(`${kind}: values are returned as they were written`, async () => {
    const project = new Project(worker);
    const items = {
      empty: "",
      control: "a\u0000b\nc\td\u007f",
      quoted: `"it's" \\ {"a": [1]}`,
      accents: "é e\u0301 ß ﬁ",
      astral: "😀𝒳",
      separators: "\u2028\u2029\ufeff",
      number: "007",
      spaces: "  both ends  ",
      html: "<script>&amp;</script>",
    };
    const id = await make(project, kind, { metadata: items });
    assertDocument(await get(project, `/v2.1/${kind}/${id}/metadata`), { metadata: items });
    for (const [key, value] of Object.entries(items)) {
      assertDocument(await get(project, `/v2.1/${kind}/${id}/metadata/${key}`), { meta: { [key]: value } });
    }
  });

  test(`${kind}: 128 items of the greatest length are returned in full`, async () => {
    const project = new Project(worker);
    const longest = "😀".repeat(255);
    const items = Object.fromEntries(Array.from({ length: 128 }, (_, at) => [`${at}`.padEnd(255, "k"), longest]));
    const id = await make(project, kind, { metadata: items });
    assertDocument(await get(project, `/v2.1/${kind}/${id}/metadata`), { metadata: items });
  });

  // The stored key, and the path segment that names it.
  for (const [key, segment] of [
    ["clé", "cl%C3%A9"],
    ["日本", "%E6%97%A5%E6%9C%AC"],
    ["sp ace", "sp%20ace"],
    ["a+b", "a+b"],
    ["a/b", "a%2Fb"],
    ["100%", "100%"],
    ["%2F", "%252F"],
    ["a?b", "a%3Fb"],
    ['quote"q', "quote%22q"],
    ["new\n", "new%0A"],
    ["x.json", "x.json"],
    ["metadata", "metadata"],
    ["__proto__", "__proto__"],
    ["constructor", "constructor"],
    ["k".repeat(255), "k".repeat(255)],
  ] as const) {
    test(`${kind}: GET of ${brief(segment)} shows that key's item`, async () => {
      const project = new Project(worker);
      // JSON.parse creates an own key `__proto__`; an object literal does not.
      const items = JSON.parse(`{${JSON.stringify(key)}: "named", "other": "not this one"}`) as Record<string, string>;
      const id = await make(project, kind, { metadata: items });
      const answer = await get(project, `/v2.1/${kind}/${id}/metadata/${segment}`);
      assertDocument(answer, JSON.parse(`{"meta": {${JSON.stringify(key)}: "named"}}`));
    });
  }

  for (const segment of [
    "nope",
    "KEY1",
    "key1%20",
    "%20key1",
    "key",
    "key1%0A",
    "%FF",
    "key1%00",
    "%00",
    "k".repeat(256),
    "__proto__",
    "toString",
  ]) {
    test(`${kind}: GET of ${brief(segment)} finds no item`, async () => {
      const project = new Project(worker);
      const id = await make(project, kind);
      assertNoSuchItem(kind, await get(project, `/v2.1/${kind}/${id}/metadata/${segment}`));
    });
  }

  test(`${kind}: the resource's own fields are not items`, async () => {
    const project = new Project(worker);
    const id = await make(project, kind);
    for (const field of ["id", "name", "status", "owner", "visibility", "project_id", "vm_state", "locked"]) {
      assertNoSuchItem(kind, await get(project, `/v2.1/${kind}/${id}/metadata/${field}`));
    }
  });

  test(`${kind}: GET and HEAD of an unknown resource or key`, async () => {
    const project = new Project(worker);
    for (const id of [resourceId(), "not-a-uuid", "1", `A${resourceId().slice(1)}`.toUpperCase()]) {
      const message = kind === "servers" ? `Instance ${id} could not be found.` : "Image not found.";
      for (const operation of READS) {
        const resource = `/v2.1/${kind}/${id}`;
        assertFault(await perform(project, resource, operation), 404, "itemNotFound", message);
        const head = await perform(project, resource, { ...operation, method: "HEAD" });
        assert.equal(head.status, 404);
        assert.equal(head.text, "");
      }
    }
  });

  test(`${kind}: the body of a GET is never read`, async () => {
    const project = new Project(worker);
    const resource = `/v2.1/${kind}/${await make(project, kind)}`;
    for (const operation of READS) {
      for (const body of ["{bad", "\u0000", "[".repeat(1000)]) {
        assertDocument(await perform(project, resource, operation, { body }), operation.answer);
        assertDocument(await perform(project, resource, operation, { body, chunked: true }), operation.answer);
      }
    }
  });
}

// N: unknown query parameters are an error from 2.102 on.
for (const operation of READS) {
  for (const asked of ["2.1", "2.38", "2.101"]) {
    test(`${operation.name}: unknown query parameters are ignored with ${asked}`, async () => {
      const project = new Project(worker);
      const resource = `/v2.1/${project.id}/servers/${await project.server()}`;
      for (const query of ["?x=1", "?x", "?limit=1&marker=x", "?x=%C3%A9", "?key=key2", "?metadata=1"]) {
        const path = operation.path + query;
        const answer = await perform(project, resource, { ...operation, path }, { headers: version(asked) });
        assertDocument(answer, operation.answer);
        assertVersion(answer, asked);
      }
    });
  }

  for (const asked of ["2.102", "2.104", "latest"]) {
    test(`${operation.name}: an unknown query parameter is 400 with ${asked}`, async () => {
      const project = new Project(worker);
      const resource = `/v2.1/${project.id}/servers/${await project.server()}`;
      for (const [query, names] of [
        ["?x=1", "'x' was"],
        ["?x", "'x' was"],
        ["?x=", "'x' was"],
        ["?x=1&x=2", "'x' was"],
        ["?b=1&a=2", "'a', 'b' were"],
        ["?limit=1&x=2&limit=3", "'limit', 'x' were"],
        ["?cl%C3%A9=1", "'clé' was"],
        ["?a%20b=1", "'a b' was"],
        ["?a+b=1", "'a b' was"],
        ["?it%27s", `"it's" was`],
        ["?name=web", "'name' was"],
      ] as const) {
        const path = operation.path + query;
        const headers = version(asked);
        const answer = await perform(project, resource, { ...operation, path }, { headers });
        const message = `Additional properties are not allowed (${names} unexpected)`;
        assertFault(answer, 400, "badRequest", message);
        assertVersion(answer, asked === "latest" ? "2.104" : asked);
        const head = await perform(project, resource, { ...operation, method: "HEAD", path }, { headers });
        assert.equal(head.status, 400, query);
      }
    });

    test(`${operation.name}: a query without names is ignored, with ${asked}`, async () => {
      const project = new Project(worker);
      const resource = `/v2.1/${project.id}/servers/${await project.server()}`;
      for (const query of ["?", "?&", "?&&"]) {
        const path = operation.path + query;
        const answer = await perform(project, resource, { ...operation, path }, { headers: version(asked) });
        assertDocument(answer, operation.answer);
      }
    });
  }

  test(`${operation.name}: a query that is not UTF-8 is 400, as N`, async () => {
    const project = new Project(worker);
    const image = await project.image();
    const server = await project.server();
    const path = `${operation.path}?x=%FF`;
    for (const below of ["/v2.1/images", "/v2.1/servers", "/images", "/v2/servers"]) {
      const resource = `${below}/${below.endsWith("images") ? image : server}`;
      const answer = await perform(project, resource, { ...operation, path });
      assertFault(answer, 400, "badRequest", "Query string is not UTF-8 encoded");
    }
  });

  test(`${operation.name}: unknown query parameters are ignored on images and without microversions`, async () => {
    const project = new Project(worker);
    const image = await project.image();
    const server = await project.server();
    const path = `${operation.path}?x=1&y`;
    for (const below of ["/v2.1/images", "/v2/images", "/servers", "/v2/servers"]) {
      const resource = `${below}/${below.endsWith("images") ? image : server}`;
      // Below /v2 and without a prefix the version header is ignored.
      const headers = resource.startsWith("/v2.1") ? version("2.38") : version("2.102");
      assertDocument(await perform(project, resource, { ...operation, path }, { headers }), operation.answer);
    }
  });
}
