// What happens when the service refuses, when somebody else was faster, and when an answer is lost.
import assert from "node:assert/strict";
import { test } from "node:test";

import type { Page, Response as Answer } from "playwright-core";

import { Project, visit } from "./site.ts";

const FILE = "conflicts";

/** The next answer with this status. */
function refused(page: Page, status: number): Promise<Answer> {
  return page.waitForResponse((answer) => answer.status() === status);
}

async function requestIdOf(answer: Promise<Answer>): Promise<string> {
  const id = (await (await answer).allHeaders())["x-compute-request-id"];
  assert.match(id ?? "", /^req-[0-9a-f-]{36}$/);
  return id as string;
}

for (const { what, kind, fields, title, message } of [
  {
    what: "locked",
    kind: "servers",
    fields: { locked: true },
    title: "This server is locked",
    message: /^Instance [0-9a-f-]{36} is locked$/,
  },
  {
    what: "in another state",
    kind: "servers",
    fields: { vm_state: "shelved_offloaded" },
    title: "This server is shelved offloaded",
    message: /^Cannot 'delete metadata' instance [0-9a-f-]{36} while it is in vm_state shelved_offloaded$/,
  },
  {
    what: "busy with a task",
    kind: "servers",
    fields: { task_state: "image_snapshot" },
    title: "A task is running: Image snapshot",
    message: /^Cannot 'delete metadata' instance [0-9a-f-]{36} while it is in task_state image_snapshot$/,
  },
  {
    what: "not started yet",
    kind: "servers",
    fields: { launched: false },
    title: "This server has not been started yet",
    message: /^Instance [0-9a-f-]{36} is in an invalid state for 'delete metadata'$/,
  },
  {
    what: "still being written",
    kind: "images",
    fields: { status: "saving" },
    title: "This image is saving",
    message: /^Cannot 'delete metadata' image [0-9a-f-]{36} while it is in status saving$/,
  },
] as const) {
  test(`409: one of the ${kind} that is ${what} meanwhile says so, with the fault's message and the request id`, async () => {
    const project = new Project(FILE);
    const id = kind === "servers" ? await project.server() : await project.image();
    await visit({ token: project.token("member"), at: `/${kind}/${id}` }, async ({ page, item, picture }) => {
      await page.getByRole("button", { name: "Delete owner" }).waitFor();
      await project.change(kind, id, fields);
      const answer = refused(page, 409);
      await page.getByRole("button", { name: "Delete owner" }).click();
      const alert = item("owner").getByRole("alert").filter({ hasText: title });
      await alert.waitFor();
      assert.match(await alert.locator("dd").first().innerText(), message);
      assert.equal(await alert.locator("code").innerText(), await requestIdOf(answer));
      assert.deepEqual(await project.metadata(kind, id), { owner: "alice", tier: "gold" });
      // The page has learned it, and offers no change any more.
      await page.getByRole("note").filter({ hasText: title }).waitFor();
      assert.equal(await page.getByRole("button", { name: /^(Edit|Delete|Add item)/ }).count(), 0);
      if (what === "locked") await picture("conflict");

      // As soon as it is over, trying again does it.
      await project.change(
        kind,
        id,
        kind === "servers" ? { locked: false, vm_state: "active", task_state: null, launched: true } : { status: "active" },
      );
      await alert.getByRole("button", { name: "Try again" }).click();
      await item("owner").getByText("was deleted").waitFor();
      assert.deepEqual(await project.metadata(kind, id), { tier: "gold" });
    });
  });
}

test("409 while editing keeps what was typed", async () => {
  const project = new Project(FILE);
  const id = await project.server();
  await visit({ token: project.token("member"), at: `/servers/${id}` }, async ({ page, item }) => {
    await page.getByRole("button", { name: "Edit owner" }).click();
    await page.getByLabel("Value of owner").fill("bob");
    await project.change("servers", id, { locked: true });
    await page.getByRole("button", { name: "Save" }).click();
    await item("owner").getByRole("alert").filter({ hasText: "This server is locked" }).waitFor();
    assert.equal(await page.getByLabel("Value of owner").inputValue(), "bob");
    await project.change("servers", id, { locked: false });
    await page.getByRole("button", { name: "Save" }).click();
    await item("owner").getByText("bob").waitFor();
    assert.equal((await project.metadata("servers", id))["owner"], "bob");
  });
});

