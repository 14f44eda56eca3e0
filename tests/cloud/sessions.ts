// How the bridge shows who it is: to Keystone, and with Keystone's token to the Worker.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, test } from "node:test";

import { startWorker, type Worker } from "../harness.ts";
import { Bridge } from "./bridge.ts";
import type { Cloud } from "./cloud.ts";
import { subject } from "./subject.ts";
import { until } from "./wait.ts";

export function sessions(cloud: Cloud): void {
  subject("sessions", cloud, (given) => {
    let worker: Worker;
    let bridge: Bridge;
    const id = randomUUID();
    let token = "";

    before(async () => {
      worker = await startWorker({ vars: { CHANGES: "keep", KEYSTONE_URL: cloud.keystone.url } });
      // A user by password, inside, whose token the Worker takes as Keystone does.
      const options = { auth: "password", interface: "internal" } as const;
      bridge = await Bridge.prepare("inside", { cloud, edge: worker.url, ...options });
      await cloud.servers([{ id, metadata: { k: "v" } }]);
      token = cloud.admin.token;
    });
    after(async () => {
      await bridge.kill();
      await worker.stop();
    });

    async function metadata(): Promise<Record<string, string> | undefined> {
      const answer = await worker.request("GET", `/registry/servers/${id}`, { token });
      return answer.status === 200 ? (answer.json().server.metadata as Record<string, string>) : undefined;
    }

    test("a password, the internal interface and Keystone's own token for the Worker", async () => {
      const { code } = await bridge.command(["import"]);
      assert.equal(code, 0, bridge.tail());
      assert.deepEqual(await metadata(), { k: "v" });
    });

    test("a token that was taken back is renewed, at Nova and at the Worker", async () => {
      await bridge.start();
      await revokeAll();
      const { status } = await given().member.nova("PUT", `/servers/${id}/metadata/k`, { meta: { k: "w" } });
      assert.equal(status, 200);
      await until("the change", async () => (await metadata())?.["k"] === "w", { within: 60_000, why: () => bridge.tail() });
      assert.equal(await bridge.stop(), 0, bridge.tail());
    });

    /** Takes back every token of the bridge's user: it is disabled for a moment. */
    async function revokeAll(): Promise<void> {
      const user = `/users/${cloud.bridgeUser.id}`;
      await cloud.keystone.manage("PATCH", user, { user: { enabled: false } });
      await cloud.keystone.manage("PATCH", user, { user: { enabled: true } });
    }

    test("a bad setting is named before anything is asked", async () => {
      const { code, log } = await given().bridge.command(["--config", "none.toml", "check"]);
      assert.equal(code, 2);
      assert.match(log.map(({ message }) => message).join("\n"), /none\.toml: No such file/);
    });
  });
}
