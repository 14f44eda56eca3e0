// Who is asking: a pasted token, the demo's by one click, and what is left of a token afterwards.
import assert from "node:assert/strict";
import { test } from "node:test";

import { Project, demo, origin, visit } from "./site.ts";

const FILE = "sign-in";

test("a pasted token opens the project's servers", async () => {
  const project = new Project(FILE);
  await project.server({ name: "web-1" });
  await visit({}, async ({ page, picture }) => {
    await page.getByRole("heading", { name: "Servers, images and their metadata" }).waitFor();
    await page.getByRole("button", { name: "Use the demo" }).waitFor();
    await picture("sign-in");
    // Straight to where it is pasted.
    await page.keyboard.type(project.token("member"));
    await page.keyboard.press("Enter");
    await page.getByRole("link", { name: /web-1/ }).waitFor();
    assert.equal(await page.title(), "Servers · edge-metadata");
  });
});

test("where the demo is served one click opens it", async () => {
  await visit({}, async ({ page, requests }) => {
    await page.getByRole("button", { name: "Use the demo" }).click();
    await page.getByText("This project has no servers here.").waitFor();
    const tokens = await Promise.all(requests.map(async (request) => (await request.allHeaders())["x-auth-token"]));
    assert.ok(tokens.includes(demo.tokens.member));
  });
});

test("where no demo is served none is offered", async () => {
  await visit({}, async ({ page }) => {
    await page.route("**/demo.json", (route) => route.fulfill({ status: 404, contentType: "text/html", body: "<p>Not found" }));
    await page.reload();
    await page.getByLabel("Token").waitFor();
    await page.waitForLoadState("networkidle");
    assert.equal(await page.getByRole("button", { name: "Use the demo" }).count(), 0);
  });
});

// Both lists are asked for at once, and either answer may come first.
for (const [first, second] of [
  ["servers", "images"],
  ["images", "servers"],
] as const) {
  test(`a token that the service does not accept: the fault, and its request id, where the ${first} answer first`, async () => {
    await visit({}, async ({ page }) => {
      const alert = page.getByRole("alert").filter({ hasText: "Signed out" });
      await page.route(`**/${second}/detail`, async (route) => {
        await alert.waitFor();
        await route.continue();
      });
      const answered = page.waitForResponse(`**/${first}/detail`);
      const late = page.waitForResponse(`**/${second}/detail`);
      await page.getByLabel("Token").fill("no-such-token");
      await page.getByRole("button", { name: "Open" }).click();
      await alert.waitFor();
      const text = await alert.innerText();
      assert.match(text, /it is unknown, has expired or was taken back/);
      assert.ok(text.includes("The request you have made requires authentication."));
      assert.ok(text.includes((await (await answered).allHeaders())["x-compute-request-id"] as string));

      // What comes after the session changes nothing.
      const url = (await late).url();
      await page.waitForFunction((url) => performance.getEntriesByName(url).length > 0, url);
      assert.equal(await alert.innerText(), text);
      assert.equal(await page.getByRole("button", { name: "Sign out" }).count(), 0);
    });
  });
}

for (const [token, problem] of [
  ["", "A token is needed."],
  ["two words", "A token has no spaces and no letters beyond ASCII."],
  ["clé", "A token has no spaces and no letters beyond ASCII."],
] as const) {
  test(`what cannot be a token is not sent: ${JSON.stringify(token)}`, async () => {
    await visit({}, async ({ page, calls }) => {
      const input = page.getByLabel("Token");
      await input.fill(token);
      await page.getByRole("button", { name: "Open" }).click();
      await page.getByText(problem).waitFor();
      assert.equal(await input.getAttribute("aria-invalid"), "true");
      assert.deepEqual(calls(), []);
    });
  });
}

test("a token is kept in memory alone, and a reload or signing out forgets it", async () => {
  const project = new Project(FILE);
  const token = project.token("member");
  const id = await project.server();
  await visit({ token }, async ({ page, requests, signIn }) => {
    await page.getByRole("link", { name: /web-1/ }).click();
    await page.getByRole("button", { name: "Delete owner" }).waitFor();
    const kept = await page.evaluate(async () => ({
      local: JSON.stringify(localStorage),
      session: JSON.stringify(sessionStorage),
      cookies: document.cookie,
      databases: (await indexedDB.databases()).length,
      caches: (await caches.keys()).length,
      workers: (await navigator.serviceWorker.getRegistrations()).length,
      address: location.href,
      history: JSON.stringify(history.state),
      document: document.documentElement.outerHTML,
      input: [...document.querySelectorAll("input")].map(({ value }) => value).join(),
    }));
    assert.deepEqual(
      { ...kept, document: "", address: "" },
      {
        local: "{}",
        session: "{}",
        cookies: "",
        databases: 0,
        caches: 0,
        workers: 0,
        history: "null",
        input: "",
        document: "",
        address: "",
      },
    );
    assert.ok(!kept.document.includes(token) && !kept.address.includes(token));
    for (const request of requests) assert.ok(!request.url().includes(token), request.url());

    await page.reload();
    await page.getByLabel("Token").waitFor();
    assert.equal(await page.getByText("web-1").count(), 0);

    // The address still says what was open.
    await signIn(token);
    await page.getByRole("heading", { name: "web-1" }).waitFor();
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByLabel("Token").waitFor();
    assert.equal(page.url(), `${origin}/ui/`);
    assert.equal(await page.getByText(id).count(), 0);
    await page.goBack().catch(() => null);
    assert.equal(await page.getByText(id).count(), 0);
  });
});

test("a token that ends while it is used signs out, and says why", async () => {
  const project = new Project(FILE);
  const id = await project.server();
  await visit({ token: project.token("member"), at: `/servers/${id}` }, async ({ page }) => {
    await page.getByRole("button", { name: "Delete owner" }).waitFor();
    await page.route(`**/servers/${id}/metadata`, (route) =>
      route.fulfill({
        status: 401,
        headers: { "X-Compute-Request-Id": "req-11111111-1111-4111-8111-111111111111" },
        json: { error: { code: 401, title: "Unauthorized", message: "The request you have made requires authentication." } },
      }),
    );
    await page.getByRole("button", { name: "Delete owner" }).click();
    await page.getByRole("alert").filter({ hasText: "req-11111111-1111-4111-8111-111111111111" }).waitFor();
    await page.getByLabel("Token").waitFor();
    assert.equal(await page.getByText(id).count(), 0);
  });
});
