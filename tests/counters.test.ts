// Where a data set of Analytics Engine is bound, each request is one data point, and none has what is a client's own.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { assertNoContent } from "./answers.ts";
import { startWorker, type Answer, type Worker } from "./harness.ts";
import { lineOf } from "./log-lines.ts";
import { Project } from "./project.ts";

const entry = "tests/recording-analytics.js";
const worker = await startWorker({ entry });
after(() => worker.stop());

interface Point {
  indexes: string[];
  blobs: string[];
  doubles: number[];
}

/** All that were written, once there are as many. */
async function points(worker: Worker, count: number): Promise<Point[]> {
  for (const patience = Date.now() + 10_000; ; await sleep(50)) {
    const found = worker.logs().filter((line) => line.startsWith("point "));
    if (found.length >= count || Date.now() > patience) return found.map((line) => JSON.parse(line.slice("point ".length)));
  }
}

test("each request is one data point with its route, status class, token source, action, outcome and duration", async () => {
  const project = new Project(worker);
  const id = await project.server();
  const token = await project.as("member");
  const before = (await points(worker, 1)).length;
  const path = `/v2.1/servers/${id}/metadata/key1`;
  const answers: Answer[] = [];
  for (const [method, target, options] of [
    ["DELETE", path, { token }],
    ["DELETE", path, { token }],
    ["GET", `/v2.1/servers/${id}/metadata`, { token }],
    ["GET", "/v2.1/servers", {}],
    ["GET", "/nowhere", { token }],
    ["GET", "/healthcheck", {}],
  ] as const) {
    answers.push(await worker.request(method, target, options));
  }
  assert.deepEqual(
    answers.map(({ status }) => status),
    [204, 404, 200, 401, 404, 200],
  );
  const written = (await points(worker, before + answers.length)).slice(before);
  const item = "/servers/{id}/metadata/{key}";
  assert.deepEqual(
    written.map(({ blobs }) => blobs),
    [
      ["DELETE", item, "2xx", "kv", "delete_item", "success"],
      ["DELETE", item, "4xx", "memory", "delete_item", "failure"],
      ["GET", "/servers/{id}/metadata", "2xx", "memory", "", ""],
      ["GET", "/servers", "4xx", "", "", ""],
      ["GET", "", "4xx", "memory", "", ""],
      ["GET", "/healthcheck", "2xx", "", "", ""],
    ],
  );
  for (const [at, { indexes, blobs, doubles }] of written.entries()) {
    const answer = answers[at] as Answer;
    assert.deepEqual(indexes, [blobs[1]]);
    assert.deepEqual(doubles, [(await lineOf(worker, answer))["duration_ms"], answer.status]);
  }
});

test("no data point has a token, an id, a key or a value", async () => {
  const project = new Project(worker);
  const [key, value, token] = [randomBytes(8).toString("hex"), randomBytes(8).toString("hex"), randomBytes(16).toString("hex")];
  const id = await project.server({ metadata: { [key]: value } });
  await worker.token({ token, project: project.id, roles: ["member"] });
  const before = (await points(worker, 1)).length;
  const path = `/v2.1/${project.id}/servers/${id}/metadata`;
  await worker.request("POST", path, { token, body: { metadata: { [key]: `${value}2` } } });
  assertNoContent(await worker.request("DELETE", `${path}/${key}?${value}`, { token }));
  const written = JSON.stringify(await points(worker, before + 2));
  for (const text of [key, value, token, id, project.id]) assert.ok(!written.includes(text), text);
});

test("a data set that refuses a data point refuses no request", async () => {
  const failing = await startWorker({ entry, vars: { ANALYTICS_FAILURE: "no more data points" } });
  try {
    const project = new Project(failing);
    const id = await project.server();
    assertNoContent(await project.delete(`/servers/${id}/metadata/key1`));
  } finally {
    await failing.stop();
  }
});

test("the platform's own kind of binding is taken", async () => {
  const bound = await startWorker({ bindings: { analytics: true } });
  try {
    const project = new Project(bound);
    const id = await project.server();
    const answer = await project.delete(`/servers/${id}/metadata/key1`);
    assertNoContent(answer);
    assert.ok(!("detail" in (await lineOf(bound, answer))));
  } finally {
    await bound.stop();
  }
});
