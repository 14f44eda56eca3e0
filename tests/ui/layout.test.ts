// What it looks like: 360 pixels wide, dark, with larger type, and with less motion.
import assert from "node:assert/strict";
import { test } from "node:test";

import type { Page } from "playwright-core";

import { Project, visit } from "./site.ts";

const FILE = "layout";

/** What reaches beyond the window's right edge. */
async function tooWide(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const width = document.documentElement.clientWidth;
    const found = [...document.querySelectorAll("body *")].filter((element) => {
      const { right, left, width: own } = element.getBoundingClientRect();
      return (
        own > 0 &&
        left < width &&
        right > width + 0.5 &&
        getComputedStyle(element).position !== "absolute" &&
        element.closest(".visually-hidden, svg, .progress") === null
      );
    });
    const scrolls =
      document.documentElement.scrollWidth > width ? [`the document is ${document.documentElement.scrollWidth} wide`] : [];
    return [
      ...scrolls,
      ...found.map((element) => `${element.tagName} ${element.className} ${element.textContent?.slice(0, 40)}`),
    ];
  });
}

for (const [name, options] of [
  ["360 pixels", { viewport: { width: 360, height: 740 } }],
  ["360 pixels, dark", { viewport: { width: 360, height: 740 }, colorScheme: "dark" }],
  ["twice as large", { viewport: { width: 590, height: 400 }, deviceScaleFactor: 2 }],
  ["a wide window", { viewport: { width: 1800, height: 1000 } }],
] as const) {
  test(`nothing is cut off: ${name}`, async () => {
    const project = new Project(FILE);
    await project.server({ name: "n".repeat(255), created: "2026-01-01T00:00:00Z" });
    const long = "k".repeat(255);
    const id = await project.server({
      name: "web-1",
      metadata: { [long]: "v".repeat(255), owner: "alice" },
      created: "2026-01-02T00:00:00Z",
    });
    await visit({ ...options }, async ({ page, signIn, item, picture }) => {
      await page.getByRole("button", { name: "Use the demo" }).waitFor();
      assert.deepEqual(await tooWide(page), []);
      await signIn(project.token("member"));
      await page.getByRole("link", { name: /web-1/ }).waitFor();
      assert.deepEqual(await tooWide(page), []);
      await picture(`list, ${name}`);
      await page.getByRole("link", { name: /web-1/ }).click();
      await page.getByRole("button", { name: "Delete owner" }).waitFor();
      assert.deepEqual(await tooWide(page), []);
      await picture(`detail, ${name}`);
      await page.getByRole("button", { name: /^Edit k/ }).click();
      assert.deepEqual(await tooWide(page), []);
      await page.keyboard.press("Escape");
      await page.getByRole("button", { name: "Add item" }).click();
      await page.keyboard.type("not/allowed");
      await page.keyboard.press("Enter");
      assert.deepEqual(await tooWide(page), []);
      await picture(`adding, ${name}`);
      await page.keyboard.press("Escape");
      await page.getByRole("button", { name: "Delete owner" }).waitFor();
      await project.change("servers", id, { locked: true });
      await page.getByRole("button", { name: "Delete owner" }).click();
      await item("owner").getByRole("alert").filter({ hasText: "locked" }).waitFor();
      assert.deepEqual(await tooWide(page), []);
      await picture(`conflict, ${name}`);
    });
  });
}

test("on a narrow screen either the list or what is open is there", async () => {
  const project = new Project(FILE);
  await project.server();
  await visit({ token: project.token("member"), viewport: { width: 360, height: 740 } }, async ({ page }) => {
    await page.getByRole("link", { name: /web-1/ }).click();
    await page.getByRole("heading", { name: "web-1" }).waitFor();
    assert.equal(await page.getByRole("navigation", { name: "Lists" }).isVisible(), false);
    await page.getByRole("link", { name: "All servers" }).click();
    await page.getByRole("navigation", { name: "Lists" }).waitFor();
    assert.equal(await page.getByRole("heading", { name: "web-1" }).count(), 0);
  });
});

test("with a finger, everything to press is at least 44 pixels high", async () => {
  const project = new Project(FILE);
  const id = await project.server();
  await visit(
    {
      token: project.token("member"),
      at: `/servers/${id}`,
      viewport: { width: 360, height: 740 },
      hasTouch: true,
      isMobile: true,
    },
    async ({ page }) => {
      await page.getByRole("button", { name: "Delete owner" }).waitFor();
      const small = await page
        .locator(".detail .metadata button")
        .evaluateAll((buttons) =>
          buttons
            .filter((button) => (button as HTMLElement).offsetParent !== null && button.getBoundingClientRect().height < 44)
            .map((button) => button.textContent),
        );
      assert.deepEqual(small, []);
    },
  );
});

test("dark is the system's choice, and changes with it", async () => {
  const project = new Project(FILE);
  const id = await project.server();
  await visit({ token: project.token("member"), at: `/servers/${id}`, colorScheme: "dark" }, async ({ page, picture }) => {
    await page.getByRole("button", { name: "Delete owner" }).waitFor();
    const brightness = (): Promise<number> =>
      page.locator(".pane").evaluate((pane) => {
        const [red = 0, green = 0, blue = 0] = (getComputedStyle(pane).backgroundColor.match(/\d+/g) ?? []).map(Number);
        return (red + green + blue) / 3;
      });
    assert.ok((await brightness()) < 60);
    await picture("dark");
    await page.emulateMedia({ colorScheme: "light" });
    assert.ok((await brightness()) > 200);
  });
});

test("whoever asked for less motion gets none", async () => {
  const project = new Project(FILE);
  await visit({ token: project.token("member"), reducedMotion: "reduce" }, async ({ page }) => {
    const durations = await page.locator("#progress").evaluate((bar) => {
      (bar as HTMLElement).hidden = false;
      return bar.getAnimations({ subtree: true }).map((animation) => Number(animation.effect?.getComputedTiming().duration));
    });
    for (const duration of durations) assert.ok(duration <= 1, String(duration));
  });
});
