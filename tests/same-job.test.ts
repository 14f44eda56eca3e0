// The yardstick of `npm run bench` does the whole job, or its figures say nothing.
import assert from "node:assert/strict";
import { test } from "node:test";

import { checkConformance } from "../benches/conformance.ts";

test("the same job in JavaScript answers and logs each request as the Worker does", async () => {
  await assert.doesNotReject(checkConformance());
});
