// How long a change takes to the other side, while nothing else happens and while much does.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import type { Cloud } from "./cloud.ts";
import { subject } from "./subject.ts";
import { until } from "./wait.ts";

const SECONDS = Number(process.env["CLOUD_LAG_SECONDS"] ?? 60);
/** What one that is slow but works never needs: a lag above it is a defect, not a slow machine. */
const WORST_MS = { idle: 5_000, busy: 30_000 };

export function lag(cloud: Cloud): void {
  subject("lag", cloud, (given) => {
    const measured = randomUUID();
    const others = Array.from({ length: 8 }, () => randomUUID());

    before(async () => {
      await cloud.servers([measured, ...others].map((id) => ({ id, metadata: { k: "begin" } })));
      const { code } = await given().bridge.command(["import"]);
      assert.equal(code, 0, given().bridge.tail());
      await given().bridge.start();
    });
    after(async () => assert.equal(await given().bridge.stop(), 0, given().bridge.tail()));

    for (const load of ["idle", "busy"] as const) {
      test(`lag each way while it is ${load}, ${SECONDS} seconds`, async (t) => {
        const { edge, member } = given();
        const end = Date.now() + SECONDS * 1000;
        const busy = load === "busy" ? writers() : Promise.resolve();
        const lags: Record<"to the edge" | "to Nova", number[]> = { "to the edge": [], "to Nova": [] };
        for (let number = 0; Date.now() < end; number += 1) {
          const value = `${load} ${number}`;
          const { status } = await member.nova("PUT", `/servers/${measured}/metadata/n`, { meta: { n: value } });
          assert.equal(status, 200);
          lags["to the edge"].push(await took(async () => (await edge.metadata("servers", measured))?.["n"] === value));
          assert.equal((await edge.put("servers", measured, "e", value)).status, 200);
          // The mark goes after Nova has taken the change. To ask Nova itself all the time would slow it down.
          lags["to Nova"].push(await took(async () => !(await edge.marks("servers", measured)).includes("e")));
          assert.equal((await given().original("servers", measured))?.["e"], value);
        }
        await busy;
        for (const [way, values] of Object.entries(lags)) {
          const sorted = values.sort((one, other) => one - other);
          const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? NaN;
          t.diagnostic(`${way}: p50 ${at(0.5).toFixed(0)} ms, p99 ${at(0.99).toFixed(0)} ms of ${sorted.length}`);
          assert.ok(at(0.99) < WORST_MS[load], `${way}: p99 ${at(0.99)} ms`);
        }

        /** Changes on both sides, on other servers: so many that Nova can just do them on a small machine. */
        async function writers(): Promise<void> {
          const write = async (id: string, first: boolean): Promise<void> => {
            for (let number = 0; Date.now() < end; number += 1) {
              if (first) await edge.put("servers", id, "k", `${number}`);
              else await member.nova("PUT", `/servers/${id}/metadata/k`, { meta: { k: `${number}` } });
              await sleep(1_000);
            }
          };
          await Promise.all(others.map((id, at) => write(id, at % 2 === 0)));
        }
      });
    }

    async function took(arrived: () => Promise<boolean>): Promise<number> {
      const since = performance.now();
      await until("the change on the other side", arrived, { every: 10, why: () => given().bridge.tail() });
      return performance.now() - since;
    }
  });
}
