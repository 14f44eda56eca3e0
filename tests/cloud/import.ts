// The first fill of an edge, interrupted and resumed.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { before, test } from "node:test";

import type { Cloud } from "./cloud.ts";
import { subject } from "./subject.ts";

const SERVERS = 3_000;
const IMAGES = 300;

export function imports(cloud: Cloud): void {
  subject("import", cloud, (given) => {
    const first = randomUUID();
    const servers = Array.from({ length: SERVERS }, () => randomUUID());
    const images = Array.from({ length: IMAGES }, () => randomUUID());

    before(async () => {
      await cloud.servers([{ id: first, metadata: {} }]);
    });

    async function fill(): Promise<void> {
      await cloud.servers(servers.map((id, number) => ({ id, metadata: { number: String(number) } })));
      await cloud.images(
        images.map((id, number) => ({
          ...{ id, metadata: { number: String(number) } },
          ...(number % 10 === 0 ? { visibility: "shared" as const, members: [cloud.serviceProject] } : {}),
        })),
      );
    }

    // Of the small cloud: Nova takes half a minute to list a large one.
    test("a dry run reads everything and sends nothing", async () => {
      const { bridge, edge } = given();
      const { code, lines } = await bridge.command(["import", "--dry-run"]);
      assert.equal(code, 0, bridge.tail());
      assert.ok(lines[0].servers.read >= 1, JSON.stringify(lines));
      assert.equal(await edge.record("servers", first), null);
    });

    test(`an import of ${SERVERS} servers and ${IMAGES} images, killed twice, goes on where it was`, async (t) => {
      const { bridge, edge } = given();
      const imported =
        (kind: string, least: number) =>
        (log: { message: string; [field: string]: unknown }[]): boolean =>
          log.some((line) => line.message === "imported" && line["kind"] === kind && Number(line["read"]) >= least);
      await fill();
      const began = performance.now();
      assert.equal((await bridge.command(["import"], imported("server", 1_000))).code, -1);
      assert.equal((await bridge.command(["import"], imported("server", 2_200))).code, -1);
      const { code, lines, log } = await bridge.command(["import"]);
      assert.equal(code, 0, bridge.tail());
      t.diagnostic(`${((performance.now() - began) / 1000).toFixed(1)} s in all: ${JSON.stringify(lines[0])}`);
      const resumed = log.find(({ message }) => message === "goes on where it was");
      assert.ok(Number(resumed?.["done"]) >= 2_200, JSON.stringify(resumed));
      assert.ok(lines[0].servers.read >= SERVERS && lines[0].images.read >= IMAGES, JSON.stringify(lines));
      for (const [kind, ids] of [
        ["servers", servers],
        ["images", images],
      ] as const) {
        for (const number of [0, 1, 150, 299, ids.length - 1]) {
          assert.deepEqual(await edge.metadata(kind, ids[number] as string), { number: String(number) });
        }
      }
      const { visibility, members } = await edge.record("images", images[10] as string);
      assert.deepEqual({ visibility, members }, { visibility: "shared", members: [cloud.serviceProject] });
    });

    test("everything is at the edge: verify finds nothing", async () => {
      const { bridge } = given();
      const { code, lines } = await bridge.command(["verify"]);
      assert.equal(code, 0, bridge.tail());
      assert.ok(lines.at(-1).summary.compared >= SERVERS + IMAGES, JSON.stringify(lines.at(-1)));
    });
  });
}
