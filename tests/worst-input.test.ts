// The most expensive known inputs through the Worker: each is answered in bounded time.
import assert from "node:assert/strict";
import { after, test } from "node:test";

import { startWorker, resourceId } from "./harness.ts";
import { Project } from "./project.ts";

const worker = await startWorker();
after(() => worker.stop());

const LIMIT = 114_688;
/** Far above the time of any input, far below quadratic growth. */
const MOST_MS = 3_000;

const items = (size: number, item: (at: number) => string): string => {
  let text = "";
  for (let at = 0; text.length < size - 64; at += 1) text += `${at === 0 ? "" : ","}${item(at)}`;
  return `{"metadata":{${text}}}`;
};

const BODIES: Record<string, string> = {
  "short items": items(LIMIT, (at) => `"${at.toString(16)}":""`),
  "wrong keys": items(LIMIT, (at) => `"!${at.toString(16)}":""`),
  "one key again and again": items(LIMIT, () => '"k":""'),
  "an escaped value": `{"metadata":["${"\\u0001".repeat((LIMIT - 32) / 6)}"]}`,
  "nested arrays": "[".repeat(LIMIT),
  "a long number": `{"metadata":${"9".repeat(LIMIT - 32)}}`,
  "small numbers": `{"metadata":[${"1e9,".repeat((LIMIT - 32) / 4)}0]}`,
};

for (const [name, body] of Object.entries(BODIES)) {
  test(`a body of ${name} is answered with a fault in bounded time`, async () => {
    assert.ok(body.length <= LIMIT);
    const project = new Project(worker);
    const token = await project.as("member");
    const id = await project.server();
    const headers = { "Content-Type": "application/json" };
    const times: number[] = [];
    for (let round = 0; round < 5; round += 1) {
      const answer = await worker.request("PUT", `/servers/${id}/metadata`, { token, body, headers });
      assert.ok([200, 400, 403].includes(answer.status), `${answer.status}`);
      times.push(answer.milliseconds);
    }
    console.log(`${name}: ${Math.min(...times).toFixed(1)} ms`);
    assert.ok(Math.min(...times) < MOST_MS);
  });
}

test("an image with the most members is registered, read and deleted in bounded time", async () => {
  const project = new Project(worker);
  const token = await worker.registrar();
  const id = resourceId();
  const members = Array.from({ length: 100_000 }, (_, at) => at.toString(16).padStart(5, "0"));
  const body = { image: { project_id: project.id, visibility: "shared", members } };
  const times: string[] = [];
  for (const [method, expected] of [
    ["PUT", 201],
    ["GET", 200],
    ["PUT", 200],
    ["DELETE", 204],
  ] as const) {
    const answer = await worker.request(method, `/registry/images/${id}`, method === "PUT" ? { token, body } : { token });
    assert.equal(answer.status, expected, answer.text.slice(0, 200));
    times.push(`${method} ${answer.milliseconds.toFixed(0)} ms`);
    assert.ok(answer.milliseconds < MOST_MS * 2);
  }
  console.log(times.join(", "));
});
