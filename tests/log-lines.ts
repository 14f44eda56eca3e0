/** What the Worker has logged, as an operator finds it. */
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";

import type { Answer, Worker } from "./harness.ts";

export type LogLine = Record<string, unknown>;

/** The one line of a request, by the id that its client was told. A line arrives a moment after the answer. */
export async function lineOf(worker: Worker, answer: Answer): Promise<LogLine> {
  const id = answer.headers.get("X-OpenStack-Request-Id") ?? assert.fail("the answer has no id");
  for (const patience = Date.now() + 10_000; ; await sleep(50)) {
    const lines = worker.logs().filter((line) => line.startsWith("{") && line.includes(`"request_id":"${id}"`));
    assert.ok(lines.length <= 1, lines.join("\n"));
    if (lines[0] !== undefined) return JSON.parse(lines[0]);
    assert.ok(Date.now() < patience, `no line of ${id}:\n${worker.logs().slice(-20).join("\n")}`);
  }
}
