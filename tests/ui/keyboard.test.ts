// Everything by keyboard alone: what has the focus, where it goes after each step, and that it is seen.
import assert from "node:assert/strict";
import { test } from "node:test";

import type { Page } from "playwright-core";

import { Project, visit } from "./site.ts";

const FILE = "keyboard";

/** The accessible name of what has the focus. */
async function focused(page: Page): Promise<string> {
  return page.evaluate(() => {
    const element = document.activeElement;
    if (element === null || element === document.body) return "nothing";
    const label = element.id === "" ? null : document.querySelector(`label[for="${element.id}"]`);
    return (element.getAttribute("aria-label") ?? label?.textContent ?? (element as HTMLElement).innerText ?? "")
      .replace(/\s+/g, " ")
      .trim();
  });
}

/** Presses Tab until this has the focus; each stop on the way shows an outline. */
async function tabTo(page: Page, name: string | RegExp, key = "Tab"): Promise<void> {
  const seen: string[] = [];
  for (let presses = 0; presses < 60; presses += 1) {
    await page.keyboard.press(key);
    const now = await focused(page);
    if (now !== "nothing") {
      const outline = await page.evaluate(() => {
        const { outlineStyle, outlineWidth } = getComputedStyle(document.activeElement as Element);
        return outlineStyle !== "none" && parseFloat(outlineWidth) >= 2;
      });
      assert.ok(outline, `the focus on ${now} is not seen`);
    }
    if (typeof name === "string" ? now === name : name.test(now)) return;
    seen.push(now);
  }
  assert.fail(`${key} does not reach ${name}: ${seen.join(" | ")}`);
}

test("from signing in to signing out without a pointer", async () => {
  const project = new Project(FILE);
  await project.server({ name: "other" });
  const id = await project.server({ name: "web-1" });
  await visit({}, async ({ page, item }) => {
    await page.getByRole("button", { name: "Use the demo" }).waitFor();
    assert.equal(await focused(page), "Token");
    await page.keyboard.type(project.token("member"));
    await page.keyboard.press("Enter");
    await page.getByRole("link", { name: /web-1/ }).waitFor();

    await tabTo(page, /^web-1/);
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: "Delete owner" }).waitFor();
    assert.equal(await focused(page), "web-1", "the heading of what was opened");

    await tabTo(page, "Add item");
    await page.keyboard.press("Enter");
    assert.equal(await focused(page), "Key");
    await page.keyboard.type("zone");
    await page.keyboard.press("Tab");
    assert.equal(await focused(page), "Value");
    await page.keyboard.type("north");
    await page.keyboard.press("Enter");
    await item("zone").waitFor();
    assert.equal(await focused(page), "Add item");

    await tabTo(page, "Edit owner");
    await page.keyboard.press("Enter");
    assert.equal(await focused(page), "Value of owner");
    await page.keyboard.press("ControlOrMeta+A");
    await page.keyboard.type("bob");
    await page.keyboard.press("Enter");
    await item("owner").locator(".value").getByText("bob").waitFor();
    assert.equal(await focused(page), "Edit owner");

    await page.keyboard.press("Enter");
    await page.keyboard.type("nothing of this");
    await page.keyboard.press("Escape");
    assert.equal(await focused(page), "Edit owner");

    await tabTo(page, "Delete owner");
    await page.keyboard.press("Enter");
    await item("owner").getByText("was deleted").waitFor();
    assert.equal(await focused(page), "Undo");
    await page.keyboard.press("Enter");
    await item("owner").locator(".value").getByText("bob").waitFor();
    assert.equal(await focused(page), "Edit owner");
    assert.deepEqual(await project.metadata("servers", id), { owner: "bob", tier: "gold", zone: "north" });

    await project.change("servers", id, { locked: true });
    await tabTo(page, "Delete owner");
    await page.keyboard.press("Enter");
    await page.getByRole("note").filter({ hasText: "This server is locked" }).waitFor();
    await tabTo(page, "Dismiss");
    await page.keyboard.press("Enter");
    assert.equal(await item("owner").getByRole("alert").count(), 0);

    await tabTo(page, "Sign out", "Shift+Tab");
    await page.keyboard.press("Enter");
    await page.getByLabel("Token").waitFor();
    assert.equal(await focused(page), "Token");
  });
});

test("the first stop skips to the content", async () => {
  const project = new Project(FILE);
  await project.server();
  await visit({ token: project.token("member") }, async ({ page }) => {
    await page.getByRole("link", { name: /web-1/ }).waitFor();
    await tabTo(page, "Skip to the content", "Shift+Tab");
    await page.keyboard.press("Shift+Tab");
    assert.equal(await focused(page), "nothing");
    await page.keyboard.press("Tab");
    assert.ok(await page.getByRole("link", { name: "Skip to the content" }).isVisible());
    await page.keyboard.press("Enter");
    assert.equal(await page.evaluate(() => document.activeElement?.id), "main");
    assert.ok(!page.url().includes("#main"));
    await page.keyboard.press("Tab");
    assert.match(await focused(page), /^Servers/);
  });
});

test("back in the history is back in the list, at the entry", async () => {
  const project = new Project(FILE);
  await project.server();
  await visit({ token: project.token("member"), viewport: { width: 360, height: 740 } }, async ({ page }) => {
    await page.getByRole("link", { name: /web-1/ }).focus();
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "web-1" }).waitFor();
    await page.goBack();
    await page.getByRole("region", { name: "Servers" }).waitFor();
    assert.match(await focused(page), /^web-1/);
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "web-1" }).waitFor();
    await page.getByRole("link", { name: "All servers" }).press("Enter");
    assert.match(await focused(page), /^web-1/);
  });
});

test("a mistake takes the focus to where it is made", async () => {
  const project = new Project(FILE);
  const id = await project.server();
  await visit({ token: project.token("member"), at: `/servers/${id}` }, async ({ page }) => {
    await page.getByRole("button", { name: "Add item" }).press("Enter");
    await page.keyboard.press("Tab");
    await page.keyboard.type("a value");
    await tabTo(page, "Add");
    await page.keyboard.press("Enter");
    assert.equal(await focused(page), "Key");
    const problem = await page.evaluate(
      () => document.getElementById(document.activeElement?.getAttribute("aria-describedby") ?? "")?.textContent,
    );
    assert.equal(problem, "A key is needed.");
  });
});

test("who has gone on meanwhile is not pulled back", async () => {
  const project = new Project(FILE);
  const id = await project.server();
  await visit({ token: project.token("member"), at: `/servers/${id}` }, async ({ page, item }) => {
    let answer = (): void => {};
    await page.route("**/metadata/owner", async (route) => {
      await new Promise<void>((resolve) => (answer = resolve));
      await route.continue();
    });
    const sent = page.waitForRequest("**/metadata/owner");
    await page.getByRole("button", { name: "Delete owner" }).press("Enter");
    await sent;
    await page.getByRole("button", { name: "Edit tier" }).focus();
    answer();
    await item("owner").getByText("was deleted").waitFor();
    assert.equal(await focused(page), "Edit tier");
  });
});
