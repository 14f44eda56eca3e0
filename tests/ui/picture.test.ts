// The picture of the README: a server of a small shop. `npm run test:ui -- picture` draws it; it is copied to docs/page.png by
// hand when the page has changed, because no two drawings are the same to the byte.
import assert from "node:assert/strict";
import { statSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";

import { Project, pictures, repository, visit } from "./site.ts";

const SERVERS = [
  { name: "db-primary", metadata: { backup: "nightly", owner: "data-platform", tier: "gold" } },
  { name: "worker-batch-7", task_state: "image_snapshot", metadata: { queue: "reports" } },
  { name: "bastion", locked: true, metadata: { owner: "security", "change-window": "none" } },
  { name: "web-2", vm_state: "stopped", power_state: 4, metadata: { environment: "production", owner: "storefront" } },
];

test("the picture of the README", async () => {
  const project = new Project("picture");
  for (const [at, fields] of SERVERS.entries()) await project.server({ ...fields, created: `2026-03-0${at + 1}T10:00:00Z` });
  await project.image({ name: "debian-12" });
  const id = await project.server({
    name: "web-1",
    created: "2026-03-06T10:00:00Z",
    metadata: {
      "cost:center": "4711",
      environment: "production",
      note: "Drain it at the balancer before a restart, and tell the storefront team.",
      owner: "storefront",
      release: "2026.11.2",
    },
  });
  await visit(
    { token: project.token("member"), at: `/servers/${id}`, viewport: { width: 1180, height: 800 } },
    async ({ page, item, picture }) => {
      await page.getByRole("button", { name: "Delete owner" }).click();
      await item("owner").getByText("was deleted").waitFor();
      await page.locator("body").click({ position: { x: 5, y: 700 } });
      await picture("page");
    },
  );
  assert.ok(statSync(path.join(pictures, "page.png")).size < 200_000);
  assert.ok(statSync(path.join(repository, "docs", "page.png")).size < 200_000);
});
