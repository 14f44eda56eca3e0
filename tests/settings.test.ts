// Settings are checked when they are first read; a bad value is a 500 whose log line names the setting.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { assertNoContent, assertRequestId, assertServerError } from "./answers.ts";
import { resourceId, startWorker, type WorkerOptions } from "./harness.ts";
import { imageItem, Project } from "./project.ts";

/** Log lines arrive a moment after the answer. */
async function lineWith(logs: () => string[], text: string): Promise<string | undefined> {
  for (let wait = 0; wait < 40; wait += 1) {
    const line = logs().find((printed) => printed.includes(text));
    if (line !== undefined) return line;
    await sleep(50);
  }
  return undefined;
}

for (const [name, value, extra] of [
  ["REQUEST_DEADLINE_MS", "ten", {}],
  ["REQUEST_DEADLINE_MS", "-1", {}],
  ["TOKEN_CACHE_SECONDS", "5m", {}],
  ["TOKEN_CACHE_SECONDS", "-1", {}],
  ["METADATA_ITEMS", "many", {}],
  ["METADATA_ITEMS", "1.5", {}],
  ["RATE_LIMIT_PERIOD_SECONDS", "minute", { bindings: { rateLimiter: { limit: 100, period: 60 } } }],
] satisfies [string, string, WorkerOptions][]) {
  test(`${name}=${value} is a 500 whose log line names the setting`, async () => {
    const worker = await startWorker({ vars: { [name]: value }, ...extra });
    try {
      const project = new Project(worker);
      const token = await project.as("admin");
      const id = resourceId();
      const body = { server: { project_id: project.id, metadata: { key1: "value1" } } };
      const options = name === "RATE_LIMIT_PERIOD_SECONDS" ? { token } : { token, body };
      const [method, path] =
        name === "RATE_LIMIT_PERIOD_SECONDS" ? ["DELETE", imageItem(id, "key1")] : ["PUT", `/registry/servers/${id}`];
      const answer = await worker.request(method as string, path as string, options);
      assertServerError(answer);
      // The cause is in the log only, not in the answer.
      assert.ok(!answer.headers.list.some(([, text]) => text.includes(name)));
      const line = await lineWith(() => worker.logs(), name);
      assert.ok(line !== undefined, `no line names ${name}:\n${worker.logs().join("\n")}`);
      // Later requests are answered the same.
      assertServerError(await worker.request(method as string, path as string, options));
    } finally {
      await worker.stop();
    }
  });
}

test("an invalid deadline does not leave requests without one", async () => {
  const worker = await startWorker({ faults: true, vars: { REQUEST_DEADLINE_MS: "soon" } });
  try {
    const project = new Project(worker);
    const token = await project.as("member");
    const headers = { "X-Fault": "front-hang" };
    const answer = await worker.request("DELETE", imageItem(resourceId(), "key1"), { token, headers, patience: 13_000 });
    assert.ok(answer.status === 500 || answer.status === 503, String(answer.status));
    assertRequestId(answer);
  } finally {
    await worker.stop();
  }
});

test("unknown settings are ignored", async () => {
  const worker = await startWorker({ vars: { NO_SUCH_SETTING: "-1" } });
  try {
    const project = new Project(worker);
    const id = await project.image();
    assertNoContent(await project.delete(imageItem(id, "key1")));
  } finally {
    await worker.stop();
  }
});

for (const [what, options] of [
  ["TOKENS", { withoutKv: true }],
  ["RESOURCES", { withoutObjects: true }],
] satisfies [string, WorkerOptions][]) {
  test(`without the binding ${what} the answer is a 500 whose log line names it`, async () => {
    const worker = await startWorker(options);
    try {
      const token = options.withoutObjects ? await new Project(worker).as("member") : "0123456789abcdef";
      const answer = await worker.request("DELETE", imageItem(resourceId(), "key1"), { token });
      assertServerError(answer);
      const line = await lineWith(() => worker.logs(), what);
      assert.ok(line !== undefined, `no line names ${what}:\n${worker.logs().join("\n")}`);
    } finally {
      await worker.stop();
    }
  });
}
