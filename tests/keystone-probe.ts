/** What a token is good for with a Keystone, and what each answer about it looks like. */
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";

import { assertFault, assertRequestId } from "./answers.ts";
import type { Answer, Worker } from "./harness.ts";

/** Where clients of the tests' Workers find Keystone. */
export const publicUrl = "https://keystone.example/v3";

/** What an answer that waits for nothing may take on a machine that is busy with other tests. */
export const AT_ONCE_MS = 500;

/** A server that does not exist is 404 for every valid token, whatever its role; with this id no object is asked. */
export function ask(asked: Worker, token?: string, headers: Record<string, string> = {}): Promise<Answer> {
  return asked.request("DELETE", "/servers/none/metadata/key1", { ...(token === undefined ? {} : { token }), headers });
}

export function assertKnown(answer: Answer): void {
  assert.equal(answer.status, 404, answer.text);
}

export function assertRefused(answer: Answer, uri: string = publicUrl): void {
  assert.equal(answer.status, 401, answer.text);
  assert.equal(
    answer.text,
    '{"error": {"code": 401, "title": "Unauthorized", "message": "The request you have made requires authentication."}}',
  );
  assert.deepEqual(answer.headers.all("WWW-Authenticate"), [`Keystone uri="${uri}"`]);
  assertRequestId(answer);
}

export function assertKeystoneUnavailable(answer: Answer): void {
  assertFault(answer, 503, "serviceUnavailable", "The Keystone service is temporarily unavailable.");
  assert.deepEqual(answer.headers.all("Retry-After"), ["1"]);
}

export function assertTook(answer: Answer, least: number, most: number): void {
  const took = `took ${Math.round(answer.milliseconds)} ms`;
  assert.ok(answer.milliseconds >= least && answer.milliseconds < most, took);
}

/** Waits for a log line that has all of these in it. */
export async function logged(asked: Worker, ...texts: string[]): Promise<void> {
  for (let wait = 0; wait < 40; wait += 1) {
    if (asked.logs().some((line) => texts.every((text) => line.includes(text)))) return;
    await sleep(50);
  }
  assert.fail(`no line says ${texts.join(" and ")}:\n${asked.logs().slice(-5).join("\n")}`);
}

/** Sends many requests, so many at a time. */
export async function many(count: number, atOnce: number, send: () => Promise<Answer>): Promise<Answer[]> {
  const answers: Answer[] = [];
  const lane = async (): Promise<void> => {
    while (count > 0) {
      count -= 1;
      answers.push(await send());
    }
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
  return answers;
}
