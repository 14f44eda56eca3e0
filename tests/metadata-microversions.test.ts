// Microversions on GET, POST and PUT: which version an answer names, and that image paths end at 2.38.
import { after, test } from "node:test";

import { assertFault, assertVersion } from "./answers.ts";
import { projectId, startWorker, type HeaderList } from "./harness.ts";
import { KINDS, READS, WRITES, assertDocument, make, perform } from "./operations.ts";
import { Project } from "./project.ts";

const worker = await startWorker();
after(() => worker.stop());

const legacy = (version: string): HeaderList => [["X-OpenStack-Nova-API-Version", version]];
const standard = (version: string): HeaderList => [["OpenStack-API-Version", version]];

const OPERATIONS = [...READS, ...WRITES];

for (const operation of OPERATIONS) {
  for (const [headers, version] of [
    [[], "2.1"],
    [legacy("2.38"), "2.38"],
    [legacy("2.39"), "2.39"],
    [legacy("latest"), "2.104"],
    [standard("compute 2.26"), "2.26"],
    [standard("placement 1.3, compute 2.26"), "2.26"],
    [standard("compute 2.26, compute 2.27"), "2.27"],
    [standard("volume 3.0"), "2.1"],
    [[...standard("compute 2.26"), ...legacy("garbage")], "2.26"],
    [[...standard("placement 1.3"), ...legacy("2.10")], "2.10"],
  ] satisfies [HeaderList, string][]) {
    test(`servers, ${operation.name} with ${JSON.stringify(headers)} is answered in ${version}`, async () => {
      const project = new Project(worker);
      const id = await project.server();
      const answer = await perform(project, `/v2.1/${project.id}/servers/${id}`, operation, { headers });
      assertDocument(answer, operation.answer);
      assertVersion(answer, version);
    });
  }

  test(`images, ${operation.name}: answered up to 2.38`, async () => {
    const project = new Project(worker);
    for (const version of ["2.1", "2.37", "2.38"]) {
      const resource = `/v2.1/images/${await project.image()}`;
      const answer = await perform(project, resource, operation, { headers: legacy(version) });
      assertDocument(answer, operation.answer);
      assertVersion(answer, version);
    }
  });

  test(`images, ${operation.name}: 404 from 2.39 on, whether the image exists or not`, async () => {
    const project = new Project(worker);
    const id = await project.image();
    for (const [headers, version] of [
      [legacy("2.39"), "2.39"],
      [legacy("2.104"), "2.104"],
      [legacy("latest"), "2.104"],
      [standard("compute 2.39"), "2.39"],
      [standard("compute latest"), "2.104"],
    ] satisfies [HeaderList, string][]) {
      for (const resource of [`/v2.1/images/${id}`, `/v2.1/${project.id}/images/${id}`, "/v2.1/images/not-a-uuid"]) {
        const answer = await perform(project, resource, operation, { headers });
        assertFault(answer, 404, "itemNotFound", "The resource could not be found.");
        assertVersion(answer, version);
      }
    }
  });

  for (const prefix of ["", "/v2"]) {
    test(`${operation.name} below ${prefix || "no prefix"}: both headers are ignored and absent from the answer`, async () => {
      const project = new Project(worker);
      for (const headers of [legacy("garbage"), legacy("3.0"), legacy("2.39"), standard("compute garbage")]) {
        for (const kind of KINDS) {
          const id = await make(project, kind);
          const answer = await perform(project, `${prefix}/${kind}/${id}`, operation, { headers });
          assertDocument(answer, operation.answer);
          assertVersion(answer, null);
        }
      }
    });
  }

  test(`${operation.name}: a fault of a later step carries the version that was asked for`, async () => {
    const project = new Project(worker);
    const headers = legacy("2.7");
    const id = await new Project(worker).server();
    assertVersion(await perform(project, `/v2.1/servers/${id}`, operation, { headers }), "2.7");
    assertVersion(await perform(project, `/v2.1/${projectId()}/servers/${id}`, operation, { headers }), "2.7");
    const malformed = await perform(project, `/v2.1/servers/${id}`, operation, { headers: legacy("2.7.1") });
    assertVersion(malformed, null);
    const unsupported = await perform(project, `/v2.1/servers/${id}`, operation, { headers: legacy("2.105") });
    assertVersion(unsupported, "2.105");
  });
}
