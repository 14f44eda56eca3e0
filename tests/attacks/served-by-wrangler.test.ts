// Bodies that are not needed or are refused, as `npm start` serves them: wrangler's own proxy stands in front of the
// Worker there, and a request whose body was left unread used to break whichever came next.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";

import { deletions, resources } from "../../scripts/demo.mjs";
import { endAll, start } from "../npm-start.ts";
import { expectedStatus, REFUSALS, sendBody, shown, type Body, type Known, type Refusal } from "./unread-bodies.ts";

const folder = mkdtempSync(path.join(tmpdir(), "edge-metadata-wrangler-"));
let url: string;
after(() => {
  endAll();
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
});
before(async () => {
  ({ url } = await (await start("--persist-to", folder, "--var", "REQUEST_DEADLINE_MS:2000")).ready());
});

const [{ token, resource }] = deletions as [(typeof deletions)[number]];
const known: Known = { member: token, nobody: token, project: resource.fields.project_id, server: resource.id };
assert.ok(resources.includes(resource) && resource.kind === "server");

async function assertOthersServed(): Promise<void> {
  for (const path of ["/", `/servers/${known.server}/metadata`]) {
    const answer = await fetch(url + path, { headers: { "X-Auth-Token": token } });
    const text = await answer.text();
    assert.equal(answer.status, 200, `the next request: ${answer.status} ${text}`);
  }
}

async function assertAnswered(refusal: Refusal, body: Body): Promise<void> {
  try {
    const { answer, connection } = await sendBody(url, known, refusal, body);
    connection.close();
    assert.equal(answer.status, expectedStatus(refusal, body), answer.text);
    await assertOthersServed();
  } catch (error) {
    throw new Error(`${shown(body)}: ${(error as Error).message}`, { cause: error });
  }
}

for (const refusal of REFUSALS) {
  test(`${refusal.status}: ${refusal.name}, served by wrangler, and the next requests are answered`, async () => {
    for (const size of [1_000, 200_000, 3_000_000]) {
      for (const isChunked of [true, false]) await assertAnswered(refusal, { size, isChunked, isFinished: true });
    }
    await assertAnswered(refusal, { size: 1_000, isChunked: true, isFinished: false });
  });
}
