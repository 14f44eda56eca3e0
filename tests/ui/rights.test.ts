// What is not allowed is not offered, and why is said before anything is tried.
import assert from "node:assert/strict";
import { test } from "node:test";

import type { Page } from "playwright-core";

import { Project, visit } from "./site.ts";

const FILE = "rights";

/** The names of the buttons that change something. */
async function offered(page: Page): Promise<string[]> {
  const names = await page
    .locator(".metadata button")
    .evaluateAll((buttons) =>
      buttons
        .filter((button) => (button as HTMLElement).offsetParent !== null)
        .map((button) => button.getAttribute("aria-label") ?? button.textContent ?? ""),
    );
  return names.filter((name) => /^(Add|Edit|Delete)/.test(name));
}

const ALL = ["Add item", "Edit owner", "Delete owner", "Edit tier", "Delete tier"];

for (const { who, role, fields, said, has } of [
  { who: "a reader", role: "reader", fields: {}, said: "This token does not allow it", has: [] },
  { who: "a member", role: "member", fields: {}, said: null, has: ALL },
  { who: "a member, of a locked server", role: "member", fields: { locked: true }, said: "This server is locked", has: [] },
  {
    who: "an admin, of a locked server",
    role: "admin",
    fields: { locked: true },
    said: "It is locked for others; this token may change it all the same.",
    has: ALL,
  },
  {
    who: "a member, while a task runs",
    role: "member",
    fields: { task_state: "rebooting" },
    said: "A task is running: Rebooting",
    has: [],
  },
  {
    who: "an admin, of a server that was shelved",
    role: "admin",
    fields: { vm_state: "shelved" },
    said: "This server is shelved",
    has: [],
  },
  {
    who: "a member, of a server that never ran",
    role: "member",
    fields: { launched: false },
    said: "This server has not been started yet",
    has: [],
  },
] as const) {
  test(`${who} is offered ${has.length === 0 ? "no change" : "every change"}`, async () => {
    const project = new Project(FILE);
    const id = await project.server(fields);
    await visit({ token: project.token(role), at: `/servers/${id}` }, async ({ page }) => {
      if (said === null) await page.getByRole("button", { name: "Add item" }).waitFor();
      else await page.getByRole("note").filter({ hasText: said }).waitFor();
      assert.deepEqual(await offered(page), has);
      assert.equal(await page.getByRole("alert").filter({ hasText: /./ }).count(), 0);
    });
  });
}

test("of a server with too many items, items are deleted until others may be written", async () => {
  const project = new Project(FILE);
  const metadata = Object.fromEntries(Array.from({ length: 130 }, (_, at) => [`key-${at}`, "v"]));
  const id = await project.server({ metadata });
  await visit({ token: project.token("member"), at: `/servers/${id}` }, async ({ page, item }) => {
    const note = page.getByRole("note").filter({ hasText: "This server has as many items as it may have" });
    await note.waitFor();
    assert.ok((await offered(page)).every((name) => name.startsWith("Delete key-")));
    for (const key of ["key-7", "key-8"]) {
      await note.waitFor();
      await page.getByRole("button", { name: `Delete ${key}`, exact: true }).click();
      await item(key).getByText("was deleted").waitFor();
    }
    await note.waitFor({ state: "hidden" });
    await page.getByRole("button", { name: "Add item" }).waitFor();
    await page.getByRole("button", { name: "Edit key-9", exact: true }).waitFor();
  });
});

test("what a reader may not do is asked once, and holds for images as well", async () => {
  const project = new Project(FILE);
  const [one, other, image] = [
    await project.server({ name: "one" }),
    await project.server({ name: "other" }),
    await project.image(),
  ];
  await visit({ token: project.token("reader"), at: `/servers/${one}` }, async ({ page, calls }) => {
    const note = page.getByRole("note").filter({ hasText: "This token does not allow it" });
    for (const [kind, id] of [
      ["servers", one],
      ["servers", other],
      ["images", image],
    ]) {
      await page.evaluate((hash) => location.assign(hash), `#/${kind}/${id}`);
      await page
        .locator(".facts")
        .getByText(id as string)
        .waitFor();
      await note.waitFor();
      assert.deepEqual(await offered(page), []);
    }
    assert.deepEqual(
      calls().filter((call) => call.startsWith("POST")),
      [`POST /v2.1/servers/${one}/metadata`],
    );
  });
});

test("another project's public image is looked at and not changed", async () => {
  const [own, other] = [new Project(FILE), new Project(FILE)];
  const id = await other.image({ visibility: "public", name: "public" });
  const mine = await own.image({ name: "mine" });
  await visit({ token: own.token("member"), at: `/images/${id}` }, async ({ page }) => {
    await page.getByRole("note").filter({ hasText: "This token does not allow it" }).waitFor();
    assert.deepEqual(await offered(page), []);
    await page.evaluate((hash) => location.assign(hash), `#/images/${mine}`);
    await page.getByRole("button", { name: "Delete owner" }).waitFor();
    assert.deepEqual(await offered(page), ALL);
  });
});

test("names that the image service keeps, and keys that no address can name, are only shown", async () => {
  const project = new Project(FILE);
  const image = await project.image({ metadata: { os_glance_import: "x", os_distro: "debian" } });
  const server = await project.server({ metadata: { "..": "x", plain: "v" } });
  await visit({ token: project.token("member"), at: `/images/${image}` }, async ({ page, item }) => {
    await item("os_glance_import").getByText("Kept by the image service").waitFor();
    assert.deepEqual(await offered(page), ["Add item", "Edit os_distro", "Delete os_distro"]);
    await page.evaluate((hash) => location.assign(hash), `#/servers/${server}`);
    await item("..").getByText("This key cannot be named in an address").waitFor();
    assert.deepEqual(await offered(page), ["Add item", "Edit plain", "Delete plain"]);
  });
});

test("a server of another project is not there", async () => {
  const [own, other] = [new Project(FILE), new Project(FILE)];
  const id = await other.server();
  await visit({ token: own.token("member"), at: `/servers/${id}` }, async ({ page }) => {
    await page
      .getByRole("alert")
      .filter({ hasText: `Instance ${id} could not be found.` })
      .waitFor();
  });
});

test("when nobody can say what is allowed nothing is offered, until it can be asked", async () => {
  const project = new Project(FILE);
  const id = await project.server();
  await visit({}, async ({ page, signIn }) => {
    let isDown = true;
    await page.route("**/metadata", (route) =>
      isDown && route.request().method() === "POST" ? route.abort("failed") : route.continue(),
    );
    await page.evaluate((hash) => location.assign(hash), `#/servers/${id}`);
    await signIn(project.token("member"));
    const note = page.getByRole("note").filter({ hasText: "No answer" });
    await note.waitFor();
    assert.deepEqual(await offered(page), []);
    isDown = false;
    await note.getByRole("button", { name: "Look again" }).click();
    await page.getByRole("button", { name: "Add item" }).waitFor();
    assert.deepEqual(await offered(page), ALL);
  });
});
