// Thousands of small changes of a large record: what is stored of them stays bounded, and nobody else waits for it.
import assert from "node:assert/strict";
import { readdirSync, statSync } from "node:fs";
import path from "node:path";
import { after, test } from "node:test";

import type { Answer } from "../harness.ts";
import { Project } from "../project.ts";
import { startWorkerd } from "../workerd.ts";
import { median } from "../median.ts";

const CHANGES = 3_000;
const ITEMS = 128;

/**
 * What may be stored: 1 MiB of changes that are remembered, the record itself, and the log that SQLite writes ahead,
 * which it cuts at 4 MB.
 */
const MAX_STORED_MB = 10;

const worker = await startWorkerd();
after(() => worker.stop());

/** Megabytes of all that objects have stored. */
function storedMegabytes(): number {
  const folder = path.join(worker.folder, "objects");
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).map((name) => statSync(path.join(folder, name)));
  return files.filter((file) => file.isFile()).reduce((sum, file) => sum + file.size, 0) / 1024 / 1024;
}

test("3,000 changes of one item of a full server store little more than the server, and another project's changes take no longer", async () => {
  const project = new Project(worker);
  const metadata = Object.fromEntries(Array.from({ length: ITEMS }, (_, at) => [`key-${at}`.padEnd(255, "k"), "v".repeat(255)]));
  const server = await project.server({ metadata });
  const token = await project.as("member");
  const other = new Project(worker);
  const otherServer = await other.server();
  const otherToken = await other.as("member");
  const change = (at: number): Promise<Answer> =>
    worker.request("POST", `/servers/${server}/metadata`, {
      token,
      body: { metadata: { ["key-1".padEnd(255, "k")]: `${at}`.padEnd(8, "v") } },
    });
  const othersChange = async (): Promise<number> => {
    const body = { meta: { key1: "changed" } };
    const answer = await worker.request("PUT", `/servers/${otherServer}/metadata/key1`, { token: otherToken, body });
    assert.equal(answer.status, 200, answer.text);
    return answer.milliseconds;
  };
  const alone: number[] = [];
  for (let at = 0; at < 100; at += 1) alone.push(await othersChange());

  let next = 0;
  const client = async (): Promise<void> => {
    while (next < CHANGES) {
      const answer = await change((next += 1));
      assert.equal(answer.status, 200, answer.text.slice(0, 200));
    }
  };
  const clients = Promise.all(Array.from({ length: 4 }, client));
  const beside: number[] = [];
  while (next < CHANGES) beside.push(await othersChange());
  await clients;

  const stored = storedMegabytes();
  console.log(
    `${CHANGES} changes: ${stored.toFixed(1)} MB stored; another project's PUT ${median(alone).toFixed(1)} ms alone, ` +
      `${median(beside).toFixed(1)} ms beside them`,
  );
  assert.ok(stored < MAX_STORED_MB, `${stored.toFixed(1)} MB are stored`);
  // Four clients and one more share one workerd; a fifth of it is what is left to each.
  assert.ok(median(beside) < 15 * median(alone), `${median(beside)} ms beside them, ${median(alone)} ms alone`);
});
