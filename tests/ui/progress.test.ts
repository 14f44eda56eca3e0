// What takes long shows that it is under way, and what does not take long does not flicker.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { Project, visit } from "./site.ts";

const FILE = "progress";

test("a slow answer: a bar, the item says what is under way, and words when it takes very long", async () => {
  const project = new Project(FILE);
  const id = await project.server();
  await visit({ token: project.token("member"), at: `/servers/${id}` }, async ({ page, item, calls, picture }) => {
    await page.getByRole("button", { name: "Delete owner" }).waitFor();
    let answer = (): void => {};
    const held = new Promise<void>((resolve) => (answer = resolve));
    await page.route("**/metadata/owner", async (route) => {
      await held;
      await route.continue();
    });
    await page.getByRole("button", { name: "Delete owner" }).click();
    await page.locator("#progress").waitFor({ state: "visible" });
    assert.equal(await item("owner").getAttribute("aria-busy"), "true");
    assert.equal(await item("owner").getAttribute("data-busy"), "Deleting…");
    await page.locator("#announcements").getByText("Deleting…").waitFor({ state: "attached" });
    // Pressed again it is not sent again.
    await page.getByRole("button", { name: "Delete owner" }).press("Enter");
    await page.locator("#announcements").getByText("Still waiting for the service.").waitFor({ state: "attached" });
    assert.equal(await page.locator("#progress").getAttribute("data-words"), "Still waiting for the service…");
    await picture("slow");
    answer();
    await item("owner").getByText("was deleted").waitFor();
    await page.locator("#progress").waitFor({ state: "hidden" });
    assert.equal(await item("owner").getAttribute("aria-busy"), null);
    assert.equal(calls().filter((call) => call.startsWith("DELETE")).length, 1);
    await page.locator("#announcements").getByText("owner deleted.").waitFor({ state: "attached" });
  });
});

test("a list that comes late says that it is coming", async () => {
  const project = new Project(FILE);
  await project.server();
  await visit({}, async ({ page, signIn }) => {
    let answer = (): void => {};
    const held = new Promise<void>((resolve) => (answer = resolve));
    await page.route("**/v2.1/servers/detail", async (route) => {
      await held;
      await route.continue();
    });
    await signIn(project.token("member"));
    await page.getByText("Loading…").waitFor();
    assert.equal(await page.getByRole("region", { name: "Servers" }).getAttribute("aria-busy"), "true");
    answer();
    await page.getByRole("link", { name: /web-1/ }).waitFor();
    assert.equal(await page.getByText("Loading…").count(), 0);
  });
});

test("the bar comes after a quarter of a second, so that quick answers do not flicker", async () => {
  const project = new Project(FILE);
  const id = await project.server();
  await visit({ token: project.token("member"), at: `/servers/${id}` }, async ({ page, item }) => {
    await page.getByRole("button", { name: "Delete owner" }).waitFor();
    const bar = page.locator("#progress");
    let answer = (): void => {};
    await page.route("**/metadata/owner", async (route) => {
      await new Promise<void>((resolve) => (answer = resolve));
      await route.continue();
    });
    await page.clock.install();
    await page.clock.pauseAt(Date.now() + 60_000);
    for (const [name, wait, isShown] of [
      ["Delete owner", 240, false],
      ["Undo", 260, true],
    ] as const) {
      const sent = page.waitForRequest("**/metadata/owner");
      await page.getByRole("button", { name }).click();
      await sent;
      await page.clock.runFor(wait);
      assert.equal(await bar.isVisible(), isShown, `${wait} ms`);
      answer();
      await (name === "Undo" ? item("owner").locator(".value") : item("owner").getByText("was deleted")).waitFor();
      await bar.waitFor({ state: "hidden" });
    }
  });
});

test("what was asked for and is not looked at any more does not come back", async () => {
  const project = new Project(FILE);
  const [slow, quick] = [await project.server({ name: "slow" }), await project.server({ name: "quick" })];
  await visit({ token: project.token("member") }, async ({ page }) => {
    let answer = (): void => {};
    const held = new Promise<void>((resolve) => (answer = resolve));
    await page.route(`**/v2.1/servers/${slow}`, async (route) => {
      await held;
      await route.continue();
    });
    await page.getByRole("link", { name: /slow/ }).click();
    await page.getByRole("heading", { name: "Opening the server…" }).waitFor();
    await page.getByRole("link", { name: /quick/ }).click();
    await page.getByRole("heading", { name: "quick" }).waitFor();
    const late = page.waitForResponse(`**/v2.1/servers/${slow}`);
    answer();
    await late;
    await sleep(100);
    assert.equal(await page.getByRole("heading", { level: 1 }).innerText(), "quick");
    assert.equal(await page.title(), "quick · edge-metadata");
    assert.ok((await page.locator(".facts").innerText()).includes(quick));
  });
});
