// Tokens that nobody has issued: the same one again and again costs one question in five seconds.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, test } from "node:test";

import { tokenKey } from "../harness.ts";
import { startKeystone } from "../keystone-fake.ts";
import { startWorkerd } from "../workerd.ts";
import { startKv } from "./kv.ts";

const REMEMBERED_MS = 5_000;

const kv = await startKv();
const keystone = await startKeystone();
const credential = {
  KEYSTONE_APPLICATION_CREDENTIAL_ID: randomBytes(16).toString("hex"),
  KEYSTONE_APPLICATION_CREDENTIAL_SECRET: randomBytes(24).toString("base64url"),
};
const embedded = await startWorkerd({ kv });
const federated = await startWorkerd({ vars: { KEYSTONE_URL: keystone.url } });
const withCredential = await startWorkerd({ vars: { KEYSTONE_URL: keystone.url, ...credential } });
after(async () => {
  await Promise.all([embedded.stop(), federated.stop(), withCredential.stop()]);
  await Promise.all([kv.stop(), keystone.stop()]);
});

const madeUp = (): string => `gAAAAA${randomBytes(48).toString("base64url")}`;

for (const { name, worker, asked } of [
  { name: "KV", worker: embedded, asked: (token: string) => kv.reads.filter((key) => key === tokenKey(token)) },
  {
    name: "Keystone",
    worker: federated,
    asked: (token: string) => keystone.asked.filter(({ headers }) => headers["x-subject-token"] === token),
  },
]) {
  test(`${name} is asked once in five seconds about the same made-up token`, async () => {
    const token = madeUp();
    const began = performance.now();
    for (let round = 0; round < 10; round += 1) {
      const request = () => worker.request("DELETE", "/servers/none/metadata/key", { token });
      const answers = await Promise.all(Array.from({ length: 20 }, request));
      for (const { status, text } of answers) assert.equal(status, 401, text);
    }
    const most = Math.ceil((performance.now() - began) / REMEMBERED_MS);
    assert.ok(asked(token).length <= most, `${name} was asked ${asked(token).length} times`);
  });
}

test("the Worker's own token is fetched once for all requests that need it", async () => {
  keystone.behaviour = keystone.issuing;
  keystone.asked.length = 0;
  const tokens = Array.from({ length: 20 }, () => keystone.token());
  const answers = await Promise.all(tokens.map((token) => withCredential.request("GET", "/servers/none/metadata", { token })));
  for (const { status, text } of answers) assert.equal(status, 404, text);
  assert.equal(keystone.asked.filter(({ method }) => method === "POST").length, 1);
});
