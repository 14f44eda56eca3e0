// API_BASE_PATH: the whole service below a path, as DevStack and many load balancers have it, and its links there.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { assertMethodNotAllowed, assertNoContent, assertUnauthorized, assertUnknownPath } from "./answers.ts";
import { resourceId, startWorker, type Answer, type Fields } from "./harness.ts";
import { KINDS, PREFIXES, resourcePath, type Kind } from "./operations.ts";
import { Project } from "./project.ts";
import { wrapper } from "./registry-client.ts";

const BASE = "/compute";
const worker = await startWorker({ vars: { API_BASE_PATH: BASE } });
after(() => worker.stop());

/** The harness registers without a base path. */
async function make(project: Project, kind: Kind, fields: Fields = {}): Promise<string> {
  const id = resourceId();
  const body = { [wrapper(kind)]: { project_id: project.id, metadata: { key1: "value1" }, ...fields } };
  const answer = await worker.request("PUT", `${BASE}/registry/${kind}/${id}`, { token: await worker.registrar(), body });
  assert.equal(answer.status, 201, answer.text);
  return id;
}

async function get(project: Project, path: string): Promise<Answer> {
  return worker.request("GET", path, { token: await project.as("member") });
}

const hrefs = (links: { href: string }[]): string[] => links.map(({ href }) => href);

for (const prefix of PREFIXES) {
  for (const kind of KINDS) {
    test(`${kind} below ${BASE}${prefix}: answered, and links lead there`, async () => {
      const project = new Project(worker);
      const id = await make(project, kind);
      const path = resourcePath(prefix, project, kind, id);
      const shown = await get(project, BASE + path);
      assert.equal(shown.status, 200, shown.text);
      assert.deepEqual(hrefs(shown.json()[wrapper(kind)].links), [
        `${worker.url}${BASE}${path}`,
        `${worker.url}${BASE}/${kind}/${id}`,
      ]);
      assertNoContent(await project.delete(`${BASE}${path}/metadata/key1`));
      // Nowhere else, whoever asks.
      assertUnknownPath(await get(project, path));
      assertUnknownPath(await get(project, BASE + BASE + path));
    });
  }
}

test("lists and their next pages are below it", async () => {
  const project = new Project(worker);
  const ids = [await make(project, "servers"), await make(project, "servers")];
  const found: string[] = [];
  for (const patience = Date.now() + 60_000; ; await sleep(50)) {
    const all = await get(project, `${BASE}/v2.1/${project.id}/servers`);
    if (all.json().servers.length === 2) break;
    assert.ok(Date.now() < patience, all.text);
  }
  let next: string | undefined = `${worker.url}${BASE}/v2.1/${project.id}/servers/detail?limit=1`;
  while (next !== undefined) {
    assert.ok(next.startsWith(`${worker.url}${BASE}/v2.1/${project.id}/servers/detail?`), next);
    const page = (await get(project, next.replace(worker.url, ""))).json();
    found.push(...page.servers.map(({ id }: { id: string }) => id));
    next = page.servers_links?.[0].href;
  }
  assert.deepEqual(found.toSorted(), ids.toSorted());
  const registry = await worker.request("GET", `${BASE}/registry/servers?project_id=${project.id}&limit=1`, {
    token: await worker.registrar(),
  });
  assert.ok(registry.json().servers_links[0].href.startsWith(`${worker.url}${BASE}/registry/servers?`), registry.text);
});

test("version documents are below it, and say so", async () => {
  for (const path of ["", "/"]) {
    const root = await worker.request("GET", BASE + path);
    assert.equal(root.status, 200, root.text);
    const selves = root.json().versions.map(({ links }: { links: { href: string }[] }) => links[0]?.href);
    assert.deepEqual(selves, [`${worker.url}${BASE}/v2/`, `${worker.url}${BASE}/v2.1/`]);
  }
  for (const path of ["/v2.1", "/v2.1/"]) {
    const answer = await worker.request("GET", BASE + path);
    assert.equal(answer.json().version.links[0].href, `${worker.url}${BASE}/v2.1/`);
  }
  for (const path of ["/", "/v2.1/", "/computes", "/compute2/v2.1/", "/Compute/v2.1/"]) {
    assertUnauthorized(await worker.request("GET", path), worker);
    assertUnknownPath(await get(new Project(worker), path));
  }
});

test("the health check and the description are below it", async () => {
  assert.equal((await worker.request("GET", `${BASE}/healthcheck`)).text, "OK");
  assert.equal((await worker.request("GET", `${BASE}/openapi.json`)).status, 200);
  assertMethodNotAllowed(await worker.request("PUT", `${BASE}/healthcheck`), "GET, HEAD, OPTIONS");
  assertUnknownPath(await get(new Project(worker), "/openapi.json"));
});

test("empty segments before the resource are ignored below it, too", async () => {
  const project = new Project(worker);
  const id = await make(project, "servers");
  for (const path of [`/${BASE}/v2.1/servers/${id}`, `${BASE}//v2.1/${project.id}//servers/${id}`, `/${BASE}//servers/${id}`]) {
    assert.equal((await get(project, path)).status, 200, path);
  }
});

test("a base path may have several segments", async () => {
  const deep = await startWorker({ vars: { API_BASE_PATH: "/api/compute-1.0" } });
  try {
    const root = await deep.request("GET", "/api/compute-1.0/v2.1/");
    assert.equal(root.json().version.links[0].href, `${deep.url}/api/compute-1.0/v2.1/`);
    const token = await new Project(deep).as("reader");
    assert.deepEqual((await deep.request("GET", "/api/compute-1.0/servers", { token })).json(), { servers: [] });
    assertUnknownPath(await deep.request("GET", "/api/servers", { token }));
  } finally {
    await deep.stop();
  }
});
