// The items of one server or image: shown, added, edited, deleted, brought back.
import assert from "node:assert/strict";
import { test } from "node:test";

import { Project, visit } from "./site.ts";

const FILE = "items";

for (const kind of ["servers", "images"] as const) {
  const make = (project: Project): Promise<string> => (kind === "servers" ? project.server() : project.image());

  test(`${kind}: an item is added, edited, deleted and brought back`, async () => {
    const project = new Project(FILE);
    const id = await make(project);
    await visit({ token: project.token("member"), at: `/${kind}/${id}` }, async ({ page, item }) => {
      await page.getByRole("button", { name: "Add item" }).click();
      await page.getByLabel("Key", { exact: true }).fill("release");
      await page.getByLabel("Value", { exact: true }).fill("1.0");
      await page.getByRole("button", { name: "Add", exact: true }).click();
      await item("release").getByText("1.0").waitFor();
      assert.deepEqual(await project.metadata(kind, id), { owner: "alice", tier: "gold", release: "1.0" });
      // In the order of the keys.
      assert.deepEqual(await page.locator(".items .key").allInnerTexts(), ["owner", "release", "tier"]);

      await page.getByRole("button", { name: "Edit release" }).click();
      await page.getByLabel("Value of release").fill("1.1");
      await page.getByRole("button", { name: "Save" }).click();
      await item("release").getByText("1.1").waitFor();
      assert.equal((await project.metadata(kind, id))["release"], "1.1");

      await page.getByRole("button", { name: "Delete release" }).click();
      await item("release").getByText("was deleted").waitFor();
      assert.deepEqual(await project.metadata(kind, id), { owner: "alice", tier: "gold" });
      await page.getByRole("heading", { name: "Metadata 2 items" }).waitFor();

      await page.getByRole("button", { name: "Undo" }).click();
      await item("release").getByText("1.1").waitFor();
      assert.deepEqual(await project.metadata(kind, id), { owner: "alice", tier: "gold", release: "1.1" });
      await page.getByRole("heading", { name: "Metadata 3 items" }).waitFor();
    });
  });
}

test("a server shows its state, lock and task", async () => {
  const project = new Project(FILE);
  const id = await project.server({ name: "web", vm_state: "stopped", power_state: 4, created: "2026-03-02T10:00:00Z" });
  await visit({ token: project.token("member"), at: `/servers/${id}` }, async ({ page, picture }) => {
    await page.getByRole("button", { name: "Delete owner" }).waitFor();
    const facts = Object.fromEntries(
      await page
        .locator(".facts > div")
        .evaluateAll((facts) =>
          facts.map((fact) => [fact.querySelector("dt")?.textContent, fact.querySelector("dd")?.textContent]),
        ),
    );
    delete facts["Updated"];
    assert.deepEqual(facts, {
      Id: id,
      Project: project.id,
      State: "Stopped",
      Task: "None",
      Lock: "Unlocked",
      Power: "Shut down",
      Created: "2 Mar 2026, 10:00",
    });
    assert.equal(await page.title(), "web · edge-metadata");
    await picture("detail");
  });
});

test("a value may have several lines, be empty, and be as long as the API allows", async () => {
  const project = new Project(FILE);
  const id = await project.server({ metadata: { lines: "one", none: "x", long: "x" } });
  await visit({ token: project.token("member"), at: `/servers/${id}` }, async ({ page, item }) => {
    const edit = async (key: string, value: string): Promise<void> => {
      await page.getByRole("button", { name: `Edit ${key}` }).click();
      await page.getByLabel(`Value of ${key}`).fill(value);
      await page.keyboard.press("Enter");
      await page.getByRole("button", { name: `Edit ${key}` }).waitFor();
    };
    await page.getByRole("button", { name: "Edit lines" }).click();
    await page.keyboard.press("Shift+Enter");
    await page.keyboard.type("two");
    await page.keyboard.press("Enter");
    await item("lines").getByText("two").waitFor();
    await edit("none", "");
    assert.equal(await item("none").locator(".value").innerText(), "empty");
    // Two bytes each and one code point, as the API counts.
    await edit("long", "é".repeat(255));
    assert.deepEqual(await project.metadata("servers", id), { lines: "one\ntwo", none: "", long: "é".repeat(255) });

    await page.getByRole("button", { name: "Edit long" }).click();
    await page.getByLabel("Value of long").fill("x".repeat(256));
    await page.getByText("256 / 255").waitFor();
    await page.keyboard.press("Enter");
    await page.getByText("A value has at most 255 characters; this one has 256.").waitFor();
    assert.equal(await page.getByLabel("Value of long").getAttribute("aria-invalid"), "true");
    // As soon as it is mended nothing is wrong any more.
    await page.getByLabel("Value of long").fill("short");
    assert.equal(await page.getByLabel("Value of long").getAttribute("aria-invalid"), null);
    await page.keyboard.press("Escape");
    assert.equal((await project.metadata("servers", id))["long"], "é".repeat(255));
  });
});

