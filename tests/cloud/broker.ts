// What becomes of messages: a broker that loses them, a bridge that is away, a backlog.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { afterEach, before, test } from "node:test";

import { QUEUES, type Cloud } from "./cloud.ts";
import { subject } from "./subject.ts";
import { until } from "./wait.ts";

const [INFO] = QUEUES.nova;
const BACKLOG = 100_000;
/** Servers that the backlog is about. */
const ABOUT = 500;
/** A backlog in memory would be four times this. */
const MOST_MEMORY = 150 * 1024 * 1024;

export function broker(cloud: Cloud): void {
  subject("broker", cloud, (given) => {
    const ids = Array.from({ length: 5 }, () => randomUUID());
    const about = Array.from({ length: ABOUT }, () => randomUUID());

    before(async () => {
      await cloud.servers([...ids, ...about].map((id) => ({ id, metadata: { k: "begin" } })));
      const { code } = await given().bridge.command(["import"]);
      assert.equal(code, 0, given().bridge.tail());
    });

    // A test that fails leaves it running, to the harm of the next.
    afterEach(() => given().bridge.kill());

    async function changeInNova(value: string): Promise<void> {
      for (const id of ids) {
        const { status } = await given().member.nova("PUT", `/servers/${id}/metadata/k`, { meta: { k: value } });
        assert.equal(status, 200);
      }
    }

    test("messages wait while the bridge is away", async () => {
      await changeInNova("away");
      await until("messages wait", async () => ((await cloud.rabbit.waiting("nova", INFO)) ?? 0) >= ids.length);
      await given().bridge.start();
      for (const id of ids) await given().inStep("servers", id, { k: "away" });
      assert.equal(await given().bridge.stop(), 0);
      assert.equal(await cloud.rabbit.waiting("nova", INFO), 0);
    });

    test("a broker restart loses what waits: verify finds it, and --repair mends it", async () => {
      const { bridge, edge } = given();
      await changeInNova("lost");
      await until("messages wait", async () => ((await cloud.rabbit.waiting("nova", INFO)) ?? 0) >= ids.length);
      await cloud.rabbit.restart();
      assert.equal(await cloud.rabbit.waiting("nova", INFO), null, "not durable: the queue itself is gone");
      const { code } = await bridge.command(["run", "--once"]);
      assert.equal(code, 0, bridge.tail());
      for (const id of ids) assert.equal((await edge.metadata("servers", id))?.["k"], "away");
      const found = await bridge.command(["verify"]);
      assert.equal(found.code, 1, bridge.tail());
      const lost = found.lines.filter((line) => ids.includes(line.id));
      assert.deepEqual(
        lost.map(({ what, fields }) => ({ what, fields })),
        ids.map(() => ({ what: "different", fields: ["metadata.k"] })),
      );
      assert.equal((await bridge.command(["verify", "--repair"])).code, 0, bridge.tail());
      for (const id of ids) await given().inStep("servers", id, { k: "lost" });
      assert.equal((await bridge.command(["verify"])).code, 0, bridge.tail());
    });

    test("a bridge that sees a broker restart verifies by itself", async () => {
      const { bridge } = given();
      const begun = bridge.log.length;
      await bridge.start("--verify-every", "1h");
      await bridge.says("verified", 240_000, begun);
      const since = bridge.log.length;
      await cloud.rabbit.kill();
      await cloud.nova.write(ids, "k", "unheard");
      await cloud.rabbit.run();
      const lost = await bridge.says("messages may have been lost: everything is verified", 120_000, since);
      await bridge.says("verified", 240_000, bridge.log.indexOf(lost));
      for (const id of ids) await given().inStep("servers", id, { k: "unheard" });
      assert.equal(await bridge.stop(), 0);
    });

    test(`a backlog of ${BACKLOG} messages is worked off in bounded memory`, async (t) => {
      const { bridge, edge } = given();
      // The queue went with the broker: Nova makes it anew.
      await changeInNova("announces");
      await until("the queue is there", async () => ((await cloud.rabbit.waiting("nova", INFO)) ?? 0) >= ids.length);
      await cloud.rabbit.purge("nova", INFO);
      await cloud.nova.write(about, "k", "announced");
      await cloud.rabbit.publish("nova", INFO, about, BACKLOG / ABOUT);
      // RabbitMQ answers how many there are before it has put the last ones away.
      await until("all of them wait", async () => (await cloud.rabbit.waiting("nova", INFO)) === BACKLOG);
      const pending = async (): Promise<number> => (await bridge.metrics()).get("edge_metadata_bridge_pending") ?? 0;
      let held = { now: 0, most: 0 };
      // With Nova away the bridge holds as much as it ever does: a message of each server.
      await cloud.nova.service.kill();
      try {
        const begun = bridge.log.length;
        await bridge.begin();
        await bridge.says("reading", 120_000, begun);
        await until("it holds what it may", async () => (await pending()) >= ABOUT, {
          within: 400_000,
          every: 500,
          why: () => bridge.tail(),
        });
        held = bridge.memory();
      } finally {
        await cloud.nova.service.start();
      }
      const began = performance.now();
      const left = async (): Promise<number> => ((await cloud.rabbit.waiting("nova", INFO)) ?? 0) + (await pending());
      await until("it is worked off", async () => (await left()) === 0, {
        within: 400_000,
        every: 500,
        why: () => bridge.tail(),
      });
      const seconds = (performance.now() - began) / 1000;
      const { most } = bridge.memory();
      const megabytes = (bytes: number): string => (bytes / 1024 / 1024).toFixed(0);
      t.diagnostic(
        `memory: ${megabytes(held.now)} MB with Nova away, ${megabytes(most)} MB at most; worked off in ${seconds.toFixed(0)} s`,
      );
      assert.ok(most < MOST_MEMORY, `${megabytes(most)} MB`);
      for (const id of about.slice(0, 20)) assert.equal((await edge.metadata("servers", id))?.["k"], "announced");
      assert.equal(await bridge.stop(), 0);
    });
  });
}
