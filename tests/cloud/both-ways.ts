// What Nova and Glance know is at the edge, and what is changed at the edge is in Nova and Glance.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, test } from "node:test";

import type { Cloud } from "./cloud.ts";
import { subject } from "./subject.ts";
import { eventually, until } from "./wait.ts";

const ROUNDS = 40;
/** Rounds at once. */
const ABREAST = 4;

export function bothWays(cloud: Cloud): void {
  subject("both ways", cloud, (given) => {
    const servers = Array.from({ length: ROUNDS }, () => randomUUID());
    const metadata = { nova1: "a", nova2: "b", edge1: "c", edge2: "d", both: "e", stays: "f" };

    before(async () => {
      await cloud.servers(servers.map((id) => ({ id, metadata })));
      const { code, lines } = await given().bridge.command(["import"]);
      assert.equal(code, 0, given().bridge.tail());
      assert.equal(lines[0].servers.registered >= ROUNDS, true, JSON.stringify(lines));
      await given().bridge.start();
    });
    after(async () => assert.equal(await given().bridge.stop(), 0, given().bridge.tail()));

    /** A server of its own, at the edge already. */
    async function server(items: Record<string, string> = {}): Promise<string> {
      const id = randomUUID();
      await cloud.servers([{ id, metadata: items }]);
      // A change of anything announces it.
      const { status } = await given().member.nova("PUT", `/servers/${id}/metadata/made`, { meta: { made: "known" } });
      assert.equal(status, 200);
      await given().inStep("servers", id, { ...items, made: "known" });
      return id;
    }

    async function image(items: Record<string, string> = {}): Promise<string> {
      const id = randomUUID();
      await cloud.images([{ id, metadata: items }]);
      assert.equal((await given().member.patch(id, { op: "add", path: "/made", value: "known" })).status, 200);
      await given().inStep("images", id, { ...items, made: "known" });
      return id;
    }

    test(`two keys deleted at once on both sides, ${ROUNDS} rounds: equal each time`, async () => {
      const { edge, member } = given();
      const queue = [...servers];
      await Promise.all(
        Array.from({ length: ABREAST }, async () => {
          for (let id = queue.pop(); id !== undefined; id = queue.pop()) {
            const path = `/servers/${id}/metadata`;
            const [nova, ...others] = await Promise.all([
              Promise.all(["nova1", "nova2"].map((key) => member.nova("DELETE", `${path}/${key}`))),
              edge.delete("servers", id, "edge1"),
              edge.delete("servers", id, "edge2"),
              edge.delete("servers", id, "both"),
            ]);
            assert.deepEqual(
              nova.map(({ status }) => status),
              [204, 204],
            );
            assert.deepEqual(
              others.map(({ status }) => status),
              [204, 204, 204],
            );
            await given().inStep("servers", id, { stays: "f" });
          }
        }),
      );
    });

    test("a change in Nova is at the edge, whatever it is", async () => {
      const { member, edge } = given();
      const id = await server({ k: "v" });
      await member.nova("POST", `/servers/${id}/metadata`, { metadata: { k: "w", other: "ø" } });
      await member.nova("POST", `/servers/${id}/metadata`, { metadata: { "a b": "c:d" } });
      await given().inStep("servers", id);
      assert.equal((await edge.metadata("servers", id))?.["k"], "w");
      const named = await member.nova("PUT", `/servers/${id}`, { server: { name: "renamed" } });
      assert.equal(named.status, 200, named.text);
      await until("the name", async () => (await edge.record("servers", id)).name === "renamed");
    });

    test("a change at the edge is in Nova, whatever it is", async () => {
      const { member, edge } = given();
      const id = await server({ k: "v", "a b": "x" });
      assert.equal((await edge.put("servers", id, "k", "w")).status, 200);
      assert.equal((await edge.user("DELETE", `/servers/${id}/metadata/a%20b`)).status, 204);
      await given().inStep("servers", id, { k: "w", made: "known" });
      const { json } = await member.nova("GET", `/servers/${id}/metadata`);
      assert.deepEqual(json.metadata, { k: "w", made: "known" });
    });

    test("images go both ways, with who may see them", async () => {
      const { member, edge } = given();
      const id = await image({ os_distro: "debian" });
      assert.equal((await edge.delete("images", id, "os_distro")).status, 204);
      assert.equal((await edge.put("images", id, "k", "v")).status, 200);
      await given().inStep("images", id, { made: "known", k: "v" });
      assert.equal((await member.patch(id, { op: "replace", path: "/visibility", value: "shared" })).status, 200);
      const added = await member.glance("POST", `/images/${id}/members`, { member: cloud.serviceProject });
      assert.equal(added.status, 200, added.text);
      await eventually(async () => {
        const { visibility, members } = await edge.record("images", id);
        assert.deepEqual({ visibility, members }, { visibility: "shared", members: [cloud.serviceProject] });
      });
    });

    test("a server that is locked in Nova refuses a DELETE at the edge", async () => {
      const { edge, member } = given();
      const id = await server({ k: "v" });
      assert.equal((await member.nova("POST", `/servers/${id}/action`, { lock: null })).status, 202);
      await until("locked at the edge", async () => (await edge.record("servers", id)).locked === true);
      const { status, text } = await edge.delete("servers", id, "k");
      assert.equal(status, 409, text);
      assert.match(text, /is locked/);
      await given().inStep("servers", id, { k: "v", made: "known" });
    });

    test("a change that Nova refuses is undone at the edge, and reported", async () => {
      const { edge, bridge } = given();
      const id = await server({ k: "v" });
      // As after a failure on a compute node, which announces it later.
      await cloud.nova.state(id, "error");
      assert.equal((await edge.delete("servers", id, "k")).status, 204);
      await given().inStep("servers", id, { k: "v", made: "known" });
      const line = bridge.log.find((line) => line["id"] === id && line.message.startsWith("refused"));
      assert.match(String(line?.["reason"]), /^409 .*while it is in vm_state error/, bridge.tail());
      assert.equal(line?.["key"], "k");
      assert.equal((await edge.record("servers", id)).vm_state, "error");
      assert.equal((await bridge.metrics()).get('edge_metadata_bridge_changes_total{kind="server",outcome="refused"}'), 1);
    });

    test("a key that would change the image itself is undone at the edge", async () => {
      const { edge, member } = given();
      const id = await image({ k: "v" });
      assert.equal((await edge.put("images", id, "min_ram", "64")).status, 200);
      await given().inStep("images", id, { k: "v", made: "known" });
      assert.equal((await member.glance("GET", `/images/${id}`)).json.min_ram, 0);
    });

    test("a key of an image that is gone in Glance already is no refusal", async () => {
      const { edge, bridge } = given();
      const id = await image({ k: "v" });
      await cloud.glance.forget(id, "k");
      assert.equal((await edge.delete("images", id, "k")).status, 204);
      await given().inStep("images", id, { made: "known" });
      assert.equal(
        bridge.log.some((line) => line["id"] === id && line.message.startsWith("refused")),
        false,
      );
    });

    test("a server that is deleted in Nova is gone at the edge", async () => {
      const { edge, member } = given();
      const id = await server({ k: "v" });
      const { status, text } = await member.nova("DELETE", `/servers/${id}`);
      assert.equal(status, 204, text);
      await until("gone at the edge", async () => (await edge.record("servers", id)) === null);
      assert.equal((await edge.user("GET", `/servers/${id}/metadata`)).status, 404);
    });

    test("an image that is deleted in Glance is gone at the edge", async () => {
      const { edge, member } = given();
      const id = await image();
      assert.equal((await member.glance("DELETE", `/images/${id}`)).status, 204);
      await until("gone at the edge", async () => (await edge.record("images", id)) === null);
    });

    test("what is missing, a ghost and what differs are found, and repaired", async () => {
      const { bridge } = given();
      const [missing, different, kept] = [await server(), await server({ k: "v" }), await server()];
      await bridge.stop();
      try {
        await drift(missing, different, kept);
      } finally {
        await bridge.start();
      }
    });

    async function drift(missing: string, different: string, kept: string): Promise<void> {
      const { edge, bridge } = given();
      const ghost = randomUUID();
      const fields = { project_id: cloud.project, metadata: { who: "nobody" } };
      assert.equal((await edge.registry("PUT", `/servers/${ghost}`, { server: fields })).status, 201);
      assert.equal((await edge.registry("DELETE", `/servers/${missing}`)).status, 204);
      const changed = await edge.registry("PUT", `/servers/${different}`, { server: { metadata: { k: "other" } } });
      assert.equal(changed.status, 200, changed.text);
      // Lists are kept up behind the records.
      await until("the ghost is listed", async () => {
        const answer = await edge.registry("GET", `/servers?project_id=${cloud.project}`);
        assert.equal(answer.status, 200, answer.text);
        return answer.json().servers.some((server: { id: string }) => server.id === ghost);
      });
      const found = await bridge.command(["verify"]);
      assert.equal(found.code, 1, bridge.tail());
      const what = (id: string): unknown => found.lines.find((line) => line.id === id);
      assert.deepEqual(what(missing), { kind: "server", id: missing, what: "missing" });
      assert.deepEqual(what(ghost), { kind: "server", id: ghost, what: "ghost" });
      assert.deepEqual(what(different), {
        kind: "server",
        id: different,
        what: "different",
        fields: ["metadata.k", "metadata.made"],
      });
      assert.equal(what(kept), undefined);
      const repaired = await bridge.command(["verify", "--repair"]);
      assert.equal(repaired.code, 0, bridge.tail());
      assert.equal(repaired.lines.filter((line) => line.repaired).length, 3);
      assert.equal(await edge.record("servers", ghost), null);
      await given().inStep("servers", missing);
      await given().inStep("servers", different, { k: "v", made: "known" });
      const clean = await bridge.command(["verify"]);
      assert.deepEqual([clean.code, clean.lines.at(-1)?.left], [0, 0], JSON.stringify(clean.lines));
    }

    test("it ends by itself with --once, when everything has been carried", async () => {
      const { bridge, edge, member } = given();
      const id = await server();
      await bridge.stop();
      await member.nova("PUT", `/servers/${id}/metadata/n`, { meta: { n: "1" } });
      await edge.put("servers", id, "e", "2");
      try {
        const { code } = await bridge.command(["run", "--once"]);
        assert.equal(code, 0, bridge.tail());
        await given().inStep("servers", id, { made: "known", n: "1", e: "2" }, { within: 0 });
      } finally {
        await bridge.start();
      }
    });
  });
}
