// Only Keystone's own words decide about a token: what another server, or a proxy before it, says of a path is no verdict.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, beforeEach, test } from "node:test";

import { startWorker } from "./harness.ts";
import { fault, json, startKeystone, type Behaviour } from "./keystone-fake.ts";
import { ask, assertKeystoneUnavailable, assertKnown, assertRefused, logged, publicUrl } from "./keystone-probe.ts";

const keystone = await startKeystone();
const settings = { KEYSTONE_URL: keystone.url, KEYSTONE_PUBLIC_URL: publicUrl };
const credential = {
  KEYSTONE_APPLICATION_CREDENTIAL_ID: randomBytes(16).toString("hex"),
  KEYSTONE_APPLICATION_CREDENTIAL_SECRET: randomBytes(24).toString("base64url"),
};
const worker = await startWorker({ vars: settings });
after(async () => {
  await worker.stop();
  await keystone.stop();
});
beforeEach(() => {
  keystone.behaviour = undefined;
  keystone.asked.length = 0;
});

/** Answers with this body, whatever it is. */
function says(status: number, body: string): Behaviour {
  return (response) => void response.writeHead(status, { "Content-Type": "text/html" }).end(body);
}

const bodies: [what: string, body: string, logged: string][] = [
  ["a proxy's page", "<!doctype html>\n<title>404</title>", "HTML"],
  ["no body", "", "no body"],
  ["plain text", "404 page not found\n", "19 bytes that are not JSON"],
  ["half an error", '{"error": {"code": 40', "21 bytes that are not JSON"],
  ["another service's error", '{"itemNotFound": {"code": 404, "message": "x"}}', "JSON"],
  ["a gateway's error", '{"error": "Not Found"}', "JSON"],
  ["an error of another code", '{"error": {"code": 400, "message": "x", "title": "Bad Request"}}', "JSON"],
];

for (const status of [401, 403, 404]) {
  for (const [what, body, content] of bodies) {
    test(`503: ${status} with ${what} is no verdict, and the log says what was met and where`, async () => {
      const token = keystone.token();
      keystone.behaviour = says(status, body);
      assertKeystoneUnavailable(await ask(worker, token));
      assert.equal(keystone.asked.length, 1);
      await logged(worker, `${keystone.url}/auth/tokens answered ${status} with ${content}, which is no error of Keystone's`);
      // The token was not found invalid: the next request asks again.
      keystone.behaviour = undefined;
      assertKnown(await ask(worker, token));
    });
  }
}

for (const [what, body, content] of bodies) {
  test(`503: 200 with ${what} is no token, and the log says what was met and where`, async () => {
    keystone.behaviour = says(200, body);
    assertKeystoneUnavailable(await ask(worker, keystone.token()));
    await logged(worker, `${keystone.url}/auth/tokens answered 200 with ${content}, which is no token`);
  });
}

test("401: an error as Keystone writes it, whatever its text", async () => {
  for (const status of [401, 404]) {
    keystone.behaviour = (response) => json(response, status, { error: { code: status, extra: [1], title: null } });
    assertRefused(await ask(worker, keystone.token()));
  }
});

test("503: KEYSTONE_URL with one path too many turns no valid token into a 401", async () => {
  const lost = await startWorker({ vars: { ...settings, KEYSTONE_URL: keystone.url.replace("/v3", "/identity/v3") } });
  try {
    keystone.behaviour = (response, question) =>
      question.url.startsWith("/v3/") ? keystone.honest(response, question) : says(404, "<html>")(response, question);
    for (const token of [keystone.token(), randomBytes(16).toString("hex")]) {
      assertKeystoneUnavailable(await ask(lost, token));
    }
    await logged(lost, "/identity/v3/auth/tokens answered 404 with HTML", "KEYSTONE_URL must name a Keystone");
  } finally {
    await lost.stop();
  }
});

test("503: an application credential is not blamed for what a proxy says", async () => {
  for (const status of [401, 404]) {
    const withCredential = await startWorker({ vars: { ...settings, ...credential } });
    try {
      keystone.behaviour = says(status, "<html>");
      assertKeystoneUnavailable(await ask(withCredential, keystone.token()));
      await logged(withCredential, `answered ${status} with HTML`);
      assert.ok(withCredential.logs().every((line) => !line.includes("rejects")));
    } finally {
      await withCredential.stop();
    }
  }
});

test("503: a proxy's 404 to the question about the Worker's own token makes no user's token invalid", async () => {
  const withCredential = await startWorker({ vars: { ...settings, ...credential } });
  try {
    keystone.behaviour = (response, question) => {
      if (question.method === "POST") return keystone.issuing(response, question);
      const isAboutItself = question.headers["x-auth-token"] === question.headers["x-subject-token"];
      return isAboutItself ? says(404, "<html>")(response, question) : fault(response, 404);
    };
    assertKeystoneUnavailable(await ask(withCredential, keystone.token()));
    await logged(withCredential, "answered 404 with HTML");
  } finally {
    await withCredential.stop();
  }
});
