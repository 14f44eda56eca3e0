// Microversions as N negotiates them, on the two DELETE operations.
import assert from "node:assert/strict";
import { after, test } from "node:test";

import { assertFault, assertNoContent, assertServerError, assertUnknownPath, assertVersion } from "./answers.ts";
import { projectId, resourceId, startWorker, type HeaderList } from "./harness.ts";
import { Project } from "./project.ts";

const worker = await startWorker();
after(() => worker.stop());

const legacy = (version: string): HeaderList => [["X-OpenStack-Nova-API-Version", version]];
const standard = (version: string): HeaderList => [["OpenStack-API-Version", version]];

function shown(headers: HeaderList): string {
  return headers.length === 0 ? "no header" : headers.map(([name, value]) => `${name}: ${value}`).join(" and ");
}

for (const [headers, version] of [
  [[], "2.1"],
  [legacy("2.1"), "2.1"],
  [legacy("2.2"), "2.2"],
  [legacy("2.38"), "2.38"],
  [legacy("2.39"), "2.39"],
  [legacy("2.100"), "2.100"],
  [legacy("2.102"), "2.102"],
  [legacy("2.104"), "2.104"],
  [legacy("latest"), "2.104"],
  [legacy(" 2.10 "), "2.10"],
  [legacy("2.1,2.26"), "2.26"],
  [[...legacy("2.1"), ...legacy("2.26")], "2.26"],
  [[...legacy("garbage"), ...legacy("2.26")], "2.26"],
  [standard("compute 2.26"), "2.26"],
  [standard("compute latest"), "2.104"],
  [standard("Compute 2.26"), "2.26"],
  [standard("compute  2.26"), "2.26"],
  [standard("compute"), "2.1"],
  [standard("2.26"), "2.1"],
  [standard("volume 3.0"), "2.1"],
  [standard("nova 2.26"), "2.1"],
  [standard("compute 2.26, placement 1.3"), "2.26"],
  [standard("placement 1.3, compute 2.26"), "2.26"],
  [standard("compute 2.26,compute 2.27"), "2.27"],
  [[...standard("compute 2.26"), ...standard("placement 1.3")], "2.26"],
  [[...standard("compute 2.26"), ...legacy("2.10")], "2.26"],
  [[...standard("compute 2.26"), ...legacy("garbage")], "2.26"],
  [[...standard("volume 3.0"), ...legacy("2.10")], "2.10"],
] satisfies [HeaderList, string][]) {
  test(`DELETE with ${shown(headers)} is answered in ${version}`, async () => {
    const project = new Project(worker);
    const id = await project.server();
    const deleted = await project.delete(`/v2.1/${project.id}/servers/${id}/metadata/key1`, { headers });
    assertNoContent(deleted);
    assertVersion(deleted, version);
    // N: a fault carries the version as well.
    const again = await project.delete(`/v2.1/servers/${id}/metadata/key1`, { headers });
    assertFault(again, 404, "itemNotFound", "Metadata item was not found");
    assertVersion(again, version);
  });
}

for (const [headers, version] of [
  [legacy("garbage"), "garbage"],
  [legacy("LATEST"), "LATEST"],
  [legacy("2"), "2"],
  [legacy("2."), "2."],
  [legacy(".1"), ".1"],
  [legacy("2.1.1"), "2.1.1"],
  [legacy("2.01"), "2.01"],
  [legacy("02.1"), "02.1"],
  [legacy("-2.1"), "-2.1"],
  [legacy("+2.1"), "+2.1"],
  [legacy("2.1a"), "2.1a"],
  [legacy("2,1"), "1"],
  [legacy("2.26,"), ""],
  [[...legacy("2.26"), ...legacy("garbage")], "garbage"],
  [legacy("2 .1"), "2 .1"],
  [legacy(""), ""],
  [standard("compute garbage"), "garbage"],
  [standard("compute 2"), "2"],
  [[...standard("compute garbage"), ...legacy("2.10")], "garbage"],
] satisfies [HeaderList, string][]) {
  test(`DELETE with ${shown(headers)} is 400: not of the format MajorNum.MinorNum`, async () => {
    const project = new Project(worker);
    const id = await project.server();
    const answer = await project.delete(`/v2.1/${project.id}/servers/${id}/metadata/key1`, { headers });
    const message = `API Version String ${version} is of invalid format. Must be of format MajorNum.MinorNum.`;
    assertFault(answer, 400, "badRequest", message);
    assertVersion(answer, null);
    assert.deepEqual(await worker.metadata("servers", id), { key1: "value1", key2: "value2" });
  });
}