test("what somebody else changed meanwhile is shown, and is not overwritten unasked", async () => {
  const project = new Project(FILE);
  const id = await project.server();
  await visit({ token: project.token("member"), at: `/servers/${id}` }, async ({ page, item, picture }) => {
    const edit = async (value: string): Promise<void> => {
      await page.getByRole("button", { name: "Edit owner" }).click();
      await page.getByLabel("Value of owner").fill(value);
      await page.getByRole("button", { name: "Save" }).click();
    };
    await page.getByRole("button", { name: "Edit owner" }).waitFor();
    await project.change("servers", id, { metadata: { owner: "carol", tier: "gold" } });
    await edit("bob");
    const alert = item("owner").getByRole("alert").filter({ hasText: "Somebody changed it meanwhile" });
    await alert.getByText("carol").waitFor();
    await picture("changed-meanwhile");
    await alert.getByRole("button", { name: "Keep theirs" }).click();
    await item("owner").locator(".value").getByText("carol").waitFor();
    assert.equal((await project.metadata("servers", id))["owner"], "carol");

    await project.change("servers", id, { metadata: { owner: "dave", tier: "gold" } });
    await edit("bob");
    await page.getByRole("button", { name: "Overwrite with mine" }).click();
    await item("owner").locator(".value").getByText("bob").waitFor();
    assert.equal((await project.metadata("servers", id))["owner"], "bob");

    await project.change("servers", id, { metadata: { owner: "erin", tier: "gold" } });
    await page.getByRole("button", { name: "Delete owner" }).click();
    await item("owner").getByText("erin").waitFor();
    await page.getByRole("button", { name: "Delete it anyway" }).click();
    await item("owner").getByText("was deleted").waitFor();
    // What was there last is what comes back.
    await page.getByRole("button", { name: "Undo" }).click();
    await item("owner").locator(".value").getByText("erin").waitFor();
    assert.equal((await project.metadata("servers", id))["owner"], "erin");
  });
});

test("what somebody else deleted, added or put back meanwhile", async () => {
  const project = new Project(FILE);
  const id = await project.server();
  await visit({ token: project.token("member"), at: `/servers/${id}` }, async ({ page, item }) => {
    // Deleted while it is edited.
    await page.getByRole("button", { name: "Edit owner" }).click();
    await page.getByLabel("Value of owner").fill("bob");
    await project.change("servers", id, { metadata: { tier: "gold" } });
    await page.getByRole("button", { name: "Save" }).click();
    await item("owner").getByText("Somebody deleted it meanwhile").waitFor();
    await page.getByRole("button", { name: "Leave it deleted" }).click();
    await item("owner").getByText("was deleted by somebody else").waitFor();
    await page.getByRole("heading", { name: "Metadata 1 item" }).waitFor();
    await page.getByRole("button", { name: "Put it back" }).click();
    await item("owner").locator(".value").getByText("alice").waitFor();

    // Deleted before it is deleted.
    await project.change("servers", id, { metadata: { owner: "alice" } });
    await page.getByRole("button", { name: "Delete tier" }).click();
    await item("tier").getByText("was deleted").waitFor();

    // Back before it is brought back.
    await project.change("servers", id, { metadata: { owner: "alice", tier: "silver" } });
    await page.getByRole("button", { name: "Undo" }).click();
    await item("tier").getByText("silver").waitFor();
    await page.getByRole("button", { name: "Keep theirs" }).click();
    await item("tier").locator(".value").getByText("silver").waitFor();

    // Added while it is being added.
    await page.getByRole("button", { name: "Add item" }).click();
    await page.getByLabel("Key", { exact: true }).fill("zone");
    await page.getByLabel("Value", { exact: true }).fill("mine");
    await project.change("servers", id, { metadata: { owner: "alice", tier: "silver", zone: "theirs" } });
    await page.getByRole("button", { name: "Add", exact: true }).click();
    await page.getByText("Somebody added this key meanwhile").waitFor();
    await page.getByRole("button", { name: "Overwrite with mine" }).click();
    await item("zone").locator(".value").getByText("mine").waitFor();
    assert.deepEqual(await project.metadata("servers", id), { owner: "alice", tier: "silver", zone: "mine" });
  });
});

test("the answer to a DELETE is lost: nobody knows, and trying again finds out", async () => {
  const project = new Project(FILE);
  const id = await project.server();
  await visit({ token: project.token("member"), at: `/servers/${id}` }, async ({ page, item }) => {
    await page.getByRole("button", { name: "Delete owner" }).waitFor();
    await page.route(
      "**/metadata/owner",
      async (route) => {
        await route.fetch();
        await route.abort("failed");
      },
      { times: 1 },
    );
    await page.getByRole("button", { name: "Delete owner" }).click();
    await item("owner").getByText("Nobody knows whether it was deleted: trying again finds out.").waitFor();
    assert.deepEqual(await project.metadata("servers", id), { tier: "gold" });
    await page.getByRole("button", { name: "Try again" }).click();
    await item("owner").getByText("was deleted").waitFor();
    await page.getByRole("button", { name: "Undo" }).click();
    await item("owner").locator(".value").getByText("alice").waitFor();
  });
});

