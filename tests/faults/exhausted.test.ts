// Panics, hangs and exhausted memory in the object and in the Worker: a fault within the deadline, other requests are
// served, nothing is lost. tests/deadline.test.ts has the single cases; here they come in sequence and beside other
// requests.
import assert from "node:assert/strict";
import { after, test } from "node:test";

import { assertNoContent, assertUnavailable } from "../answers.ts";
import type { Answer } from "../harness.ts";
import { Project } from "../project.ts";
import { tally } from "./tally.ts";
import { named } from "./tries.ts";
import { startWorkerd } from "../workerd.ts";

const DEADLINE_MS = 2000;
const worker = await startWorkerd({ faults: true, vars: { REQUEST_DEADLINE_MS: String(DEADLINE_MS) } });
after(() => worker.stop());

const both = { key1: "value1", key2: "value2" };

const FAULTS = [
  "front-panic",
  "front-hang",
  "front-memory",
  "object-panic",
  "object-hang",
  "object-memory",
  // Between two statements, and after both: resetting the object rolls them back.
  "object-error-halfway",
  "object-panic-late",
  "object-memory-late",
] as const;

for (const fault of FAULTS) {
  test(`${fault}: a fault within the deadline, then the same object and another one are served`, async () => {
    const project = new Project(worker);
    const [server, other] = [await project.server(), await project.server()];
    const answer = await project.delete(project.serverItem(server, "key1"), { headers: { "X-Fault": fault } });
    assertUnavailable(answer);
    // Tolerates a busy machine; timers work in a Worker whose memory is full.
    assert.ok(answer.milliseconds < DEADLINE_MS * 2.5, `${answer.milliseconds} ms`);
    assert.deepEqual(await worker.metadata("servers", server), both);
    assertNoContent(await project.delete(project.serverItem(server, "key2")));
    assertNoContent(await project.delete(project.serverItem(other, "key1")));
    await worker.restart();
    assert.deepEqual(await worker.metadata("servers", server), { key1: "value1" });
    assert.deepEqual(await worker.metadata("servers", other), { key2: "value2" });
    tally("panics, hangs and exhaustions survived", 1);
  });
}

test("an error between the statements of a PUT of all items undoes those before it, and the PUT can be sent again", async () => {
  const project = new Project(worker);
  const token = await project.as("member");
  const [server, image] = [await project.server(), await project.image()];
  const metadata = Object.fromEntries(Array.from({ length: 20 }, (_, at) => [`new${at}`, "v"]));
  for (const [kind, id] of [
    ["servers", server],
    ["images", image],
  ] as const) {
    const { headers } = named("object-error-halfway");
    const put = (more: object): Promise<Answer> =>
      worker.request("PUT", `/v2.1/${kind}/${id}/metadata`, { token, body: { metadata }, headers: { ...headers, ...more } });
    assertUnavailable(await put({}));
    assert.deepEqual(await worker.metadata(kind, id), both);
    // Under the same id: had the first one left its entry in the log, this one would change nothing.
    assert.equal((await put({ "X-Fault": "none" })).status, 200);
    await worker.restart();
    assert.deepEqual(await worker.metadata(kind, id), metadata);
  }
});

test("a panic while the isolate starts: its first request is answered, by a new instance", async () => {
  const late = await startWorkerd({ faults: true, vars: { FAULT_AT_START: "panic" } });
  try {
    const project = new Project(late);
    assertNoContent(await project.delete(project.serverItem(await project.server(), "key1")));
  } finally {
    await late.stop();
  }
});

test("beside other requests: each is answered, acknowledged changes are kept, others are old or new", async () => {
  const project = new Project(worker);
  await project.as("member");
  const keys = Array.from({ length: 20 }, (_, at) => `key${at}`);
  const servers = await Promise.all(
    Array.from({ length: 8 }, () => project.server({ metadata: Object.fromEntries(keys.map((key) => [key, "v"])) })),
  );
  const victim = await project.server();
  const acknowledged = new Map(servers.map((id) => [id, new Set<string>()]));
  const unknown = new Map(servers.map((id) => [id, new Set<string>()]));
  let working = true;
  const faults = (async () => {
    let hurt = 0;
    for (; working && hurt < 200; hurt += 1) {
      const fault = FAULTS[hurt % FAULTS.length] as string;
      // Hangs take until the deadline and affect no other request.
      if (fault.endsWith("hang")) continue;
      const { status } = await project.delete(project.serverItem(victim, "key1"), { headers: { "X-Fault": fault } });
      assert.ok(status === 503 || status === 404, String(status));
      tally("panics, hangs and exhaustions survived", 1);
    }
    return hurt;
  })();
  await Promise.all(
    servers.map(async (id) => {
      for (const key of keys) {
        const answer = await project.delete(project.serverItem(id, key));
        assert.ok(answer.milliseconds < DEADLINE_MS * 2.5, `${answer.milliseconds} ms`);
        if (answer.status === 204) acknowledged.get(id)?.add(key);
        else {
          assertUnavailable(answer);
          unknown.get(id)?.add(key);
        }
      }
    }),
  );
  working = false;
  assert.ok((await faults) > 0);
  for (const id of servers) {
    const left = Object.keys((await worker.metadata("servers", id)) ?? { gone: "" });
    for (const key of left) assert.ok(unknown.get(id)?.has(key), `${id} ${key} was answered 204 and is there`);
  }
  tally(
    "changes acknowledged and found",
    [...acknowledged.values()].reduce((sum, { size }) => sum + size, 0),
  );
});
