// What a first request runs was compiled when the isolate started, and of that nobody hears.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { startWorkerd, type PlainWorkerd } from "./workerd.ts";

/** How many functions V8 has compiled, once it has told of all of them. */
async function compiled(worker: PlainWorkerd): Promise<number> {
  for (let count = -1; ; await sleep(200)) {
    const now = worker.logs().filter((line) => line.startsWith("Compiled function")).length;
    if (now === count) return now;
    count = now;
  }
}

const PATHS = ["/", "/v2.1/servers/1/metadata/key"];
const BASES = ["", "/compute"];

for (const base of BASES) {
  for (const path of PATHS) {
    test(`GET ${base}${path} has few functions compiled that the start has not`, async () => {
      const vars = { API_BASE_PATH: base };
      const worker = await startWorkerd({ vars, v8Flags: ["--trace-wasm-compilation-times"] });
      try {
        const atStart = await compiled(worker);
        const { status } = await worker.request("GET", base + path);
        const after = await compiled(worker);
        assert.equal(status, path === "/" ? 200 : 401);
        assert.ok(atStart > 150, `${atStart} functions were compiled at the start`);
        assert.ok(after > atStart, "not even the entrance was compiled");
        assert.ok(after - atStart < 50, `${after - atStart} functions were compiled for the request`);
      } finally {
        await worker.stop();
      }
    });
  }
}

test("an isolate that starts logs nothing, whether or not it is configured", async () => {
  for (const vars of [{}, { METADATA_ITEMS: "many" }]) {
    const worker = await startWorkerd({ vars });
    try {
      await sleep(200);
      assert.deepEqual(worker.logs(), []);
    } finally {
      await worker.stop();
    }
  }
});