for (const [headers, version] of [
  [legacy("2.0"), "2.0"],
  [legacy("1.1"), "1.1"],
  [legacy("3.0"), "3.0"],
  [legacy("2.105"), "2.105"],
  [legacy("2.999"), "2.999"],
  [legacy("2.4294967297"), "2.4294967297"],
  [legacy("2.99999999999999999999999999"), "2.99999999999999999999999999"],
  [standard("compute 9.9"), "9.9"],
  [standard("compute 2.0"), "2.0"],
] satisfies [HeaderList, string][]) {
  test(`DELETE with ${shown(headers)} is 406 and carries the version that was asked for`, async () => {
    const project = new Project(worker);
    const id = await project.server();
    const answer = await project.delete(`/v2.1/${project.id}/servers/${id}/metadata/key1`, { headers });
    const message = `Version ${version} is not supported by the API. Minimum is 2.1 and maximum is 2.104.`;
    assertFault(answer, 406, "computeFault", message);
    assertVersion(answer, version);
    assert.deepEqual(await worker.metadata("servers", id), { key1: "value1", key2: "value2" });
  });
}

for (const prefix of ["", "/v2", "/v2/{project_id}"]) {
  test(`below ${prefix || "no prefix"} the headers are ignored and absent from the answer`, async () => {
    const project = new Project(worker);
    const base = prefix.replace("{project_id}", project.id);
    for (const headers of [legacy("garbage"), legacy("3.0"), legacy("2.39"), standard("compute garbage")]) {
      const server = await project.server();
      const onServer = await project.delete(`${base}/servers/${server}/metadata/key1`, { headers });
      assertNoContent(onServer);
      assertVersion(onServer, null);
      const image = await project.image();
      const onImage = await project.delete(`${base}/images/${image}/metadata/key1`, { headers });
      assertNoContent(onImage);
      assertVersion(onImage, null);
    }
  });
}

test("image paths answer up to 2.38", async () => {
  const project = new Project(worker);
  const id = await project.image();
  const answer = await project.delete(`/v2.1/${project.id}/images/${id}/metadata/key1`, { headers: legacy("2.38") });
  assertNoContent(answer);
  assertVersion(answer, "2.38");
});

for (const version of ["2.39", "2.40", "2.104", "latest"]) {
  test(`image paths are 404 with microversion ${version}`, async () => {
    const project = new Project(worker);
    const id = await project.image();
    const headers = legacy(version);
    const answer = await project.delete(`/v2.1/${project.id}/images/${id}/metadata/key1`, { headers });
    assertFault(answer, 404, "itemNotFound", "The resource could not be found.");
    assertVersion(answer, version === "latest" ? "2.104" : version);
    assert.deepEqual(await worker.metadata("images", id), { key1: "value1", key2: "value2" });
  });
}

test("answers of later steps carry the version", async () => {
  const project = new Project(worker);
  const headers = legacy("2.7");
  const server = await project.server();
  const locked = await project.server({ locked: true });
  const below = `/v2.1/${project.id}/servers`;
  const reader = await project.as("reader");
  const answers = {
    400: await project.delete(`/v2.1/${projectId()}/servers/${server}/metadata/key1`, { headers }),
    403: await project.delete(`${below}/${server}/metadata/key1`, { headers, token: reader }),
    404: await project.delete(`${below}/${resourceId()}/metadata/key1`, { headers }),
    409: await project.delete(`${below}/${locked}/metadata/key1`, { headers }),
    415: await project.delete(`${below}/${server}/metadata/key1`, {
      headers: [...headers, ["Content-Type", "application/xml"]],
    }),
  };
  for (const [status, answer] of Object.entries(answers)) {
    assert.equal(answer.status, Number(status));
    assertVersion(answer, "2.7");
  }
});

test("answers of earlier steps carry no version", async () => {
  const project = new Project(worker);
  const headers = legacy("2.7");
  const token = await project.as("member");
  const item = `/v2.1/servers/${resourceId()}/metadata/key1`;
  assertUnknownPath(await project.delete("/v2.1/nothing", { headers }));
  const answers = {
    401: await worker.request("DELETE", item, { headers }),
    405: await worker.request("POST", item, { headers, token }),
    413: await project.delete(item, { headers, body: "x".repeat(114_689) }),
  };
  for (const [status, answer] of Object.entries(answers)) {
    assert.equal(answer.status, Number(status));
    assertVersion(answer, null);
  }
});

test("the registry, and a 500 outside /v2.1, carry no version", async () => {
  const project = new Project(worker);
  const id = resourceId();
  const token = await worker.registrar();
  const headers = legacy("garbage");
  const body = { server: { project_id: project.id } };
  const put = await worker.request("PUT", `/registry/servers/${id}`, { token, headers, body });
  assert.equal(put.status, 201);
  assertVersion(put, null);
  const broken = await startWorker({ vars: { TOKEN_CACHE_SECONDS: "soon" } });
  try {
    const answer = await new Project(broken).delete(`/servers/${id}/metadata/key1`, { headers });
    assertServerError(answer);
    assertVersion(answer, null);
  } finally {
    await broken.stop();
  }
});