test("what is cancelled or not changed sends nothing", async () => {
  const project = new Project(FILE);
  const id = await project.server();
  await visit({ token: project.token("member"), at: `/servers/${id}` }, async ({ page, calls }) => {
    await page.getByRole("button", { name: "Edit owner" }).click();
    const before = calls().length;
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByRole("button", { name: "Edit owner" }).click();
    await page.getByLabel("Value of owner").fill("somebody else");
    await page.getByRole("button", { name: "Cancel" }).click();
    await page.getByRole("button", { name: "Add item" }).click();
    await page.getByLabel("Key", { exact: true }).fill("left");
    await page.getByRole("button", { name: "Cancel" }).click();
    await page.getByRole("button", { name: "Edit owner" }).waitFor();
    assert.deepEqual(calls().slice(before), []);
    assert.deepEqual(await project.metadata("servers", id), { owner: "alice", tier: "gold" });
  });
});

for (const [kind, key, problem] of [
  ["servers", "", "A key is needed."],
  ["servers", "a/b", "A key has letters A to Z, digits, spaces and - _ : . only."],
  ["servers", "clé", "A key has letters A to Z, digits, spaces and - _ : . only."],
  ["servers", "..", "A key cannot be a dot or two alone."],
  ["servers", "x".repeat(256), "A key has at most 255 characters; this one has 256."],
  ["servers", "owner", "There is an item with this key already."],
  ["images", "os_glance_x", "Keys that begin with os_glance_ belong to the image service."],
] as const) {
  test(`${kind}: a key that cannot be written is not sent: ${key.length > 20 ? "too long" : JSON.stringify(key)}`, async () => {
    const project = new Project(FILE);
    const id = kind === "servers" ? await project.server() : await project.image();
    await visit({ token: project.token("member"), at: `/${kind}/${id}` }, async ({ page, calls }) => {
      await page.getByRole("button", { name: "Add item" }).click();
      const before = calls().length;
      await page.getByLabel("Key", { exact: true }).fill(key);
      await page.keyboard.press("Enter");
      await page.getByText(problem).waitFor();
      assert.equal(await page.getByLabel("Key", { exact: true }).getAttribute("aria-invalid"), "true");
      assert.deepEqual(calls().slice(before), []);
    });
  });
}

test("a key that the cloud has and users cannot write is deleted for good, after a question", async () => {
  const project = new Project(FILE);
  const id = await project.server({ metadata: { "a/b": "v", plain: "v" } });
  await visit({ token: project.token("member"), at: `/servers/${id}` }, async ({ page, item }) => {
    await page.getByRole("button", { name: "Delete a/b" }).waitFor();
    assert.equal(await page.getByRole("button", { name: "Edit a/b" }).count(), 0);
    await page.getByRole("button", { name: "Delete a/b" }).click();
    await page.getByText("This cannot be undone").waitFor();
    await page.getByRole("button", { name: "Keep" }).click();
    assert.equal(Object.keys(await project.metadata("servers", id)).length, 2);
    await page.getByRole("button", { name: "Delete a/b" }).click();
    await page.getByRole("button", { name: "Delete for good" }).click();
    await item("a/b").getByText("was deleted").waitFor();
    assert.deepEqual(await project.metadata("servers", id), { plain: "v" });
    assert.equal(await page.getByRole("button", { name: "Undo" }).count(), 0);
  });
});

test("looking changes nothing: the record is the same afterwards", async () => {
  const project = new Project(FILE);
  const server = await project.server({ observed_at: "2026-01-01T00:00:00Z" });
  const image = await project.image({ observed_at: "2026-01-01T00:00:00Z" });
  const before = [await project.record("servers", server), await project.record("images", image)];
  for (const at of [`/servers/${server}`, `/images/${image}`]) {
    await visit({ token: project.token("member"), at }, async ({ page }) => {
      await page.getByRole("button", { name: "Delete owner" }).waitFor();
    });
  }
  assert.deepEqual([await project.record("servers", server), await project.record("images", image)], before);
  // Nor does it count as a change by a user, after which what the cloud saw before is not applied.
  await project.change("servers", server, { observed_at: "2026-01-02T00:00:00Z", metadata: { from: "the cloud" } });
  assert.deepEqual(await project.metadata("servers", server), { from: "the cloud" });
});
