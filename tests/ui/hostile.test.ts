// Keys, values and names are text, whatever is in them; and the policy that holds when the page itself is wrong.
import assert from "node:assert/strict";
import { test } from "node:test";

import { Project, listed, origin, visit } from "./site.ts";

const FILE = "hostile";

/** What each is shown as: itself, but for characters that are not seen or that deceive. */
const TEXTS: [text: string, shown?: string][] = [
  ["<img src=x onerror=alert(1)>"],
  ["<script>alert(1)</script>"],
  ["</li></ul><h1>over</h1>"],
  ['"><svg onload=alert(1)>'],
  ["javascript:alert(1)"],
  ["{{constructor.constructor('alert(1)')()}} $" + "{alert(1)}"],
  ["&lt;b&gt; &amp; &#65;"],
  ["' OR 1=1 --"],
  ["%2e%2e%2f %00 ?#&=+"],
  ["__proto__"],
  ["constructor"],
  ["toString"],
  ["a/b\\c"],
  ["日本語 العربية עברית"],
  ["👩‍👩‍👧‍👦 é e\u0301"],
  ["evil\u202egnp.exe", "evilU+202Egnp.exe"],
  ["zero\u200bwidth\ufeff", "zeroU+200BwidthU+FEFF"],
  ["bell\u0007 escape\u001b[31m", "bellU+0007 escapeU+001B[31m"],
  ["two\nlines", "two↵\nlines"],
  ["  spaces   inside  "],
];

test("hostile names, keys and values are shown as the text that they are", async () => {
  const project = new Project(FILE);
  const metadata = Object.fromEntries(TEXTS.map(([text]) => [text, text]));
  for (const [name] of TEXTS) await project.server({ name, metadata: {} });
  const id = await project.server({ name: TEXTS[0]?.[0], metadata });
  await listed();
  await visit({ token: project.token("member"), at: `/servers/${id}` }, async ({ page, picture }) => {
    await page.getByRole("button", { name: "Add item" }).waitFor();
    await page
      .getByRole("link", { name: /onerror/ })
      .first()
      .waitFor();
    const shown = await page
      .locator(".items > .item")
      .evaluateAll((items) =>
        items.map((item) => [item.querySelector(".key")?.textContent, item.querySelector(".value")?.textContent]),
      );
    assert.deepEqual(shown.map(([key]) => key).sort(), TEXTS.map(([text, as = text]) => as).sort());
    for (const [key, value] of shown) assert.equal(value, key);
    const names = await page.locator(".entry-name").evaluateAll((names) => names.map((name) => name.textContent));
    for (const [text, as = text] of TEXTS) assert.ok(names.includes(as), as);
    // Nothing but what the page makes: no element came out of a text.
    const elements = await page.evaluate(() =>
      [...new Set([...document.querySelectorAll("main *")].map(({ localName }) => localName))].sort(),
    );
    assert.deepEqual(elements, [
      "a",
      "article",
      "bdi",
      "button",
      "code",
      "dd",
      "div",
      "dl",
      "dt",
      "h1",
      "h2",
      "header",
      "input",
      "li",
      "nav",
      "p",
      "path",
      "section",
      "span",
      "svg",
      "time",
      "ul",
    ]);
    assert.equal(await page.title(), `${TEXTS[0]?.[0]} · edge-metadata`);
    await picture("hostile");
  });
});

test("each hostile key is deleted, and those that can be written come back", async () => {
  const project = new Project(FILE);
  const metadata = Object.fromEntries(TEXTS.map(([text]) => [text, text]));
  const id = await project.server({ metadata });
  await visit({ token: project.token("member"), at: `/servers/${id}` }, async ({ page }) => {
    await page.getByRole("button", { name: "Add item" }).waitFor();
    for (const [text, as = text] of TEXTS) {
      const row = page
        .locator(".items > .item")
        .filter({ has: page.locator(".key") })
        .nth(await indexOf(as));
      await row.getByRole("button", { name: /^Delete/ }).click();
      const forGood = row.getByRole("button", { name: "Delete for good" });
      await forGood.or(row.getByText("was deleted")).first().waitFor();
      if ((await forGood.count()) > 0) await forGood.click();
      await row.getByText("was deleted").waitFor();
      assert.ok(!Object.hasOwn(await project.metadata("servers", id), text), text);
    }
    assert.deepEqual(await project.metadata("servers", id), {});
    // Brought back under the key that it was, even where that is a name of JavaScript's own.
    await page
      .locator(".item.deleted")
      .nth(await indexOf("__proto__"))
      .getByRole("button", { name: "Undo" })
      .click();
    await page.getByRole("button", { name: "Edit __proto__" }).waitFor();
    const answer = await (await project.ask("GET", `/v2.1/servers/${id}/metadata`)).text();
    assert.equal(answer.replace(/\s/g, ""), '{"metadata":{"__proto__":"__proto__"}}');

    async function indexOf(key: string): Promise<number> {
      const keys = await page.locator(".items > .item .key").evaluateAll((keys) => keys.map((key) => key.textContent));
      const at = keys.indexOf(key);
      assert.ok(at >= 0, key);
      return at;
    }
  });
});

