// Writers that race for the last free items, and locks that race with DELETEs.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { assertFault } from "../answers.ts";
import { Project } from "../project.ts";
import { budget } from "./budget.ts";
import { tally } from "./tally.ts";
import { startWorkerd } from "../workerd.ts";

const ITEMS = 12;
const CLIENTS = 64;
const worker = await startWorkerd({ vars: { METADATA_ITEMS: String(ITEMS) } });
after(() => worker.stop());

test(`${CLIENTS} writers race for the last free items: exactly those succeed, on each of ${budget.quotas} servers and images`, async () => {
  const project = new Project(worker);
  const token = await project.as("member");
  for (let count = 0; count < budget.quotas; count += 1) {
    const kind = count % 2 === 0 ? "servers" : "images";
    const fields = { metadata: { key1: "value1", key2: "value2" } };
    const id = await (kind === "servers" ? project.server(fields) : project.image(fields));
    const all = `/v2.1/${kind}/${id}/metadata`;
    const statuses = await Promise.all(
      Array.from({ length: CLIENTS }, async (_, number) => {
        const key = `new${number}`;
        const answer = await (number % 2 === 0
          ? worker.request("PUT", `${all}/${key}`, { token, body: { meta: { [key]: "v" } } })
          : worker.request("POST", all, { token, body: { metadata: { [key]: "v" } } }));
        if (answer.status === 403) {
          const message =
            kind === "servers" ? `Maximum number of metadata items exceeds ${ITEMS}` : "Image metadata limit exceeded";
          assertFault(answer, 403, "forbidden", message);
        } else if (number % 2 === 1) {
          assert.ok(Object.keys(answer.json().metadata).length <= ITEMS, "more items than there may be");
        }
        return answer.status;
      }),
    );
    assert.equal(statuses.filter((status) => status === 200).length, ITEMS - 2);
    assert.equal(statuses.filter((status) => status === 403).length, CLIENTS - ITEMS + 2);
    assert.equal(Object.keys((await worker.metadata(kind, id)) ?? {}).length, ITEMS);
    tally("quotas raced for", 1);
  }
});

interface Span {
  from: number;
  to: number;
}

const LOCKS = [
  { kind: "servers", name: "locked", locked: { locked: true }, free: { locked: false } },
  { kind: "servers", name: "in vm_state error", locked: { vm_state: "error" }, free: { vm_state: "active" } },
  { kind: "servers", name: "in a task_state", locked: { task_state: "rebooting" }, free: { task_state: null } },
  { kind: "images", name: "in status saving", locked: { status: "saving" }, free: { status: "active" } },
] as const;

for (const { kind, name, locked, free } of LOCKS) {
  test(`no DELETE succeeds after it was acknowledged that one of the ${kind} is ${name}`, async () => {
    const project = new Project(worker);
    const keys = Array.from({ length: ITEMS }, (_, at) => `key${at}`);
    const metadata = Object.fromEntries(keys.map((key) => [key, "v"]));
    const id = await (kind === "servers" ? project.server({ metadata }) : project.image({ metadata }));
    const put = (fields: object): Promise<unknown> =>
      kind === "servers" ? worker.putServer(id, { ...fields }) : worker.putImage(id, { ...fields });
    await project.as("member");
    /** The interval from the answer to the lock until the unlock is sent. */
    const spans: Span[] = [];
    const deleted: Span[] = [];
    let refused = 0;
    let over = false;
    const until = performance.now() + budget.lockMs / LOCKS.length;
    const switches = (async () => {
      while (performance.now() < until) {
        await put(locked);
        const from = performance.now();
        await sleep(5 + Math.random() * 30);
        spans.push({ from, to: performance.now() });
        await put({ ...free, metadata });
        await sleep(Math.random() * 10);
      }
      over = true;
    })();
    const client = async (): Promise<void> => {
      for (let sent = 0; sent < 5_000 && !over; sent += 1) {
        const key = keys[Math.floor(Math.random() * keys.length)] as string;
        const from = performance.now();
        const { status } = await project.delete(`/${kind}/${id}/metadata/${key}`);
        assert.ok(status === 204 || status === 404 || status === 409, String(status));
        if (status === 204) deleted.push({ from, to: performance.now() });
        if (status === 409) refused += 1;
      }
    };
    await Promise.all([switches, ...Array.from({ length: 16 }, client)]);
    assert.ok(deleted.length > 0 && refused > 0, `${deleted.length} deleted, ${refused} refused: no race`);
    for (const { from, to } of deleted) {
      const through = spans.find((span) => from >= span.from && to <= span.to);
      assert.equal(through, undefined, `a DELETE got through from ${from} to ${to}`);
    }
    tally("DELETEs raced with locks", deleted.length + refused);
  });
}
