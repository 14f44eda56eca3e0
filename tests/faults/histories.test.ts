// 64 clients on few keys: every history is linearizable.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import type { Answer, RequestOptions } from "../harness.ts";
import { Project } from "../project.ts";
import { budget } from "./budget.ts";
import { isLinearizable, type Event } from "./linearizable.ts";
import { ofItem, ofResource, type Observed, type Operation, type Seen } from "./metadata-model.ts";
import { tally } from "./tally.ts";
import { startWorkerd } from "../workerd.ts";

const CLIENTS = 64;
const KEYS = ["a", "b", "c", "d"];
/** Milliseconds of one history. Each has a new resource, which bounds the cost of the check. */
const HISTORY_MS = 5_000;
/** Upper bound of one client's requests in a history. */
const REQUESTS = 5_000;

// The build with faults prints the order of calls, which the checker tries first.
const worker = await startWorkerd({ faults: true });
after(() => worker.stop());

const any = <Item>(list: readonly Item[]): Item => list[Math.floor(Math.random() * list.length)] as Item;

type Kind = "servers" | "images";

/** Makes every written value unique. */
let written = 0;
let operations = 0;
const value = (): string => String((written += 1));

function next(kind: Kind, id: string): { method: string; path: string; body?: object; operation: Operation } {
  const key = any(KEYS);
  const item = `/v2.1/${kind}/${id}/metadata/${key}`;
  const all = `/v2.1/${kind}/${id}/metadata`;
  const chance = Math.random();
  if (chance < 0.3) return { method: "DELETE", path: item, operation: { does: "delete", key } };
  if (chance < 0.45) return { method: "GET", path: item, operation: { does: "read", key } };
  if (chance < 0.6) return { method: "GET", path: all, operation: { does: "list" } };
  if (chance < 0.8) {
    const items = { [key]: value() };
    return { method: "PUT", path: item, body: { meta: items }, operation: { does: "put", items } };
  }
  if (chance < 0.92) {
    const items = { [key]: value(), [any(KEYS)]: value() };
    return { method: "POST", path: all, body: { metadata: items }, operation: { does: "merge", items } };
  }
  const items = Math.random() < 0.3 ? {} : { [key]: value() };
  return { method: "PUT", path: all, body: { metadata: items }, operation: { does: "replace", items } };
}

function seen(answer: Answer): Seen {
  if (answer.status === 204) return { status: 204 };
  const body = answer.json() as { metadata?: Record<string, string>; meta?: Record<string, string> };
  if (answer.status === 200) return { status: 200, items: body.metadata ?? body.meta ?? {} };
  assert.equal(answer.status, 404, answer.text);
  return { status: 404 };
}

for (let round = 0; round * HISTORY_MS < budget.raceMs; round += 1) {
  const kind = round % 2 === 0 ? "servers" : "images";
  test(`${CLIENTS} clients on ${KEYS.length} keys of one of the ${kind}, history ${round + 1}: linearizable, as a whole and key by key`, async () => {
    const project = new Project(worker);
    const id = await (kind === "servers" ? project.server({ metadata: {} }) : project.image({ metadata: {} }));
    const token = await project.as("member");
    const named: (Event<Observed> & { name: string })[] = [];
    const until = performance.now() + HISTORY_MS;
    await Promise.all(
      Array.from({ length: CLIENTS }, async () => {
        for (let sent = 0; sent < REQUESTS && performance.now() < until; sent += 1) {
          const { method, path, body, operation } = next(kind, id);
          const name = `op-${(operations += 1)}`;
          const headers = { "X-Operation-Id": name };
          const options: RequestOptions = body === undefined ? { token, headers } : { token, headers, body };
          const called = performance.now();
          // After a broken connection it is unknown whether the operation happened.
          const answer = await worker.request(method, path, options).catch(() => null);
          if (answer === null)
            named.push({ called, returned: Infinity, operation: { ...operation, seen: { status: 404 } }, name });
          else named.push({ called, returned: performance.now(), operation: { ...operation, seen: seen(answer) }, name });
        }
      }),
    );
    // The last lines may arrive late.
    await sleep(200);
    const order = new Map(
      [
        ...worker
          .logs()
          .join("\n")
          .matchAll(/^try (op-\d+) /gm),
      ].map(([, name], at) => [name, at]),
    );
    const history: Event<Observed>[] = named.map(({ name, ...event }) => {
      const guess = order.get(name);
      return guess === undefined ? event : { ...event, guess };
    });
    const broken = history.filter(({ returned }) => returned === Infinity).length;
    assert.ok(broken <= history.length / 100, `${broken} of ${history.length} requests had no answer`);
    assert.ok(history.length > CLIENTS * 2, `only ${history.length} operations`);
    assert.ok(isLinearizable(history, ofResource), "not linearizable as a whole");
    for (const key of KEYS) {
      const alone = history.flatMap((event) => {
        const operation = ofItem(event.operation, key);
        return operation === null ? [] : [{ ...event, operation }];
      });
      assert.ok(isLinearizable(alone, ofResource), `not linearizable: ${key}`);
    }
    tally("operations in histories", history.length);
    tally("histories found linearizable", 1 + KEYS.length);
  });
}

test("64 clients delete each value at most once with 204", async () => {
  const project = new Project(worker);
  const id = await project.server({ metadata: {} });
  const token = await project.as("member");
  const path = project.serverItem(id, "key");
  const until = performance.now() + budget.raceMs / 4;
  let puts = 0;
  let deleted = 0;
  const client = async (number: number): Promise<void> => {
    for (let sent = 0; sent < REQUESTS && performance.now() < until; sent += 1) {
      if (number % 4 === 0) {
        const answer = await worker.request("PUT", path, { token, body: { meta: { key: value() } } });
        assert.equal(answer.status, 200, answer.text);
        puts += 1;
      } else {
        const { status } = await project.delete(path);
        assert.ok(status === 204 || status === 404, String(status));
        if (status === 204) deleted += 1;
      }
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, (_, number) => client(number)));
  const left = Object.keys((await worker.metadata("servers", id)) ?? {}).length;
  assert.ok(deleted + left <= puts, `${puts} puts, ${deleted} deleted, ${left} left`);
  assert.ok(deleted > 0);
});
