// The lists: what each entry says, pages, finding one, and what is said when there is nothing to list.
import assert from "node:assert/strict";
import { test } from "node:test";

import { Project, visit } from "./site.ts";

const FILE = "list";

test("an entry says its name, its state and how many items it has", async () => {
  const project = new Project(FILE);
  await project.server({ name: "plain", created: "2026-01-01T00:00:00Z" });
  await project.server({ name: "locked", locked: true, metadata: { only: "one" }, created: "2026-01-02T00:00:00Z" });
  await project.server({ name: "busy", task_state: "image_snapshot", metadata: {}, created: "2026-01-03T00:00:00Z" });
  await project.server({ name: "broken", vm_state: "error", created: "2026-01-04T00:00:00Z" });
  const nameless = await project.server({ name: "  ", vm_state: "stopped", created: "2026-01-05T00:00:00Z" });
  await project.image({ name: "debian" });
  await visit({ token: project.token("member") }, async ({ page, picture }) => {
    const entries = page.getByRole("region", { name: "Servers" }).getByRole("link");
    await entries.first().waitFor();
    assert.deepEqual(
      (await entries.allInnerTexts()).map((text) => text.split(/\s*\n\s*/)),
      [
        [nameless, "2 items", "Shutoff"],
        ["broken", "2 items", "Error"],
        ["busy", "0 items", "Active", "Image snapshot"],
        ["locked", "1 item", "Active", "Locked"],
        ["plain", "2 items", "Active"],
      ],
    );
    await picture("list");
    await page.getByRole("link", { name: "Images 1" }).click();
    const images = page.getByRole("region", { name: "Images" }).getByRole("link");
    assert.deepEqual(
      (await images.allInnerTexts()).map((text) => text.split(/\s*\n\s*/)),
      [["debian", "2 items", "Active"]],
    );
    assert.equal(await page.title(), "Images · edge-metadata");
    assert.equal(await page.getByRole("link", { name: "Images 1" }).getAttribute("aria-current"), "page");
  });
});

test("a list of several pages: more is shown when asked for, and found by name", async () => {
  const project = new Project(FILE);
  const names = Array.from({ length: 104 }, (_, at) => `server-${String(at).padStart(3, "0")}`);
  for (let at = 0; at < names.length; at += 8) {
    await Promise.all(
      names
        .slice(at, at + 8)
        .map((name, after) =>
          project.server({ name, created: new Date(Date.UTC(2026, 0, 1) + (at + after) * 60_000).toISOString() }),
        ),
    );
  }
  await visit({ token: project.token("member") }, async ({ page, calls }) => {
    const entries = page.getByRole("region", { name: "Servers" }).getByRole("link");
    await page.getByRole("link", { name: "Servers 100+" }).waitFor();
    assert.equal(await entries.count(), 100);
    const search = page.getByRole("searchbox", { name: "Find servers by name or id" });
    await search.fill("SERVER-002");
    await page.getByText("Nothing so far has that name or id.").waitFor();
    await page.getByRole("button", { name: "Show more" }).click();
    await page.getByRole("link", { name: /server-002/ }).waitFor();
    assert.equal(await entries.count(), 1);
    await search.fill("");
    assert.equal(await entries.count(), 104);
    assert.deepEqual(await entries.locator(".entry-name").allInnerTexts(), names.toReversed());
    await search.fill("nothing has this name");
    await page.getByText("Nothing has that name or id.").waitFor();
    assert.equal(await page.getByRole("button", { name: "Show more" }).count(), 0);
    assert.equal(calls().filter((call) => call === "GET /v2.1/servers/detail").length, 2);
  });
});

test("the link to the next page names a query, and never another host", async () => {
  const project = new Project(FILE);
  await project.server();
  await visit({}, async ({ page, signIn }) => {
    await page.route("**/v2.1/servers/detail", async (route) => {
      const answer = await route.fetch();
      const body = await answer.json();
      await route.fulfill({
        response: answer,
        json: { ...body, servers_links: [{ rel: "next", href: "https://elsewhere.example/v2.1/servers/detail?marker=x" }] },
      });
    });
    await signIn(project.token("member"));
    const next = page.waitForRequest((request) => request.url().endsWith("?marker=x"));
    await page.getByRole("button", { name: "Show more" }).click();
    assert.equal(new URL((await next).url()).pathname, "/v2.1/servers/detail");
    // The service knows no such marker: the fault is shown, and what was listed stays.
    await page.getByRole("alert").filter({ hasText: "marker [x] not found" }).waitFor();
    await page.getByRole("link", { name: /web-1/ }).waitFor();
  });
});

test("a project without servers, and a token without a role", async () => {
  const project = new Project(FILE);
  await visit({ token: project.token("member") }, async ({ page }) => {
    await page.getByText("This project has no servers here.").waitFor();
  });
  await visit({ token: project.token("service") }, async ({ page }) => {
    const alert = page.getByRole("alert");
    await alert.waitFor();
    const text = await alert.innerText();
    assert.match(text, /This token may not look at servers/);
    assert.match(text, /Policy doesn't allow os_compute_api:servers:detail to be performed\./);
    assert.match(text, /req-[0-9a-f-]{36}/);
  });
});

test("a list that could not be read is read again when asked", async () => {
  const project = new Project(FILE);
  await project.server();
  await visit({}, async ({ page, signIn }) => {
    let isDown = true;
    await page.route("**/v2.1/servers/detail", (route) =>
      isDown
        ? route.fulfill({
            status: 503,
            headers: { "Retry-After": "1" },
            json: { serviceUnavailable: { message: "The metadata store is temporarily unavailable.", code: 503 } },
          })
        : route.continue(),
    );
    await signIn(project.token("member"));
    await page.getByRole("alert").filter({ hasText: "The metadata store is temporarily unavailable." }).waitFor();
    isDown = false;
    await page.getByRole("button", { name: "Try again" }).click();
    await page.getByRole("link", { name: /web-1/ }).waitFor();
    assert.equal(await page.getByRole("alert").count(), 0);
  });
});

test("what is learned of a server while it is open is in the list as well", async () => {
  const project = new Project(FILE);
  const id = await project.server();
  await visit({ token: project.token("member") }, async ({ page }) => {
    await page.getByRole("link", { name: /web-1/ }).click();
    await page.getByRole("button", { name: "Delete owner" }).click();
    await page.getByRole("link", { name: /web-1\s+1 item/ }).waitFor();
    await project.change("servers", id, { vm_state: "paused", name: "web-one" });
    await page.getByRole("button", { name: "Refresh" }).click();
    await page.getByRole("link", { name: /web-one\s+1 item\s+Paused/ }).waitFor();
    assert.equal(await page.getByRole("link", { name: /web-one/ }).getAttribute("aria-current"), "page");
  });
});
