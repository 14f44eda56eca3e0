// The API's description as a page: all of it is there, requests are tried from it, and it asks nobody else.
import assert from "node:assert/strict";
import { test } from "node:test";

import { document, operations } from "../../scripts/openapi-document.mjs";
import { Project, demo, origin, visit } from "./site.ts";

const FILE = "description";

for (const colorScheme of ["light", "dark"] as const) {
  test(`every operation that can be tried is in the description: ${colorScheme}`, async () => {
    await visit({ path: "/ui/api", colorScheme }, async ({ page, picture }) => {
      const entries = page.locator("rapi-doc .nav-bar-path");
      await entries.first().waitFor();
      const described = operations.filter(({ method }) => method !== "HEAD" && method !== "OPTIONS");
      assert.equal(await entries.count(), described.length);
      const text = (await page.locator("rapi-doc .nav-bar").innerText()).toLowerCase();
      const paths = document["paths"] as Record<string, Record<string, { summary: string }>>;
      for (const { template, method } of described) {
        const summary = paths[template]?.[method.toLowerCase()]?.summary ?? "";
        assert.ok(text.includes(summary.toLowerCase()), summary);
      }
      await picture(`description, ${colorScheme}`);
    });
  });
}

test("a request is tried with a token, and nobody else hears of it", async () => {
  const project = new Project(FILE);
  const id = await project.server();
  const token = project.token("member");
  await visit({ path: "/ui/api" }, async ({ page, requests, picture }) => {
    await page.locator("rapi-doc").getByText("Authentication").first().click();
    await page.getByPlaceholder("api-token").first().fill(token);
    await page.getByRole("button", { name: "SET" }).first().click();
    await page.locator("[id='link-delete-/servers/-server_id-/metadata/-key-']").click();
    const form = page.locator("rapi-doc");
    await form.locator("input[data-pname=server_id]").fill(id);
    await form.locator("input[data-pname=key]").fill("owner");
    await form.getByRole("button", { name: "TRY" }).click();
    await form.getByText("Response Status").waitFor();
    await picture("description, tried");
    const sent = requests.find((request) => request.method() === "DELETE");
    assert.equal(sent?.url(), `${origin}/v2.1/servers/${id}/metadata/owner`);
    assert.equal((await sent?.allHeaders())?.["x-auth-token"], token);
    assert.deepEqual(await project.metadata("servers", id), { tier: "gold" });
    const kept = await page.evaluate(
      () => JSON.stringify(localStorage) + JSON.stringify(sessionStorage) + globalThis.document.cookie,
    );
    assert.ok(!kept.includes(token));
  });
});

test("the registry is tried at the root, not below a version", async () => {
  await visit({ path: "/ui/api" }, async ({ page, requests }) => {
    await page.locator("rapi-doc").getByText("Authentication").first().click();
    await page.getByPlaceholder("api-token").first().fill(demo.tokens.admin);
    await page.getByRole("button", { name: "SET" }).first().click();
    await page.locator("[id='link-put-/registry/servers/-server_id-']").click();
    await page.locator("rapi-doc").getByRole("button", { name: "TRY" }).click();
    await page.getByText("Response Status").waitFor();
    const sent = requests.find((request) => request.method() === "PUT");
    assert.match(sent?.url() ?? "", new RegExp(`^${origin}/registry/servers/[0-9a-f-]{36}$`));
    assert.match(await page.locator("rapi-doc").getByText("Response Status").innerText(), /20[01]/);
  });
});

test("it is readable 360 pixels wide", async () => {
  await visit({ path: "/ui/api", viewport: { width: 360, height: 740 } }, async ({ page, picture }) => {
    // RapiDoc's title is no heading.
    await page.locator("rapi-doc #api-title").filter({ hasText: "edge-metadata" }).waitFor();
    assert.ok((await page.evaluate(() => globalThis.document.documentElement.scrollWidth)) <= 360);
    await picture("description, 360 pixels");
  });
});

test("without a description the page says so", async () => {
  await visit({}, async ({ page }) => {
    await page.route("**/openapi.json", (route) => route.fulfill({ status: 503, body: "" }));
    await page.goto(`${origin}/ui/api`);
    await page.getByRole("alert").getByText("The description could not be shown").waitFor();
  });
});
