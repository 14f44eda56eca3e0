// What assistive technology is told: axe's rules on every view, light and dark, and the names of everything there is.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { test } from "node:test";

import type { Page } from "playwright-core";

import { Project, visit } from "./site.ts";

const FILE = "accessible";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

interface Violation {
  id: string;
  help: string;
  nodes: { html: string; failureSummary?: string }[];
}

async function violations(page: Page): Promise<string[]> {
  const found = await page.evaluate(async () => {
    const { axe } = globalThis as unknown as {
      axe: { run: (context: Document, options: unknown) => Promise<{ violations: Violation[] }> };
    };
    return (await axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }))
      .violations;
  });
  return found.flatMap(({ id, help, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${help}\n  ${html.slice(0, 200)}\n  ${failureSummary}`),
  );
}

for (const colorScheme of ["light", "dark"] as const) {
  test(`axe finds nothing on any view: ${colorScheme}`, async () => {
    const project = new Project(FILE);
    await project.server({ name: "busy", task_state: "rebooting", vm_state: "active" });
    await project.server({ name: "broken", vm_state: "error", locked: true });
    for (let at = 0; at < 8; at += 1) await project.server({ name: `more-${at}` });
    const id = await project.server({
      name: "web-1",
      metadata: { owner: "alice", "un\u202eseen": "v\n", empty: "", tier: "gold" },
    });
    await visit({ colorScheme }, async ({ page, signIn, item }) => {
      // The page's own policy lets no script in but its files: this one comes from the test.
      const session = await page.context().newCDPSession(page);
      await session.send("Runtime.evaluate", { expression: axe });
      const check = async (view: string): Promise<void> => assert.deepEqual(await violations(page), [], view);
      await page.getByRole("button", { name: "Use the demo" }).waitFor();
      await check("signing in");
      await page.getByRole("button", { name: "Open" }).click();
      await check("signing in, with a mistake");
      await signIn(project.token("member"));
      await page.getByRole("link", { name: /web-1/ }).waitFor();
      await check("the list");
      await page.getByRole("link", { name: /web-1/ }).click();
      await page.getByRole("button", { name: "Delete owner" }).waitFor();
      await check("a server");
      await page.getByRole("button", { name: "Edit owner" }).click();
      await page.getByLabel("Value of owner").fill("x".repeat(256));
      await page.keyboard.press("Enter");
      await check("editing, with a mistake");
      await page.keyboard.press("Escape");
      await page.getByRole("button", { name: "Add item" }).click();
      await page.keyboard.press("Enter");
      await check("adding, with a mistake");
      await page.keyboard.press("Escape");
      await page.getByRole("button", { name: "Delete tier" }).click();
      await item("tier").getByText("was deleted").waitFor();
      await check("deleted");
      await project.change("servers", id, { locked: true });
      await page.getByRole("button", { name: "Delete owner" }).click();
      await page.getByRole("note").filter({ hasText: "locked" }).waitFor();
      await check("a conflict");
    });
  });
}

test("everything has a name, and headings and landmarks are in order", async () => {
  const project = new Project(FILE);
  const id = await project.server({ name: "web-1", metadata: { owner: "alice", tier: "" } });
  await visit({ token: project.token("member"), at: `/servers/${id}` }, async ({ page }) => {
    await page.getByRole("button", { name: "Delete owner" }).waitFor();
    const snapshot = (await page.locator("body").ariaSnapshot())
      .replaceAll(id, "{id}")
      .replaceAll(project.id, "{project}")
      .replace(/(term: Updated\n\s*- definition:\n?\s*- time: ).*/, "$1{time}")
      .replace(/(term: Created\n\s*- definition:\n?\s*- time: ).*/, "$1{time}");
    assert.equal(
      snapshot,
      `- link "Skip to the content":
  - /url: "#main"
- banner:
  - link "edge-metadata":
    - /url: ./
  - navigation "Page":
    - link "API":
      - /url: api
    - button "Sign out"
- main:
  - navigation "Lists":
    - link "Servers 1":
      - /url: "#/servers"
    - link "Images 0":
      - /url: "#/images"
  - region "Servers":
    - list:
      - listitem:
        - link "web-1 2 items Active":
          - /url: "#/servers/{id}"
  - article:
    - heading "web-1" [level=1]
    - text: Active
    - button "Refresh"
    - term: Id
    - definition:
      - code: {id}
      - button "Copy the id"
    - term: Project
    - definition:
      - code: {project}
    - term: State
    - definition: Active
    - term: Task
    - definition: None
    - term: Lock
    - definition: Unlocked
    - term: Power
    - definition: Running
    - term: Created
    - definition:
      - time: {time}
    - term: Updated
    - definition:
      - time: {time}
    - region "Metadata 2 items":
      - heading "Metadata 2 items" [level=2]
      - button "Add item"
      - list:
        - listitem:
          - text: owner alice
          - button "Edit owner"
          - button "Delete owner"
        - listitem:
          - text: tier empty
          - button "Edit tier"
          - button "Delete tier"
- status`,
    );
  });
});

test("what happens is said aloud, without moving the focus", async () => {
  const project = new Project(FILE);
  const id = await project.server();
  await visit({ token: project.token("member"), at: `/servers/${id}` }, async ({ page, item }) => {
    const status = page.getByRole("status");
    const said = (text: string): Promise<void> => status.getByText(text, { exact: true }).waitFor({ state: "attached" });
    await page.getByRole("button", { name: "Delete owner" }).click();
    await said("owner deleted.");
    await page.getByRole("button", { name: "Undo" }).click();
    await said("owner is back.");
    await page.getByRole("button", { name: "Edit owner" }).click();
    await page.getByLabel("Value of owner").fill("bob");
    await page.keyboard.press("Enter");
    await said("owner saved.");
    await page.getByRole("button", { name: "Add item" }).click();
    await page.keyboard.type("zone");
    await page.keyboard.press("Enter");
    await item("zone").waitFor();
    await said("zone added.");
    await page.getByRole("button", { name: "Refresh" }).click();
    await said("web-1: Active.");
  });
});