test("a fault's message is text as well", async () => {
  const project = new Project(FILE);
  const id = await project.server();
  await visit({ token: project.token("member"), at: `/servers/${id}` }, async ({ page, item }) => {
    await page.getByRole("button", { name: "Delete owner" }).waitFor();
    const message = "<img src=x onerror=alert(1)> \u202e";
    for (const body of [
      JSON.stringify({ conflictingRequest: { message, code: 409 } }),
      "<html><script>alert(1)</script>",
      "null",
      "[]",
      '"x"',
      '{"a": null}',
      '{"a": {"message": {}}}',
    ]) {
      await page.route("**/metadata/owner", (route) => route.fulfill({ status: 409, contentType: "application/json", body }), {
        times: 1,
      });
      await page.getByRole("button", { name: "Delete owner" }).click();
      const alert = item("owner").getByRole("alert");
      await alert.waitFor();
      assert.equal(
        await alert.locator("dd").first().textContent(),
        body.includes("onerror") ? "<img src=x onerror=alert(1)> U+202E" : "409 Conflict",
      );
      assert.equal(await alert.locator("img, script").count(), 0);
      await alert.getByRole("button", { name: "Dismiss" }).click();
    }
  });
});

test("an address that names nothing shows a fault or the list, and never fails", async () => {
  const project = new Project(FILE);
  for (const at of [
    "/servers/<img src=x onerror=alert(1)>",
    "/servers/%",
    "/servers/..%2f..%2fregistry",
    "/servers/%F0%9F",
    "/nothing",
    "//evil.example",
    "javascript:alert(1)",
    "/servers/detail",
  ]) {
    await visit({ token: project.token("member"), at }, async ({ page, calls }) => {
      await page
        .getByText("Choose a server to see its metadata.")
        .or(page.locator(".detail").getByRole("alert"))
        .first()
        .waitFor();
      assert.equal(await page.locator("main img").count(), 0);
      for (const call of calls()) assert.match(call, /^(GET|POST) \/v2\.1\/(servers|images)\//);
    });
  }
});

test("the policy of the page: nothing but its own files, no inline script, no HTML out of text", async () => {
  await visit({}, async (visit) => {
    const { page } = visit;
    const answer = await page.reload();
    const headers = (await answer?.allHeaders()) ?? {};
    assert.equal(
      headers["content-security-policy"],
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
    );
    assert.equal(headers["x-content-type-options"], "nosniff");
    assert.equal(headers["referrer-policy"], "no-referrer");
    const tried = await page.evaluate(async (origin) => {
      const blocked: string[] = [];
      addEventListener("securitypolicyviolation", (event) => blocked.push(event.effectiveDirective));
      const attempts = [
        () => {
          const script = document.createElement("script");
          script.append("document.title = 'inline'");
          document.head.append(script);
        },
        () => document.body.insertAdjacentHTML("beforeend", "<p id='injected'>"),
        () => document.body.append(Object.assign(document.createElement("a"), { id: "styled" })),
        () => document.getElementById("styled")?.setAttribute("style", "color: red"),
        () => {
          new Function("document.title = 'eval'")();
        },
      ];
      // What the test itself evaluates is allowed more, as long as it has not waited.
      await new Promise((resolve) => setTimeout(resolve));
      for (const attempt of attempts) {
        try {
          attempt();
        } catch {
          // Trusted types are a TypeError.
        }
      }
      await fetch("https://elsewhere.example/").catch(() => undefined);
      await fetch(`${origin}/healthcheck`).catch(() => undefined);
      const image = new Image();
      image.src = "https://elsewhere.example/x.png";
      await new Promise((resolve) => setTimeout(resolve, 100));
      return {
        blocked: [...new Set(blocked)].sort(),
        title: document.title,
        injected: document.getElementById("injected") !== null,
      };
    }, origin);
    assert.deepEqual(tried, {
      blocked: ["connect-src", "img-src", "require-trusted-types-for", "style-src-attr"],
      title: "edge-metadata",
      injected: false,
    });
    // These were the test's own doing.
    visit.forgive(/Content Security Policy|Trusted(HTML|Script)|elsewhere\.example/);
  });
});

test("no page may have this one in a frame", async () => {
  await visit({}, async (visit) => {
    const { page } = visit;
    await page.route("**/frame.html", (route) =>
      route.fulfill({ contentType: "text/html", body: `<!doctype html><iframe src="${origin}/ui/"></iframe>` }),
    );
    await page.goto(`${origin}/ui/frame.html`);
    await page.waitForLoadState("networkidle");
    assert.equal(await page.frameLocator("iframe").getByLabel("Token").count(), 0);
    visit.forgive(/frame-ancestors|Refused to (display|frame)|Framing/);
  });
});

test("files below /ui that are not there are a page, and never the Worker's", async () => {
  await visit({ path: "/ui/nothing/here" }, async ({ page }) => {
    await page.getByRole("heading", { name: "There is no such page" }).waitFor();
    await page.getByRole("link", { name: "Servers, images and their metadata" }).click();
    await page.getByLabel("Token").waitFor();
  });
});