test("503 on a change that was made, and on one that was not", async () => {
  const project = new Project(FILE);
  const id = await project.server();
  const fault = {
    status: 503,
    headers: { "Retry-After": "1", "X-Compute-Request-Id": "req-22222222-2222-4222-8222-222222222222" },
    json: { serviceUnavailable: { message: "The metadata store is temporarily unavailable.", code: 503 } },
  };
  await visit({ token: project.token("member"), at: `/servers/${id}` }, async ({ page, item }) => {
    for (const isMade of [true, false]) {
      await page.getByRole("button", { name: "Edit owner" }).click();
      await page.getByLabel("Value of owner").fill(`made ${isMade}`);
      await page.route(
        "**/metadata/owner",
        async (route) => {
          if (isMade) await route.fetch();
          await route.fulfill(fault);
        },
        { times: 1 },
      );
      await page.getByRole("button", { name: "Save" }).click();
      const alert = item("owner").getByRole("alert").filter({ hasText: "Nobody knows whether it was saved" });
      await alert.getByText("req-22222222-2222-4222-8222-222222222222").waitFor();
      await page.getByRole("button", { name: "Save" }).click();
      await item("owner").locator(".value").getByText(`made ${isMade}`).waitFor();
      assert.equal((await project.metadata("servers", id))["owner"], `made ${isMade}`);
    }
  });
});

test("413: too many requests, and when to try again", async () => {
  const project = new Project(FILE);
  const id = await project.server();
  await visit({ token: project.token("member"), at: `/servers/${id}` }, async ({ page, item }) => {
    await page.getByRole("button", { name: "Delete owner" }).waitFor();
    await page.route(
      "**/metadata/owner",
      (route) =>
        route.fulfill({
          status: 413,
          headers: { "Retry-After": "60" },
          json: { overLimit: { message: "This request was rate-limited.", code: 413, retryAfter: "60" } },
        }),
      { times: 1 },
    );
    await page.getByRole("button", { name: "Delete owner" }).click();
    const alert = item("owner").getByRole("alert");
    await alert.getByText("The project has used up its share. Try again in 60 s.").waitFor();
    await alert.getByRole("button", { name: "Dismiss" }).click();
    assert.equal(await item("owner").getByRole("alert").count(), 0);
    assert.equal(await item("owner").locator(".value").innerText(), "alice");
  });
});

test("403: a server that is full takes no item more, and one may be deleted", async () => {
  const project = new Project(FILE);
  const metadata = Object.fromEntries(Array.from({ length: 128 }, (_, at) => [`key-${at}`, "v"]));
  const id = await project.server({ metadata });
  await visit({ token: project.token("member"), at: `/servers/${id}` }, async ({ page, item }) => {
    await page.getByRole("heading", { name: "Metadata 128 items" }).waitFor();
    await page.getByRole("button", { name: "Add item" }).click();
    await page.getByLabel("Key", { exact: true }).fill("one-more");
    await page.getByRole("button", { name: "Add", exact: true }).click();
    const alert = page.getByRole("alert").filter({ hasText: "This server has as many items as it may have" });
    await alert.getByText("Maximum number of metadata items exceeds 128").waitFor();
    await page.getByRole("button", { name: "Delete key-7", exact: true }).click();
    await item("key-7").getByText("was deleted").waitFor();
    await page.getByRole("button", { name: "Add", exact: true }).click();
    await item("one-more").waitFor();
    assert.equal(Object.keys(await project.metadata("servers", id)).length, 128);
  });
});

test("a server that is gone says so, and the list is one step back", async () => {
  const project = new Project(FILE);
  const id = await project.server();
  await visit({ token: project.token("member"), at: `/servers/${id}` }, async ({ page }) => {
    await page.getByRole("button", { name: "Delete owner" }).waitFor();
    await project.ask("DELETE", `/registry/servers/${id}`);
    const answer = refused(page, 404);
    await page.getByRole("button", { name: "Delete owner" }).click();
    const alert = page.locator(".detail").getByRole("alert").filter({ hasText: "This server is not there" });
    await alert.getByText(`Instance ${id} could not be found.`).waitFor();
    assert.match(await requestIdOf(answer), /^req-/);
    await page.getByRole("link", { name: "Servers" }).first().click();
    await page.getByText("Choose a server").waitFor();
  });
});

test("the request id is copied by one click", async () => {
  const project = new Project(FILE);
  const id = await project.server();
  await visit(
    { token: project.token("member"), at: `/servers/${id}`, permissions: ["clipboard-read", "clipboard-write"] },
    async ({ page }) => {
      await page.getByRole("button", { name: "Delete owner" }).waitFor();
      await project.change("servers", id, { locked: true });
      const answer = refused(page, 409);
      await page.getByRole("button", { name: "Delete owner" }).click();
      await page.getByRole("button", { name: "Copy the request id" }).click();
      assert.equal(await page.evaluate(() => navigator.clipboard.readText()), await requestIdOf(answer));
      await page.getByRole("button", { name: "Copy the id" }).click();
      assert.equal(await page.evaluate(() => navigator.clipboard.readText()), id);
    },
  );
});
