/**
 * The page in a real Chromium, and the service behind it, which `npm run test:ui` serves.
 *
 * Each visit is a browser context of its own. When it ends, it must have asked nobody but the page's own origin,
 * and nothing in the page may have failed.
 */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import path from "node:path";
import { after } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { chromium, type Browser, type BrowserContextOptions, type Locator, type Page, type Request } from "playwright-core";

type Role = "reader" | "member" | "admin" | "service";
type Fields = Record<string, unknown>;

interface Site {
  origin: string;
  chromium: string;
  pictures: string;
  demo: Tokens;
  /** For each file of tests some to itself. */
  projects: Record<string, Tokens[]>;
}

interface Tokens {
  id: string;
  tokens: Record<Role, string>;
}

const file = process.env["UI_SITE"];
assert.ok(file, "run it by `npm run test:ui`");
const site = JSON.parse(readFileSync(file, "utf8")) as Site;

export const { origin, pictures, demo } = site;
export const repository = path.resolve(import.meta.dirname, "..", "..");

/** For a machine with other work. */
const TIMEOUT_MS = 60_000;

const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  // Nothing but this machine can be reached, whatever the page tries.
  "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
];

let browser: Browser | undefined;
const visits: Visit[] = [];

after(async () => {
  await browser?.close();
});

async function launched(): Promise<Browser> {
  browser ??= await chromium.launch({ executablePath: site.chromium, args: FLAGS });
  return browser;
}

/** A project that no other test has. */
export class Project {
  readonly #tokens: Tokens;

  constructor(name: string) {
    const tokens = site.projects[name]?.shift();
    assert.ok(tokens, `no project is left for ${name}: raise PROJECTS_PER_FILE`);
    this.#tokens = tokens;
  }

  get id(): string {
    return this.#tokens.id;
  }

  token(role: Role): string {
    return this.#tokens.tokens[role];
  }

  async server(fields: Fields = {}): Promise<string> {
    return this.#make("servers", "server", { name: "web-1", ...fields });
  }

  async image(fields: Fields = {}): Promise<string> {
    return this.#make("images", "image", { name: "debian-12", ...fields });
  }

  async #make(kind: string, wrapper: string, fields: Fields): Promise<string> {
    const id = randomUUID();
    await this.change(kind, id, { project_id: this.id, metadata: { owner: "alice", tier: "gold" }, ...fields }, wrapper);
    unlisted.push({ project: this, kind, id });
    return id;
  }

  /** What the control plane says of a server or an image. */
  async change(kind: string, id: string, fields: Fields, wrapper = kind.slice(0, -1)): Promise<void> {
    const answer = await this.ask("PUT", `/registry/${kind}/${id}`, { [wrapper]: fields });
    assert.ok(answer.ok, `${answer.status} ${await answer.text()}`);
  }

  /** The items as the service holds them. */
  async metadata(kind: string, id: string): Promise<Record<string, string>> {
    return (await this.record(kind, id))["metadata"] as Record<string, string>;
  }

  async record(kind: string, id: string): Promise<Fields> {
    const answer = await this.ask("GET", `/registry/${kind}/${id}`);
    assert.equal(answer.status, 200);
    return ((await answer.json()) as Record<string, Fields>)[kind.slice(0, -1)] as Fields;
  }

  async ask(method: string, target: string, body?: unknown, role: Role = "admin"): Promise<Response> {
    return fetch(origin + target, {
      method,
      headers: { "X-Auth-Token": this.token(role), ...(body === undefined ? {} : { "Content-Type": "application/json" }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  }
}

const unlisted: { project: Project; kind: string; id: string }[] = [];

/** Waits until the lists, which may be behind, have everything that was made. */
export async function listed(): Promise<void> {
  for (const { project, kind, id } of unlisted.splice(0)) {
    const isThere = async (): Promise<boolean> => {
      const answer = (await (await project.ask("GET", `/v2.1/${kind}`)).json()) as Record<string, { id: string }[]>;
      const entries = answer[kind] ?? [];
      // A page holds a hundred: one more may be on the next.
      return entries.length >= 100 || entries.some((entry) => entry.id === id);
    };
    for (let tries = 0; !(await isThere()); tries += 1) {
      assert.ok(tries < 600, `${kind} ${id} did not appear in the list`);
      await sleep(50);
    }
  }
}

export interface VisitOptions extends BrowserContextOptions {
  /** Signs in with it. */
  token?: string;
  /** The part of the address behind `#`, such as `/servers/{id}`. */
  at?: string;
  /** Another page than the main one. */
  path?: string;
}

/** Opens the page, has a test use it, and holds it to what every visit must keep. */
export async function visit(options: VisitOptions, use: (visit: Visit) => Promise<void>): Promise<void> {
  const { token, at, path: target = "/ui/", ...context } = options;
  if (at === undefined) await listed();
  const opened = await (await launched()).newContext({
    viewport: { width: 1180, height: 800 },
    locale: "en-GB",
    timezoneId: "UTC",
    ...context,
  });
  const page = await opened.newPage();
  page.setDefaultTimeout(TIMEOUT_MS);
  const visit = new Visit(page);
  visits.push(visit);
  try {
    await page.goto(`${origin}${target}${at === undefined ? "" : `#${at}`}`);
    if (token !== undefined) await visit.signIn(token);
    await use(visit);
    await visit.settled();
  } finally {
    await opened.close();
  }
  visit.assertClean();
}

export class Visit {
  requests: Request[] = [];
  #failures: string[] = [];

  readonly #pending = new Set<Request>();

  constructor(readonly page: Page) {
    // From the context: workers and frames are heard of as well.
    const context = page.context();
    context.on("request", (request) => {
      this.requests.push(request);
      this.#pending.add(request);
    });
    context.on("requestfinished", (request) => this.#pending.delete(request));
    context.on("requestfailed", (request) => this.#pending.delete(request));
    page.on("pageerror", (error) => this.#failures.push(error.message));
    page.on("dialog", (dialog) => {
      this.#failures.push(`a dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
    page.on("console", (message) => {
      // A fault of the service is a line of the browser's own; that the page copes is what the tests are about.
      const isFault =
        /^Failed to load resource: (the server responded with a status of|net::ERR_(FAILED|ABORTED|TIMED_OUT))/.test(
          message.text(),
        );
      if (["error", "warning"].includes(message.type()) && !isFault) this.#failures.push(message.text());
    });
  }

  readonly signIn = async (token: string): Promise<void> => {
    await this.page.getByLabel("Token").fill(token);
    await this.page.getByRole("button", { name: "Open" }).click();
    await this.page.getByRole("button", { name: "Sign out" }).waitFor();
  };

  /** The row of one item. */
  readonly item = (key: string): Locator =>
    this.page.locator(".item").filter({ has: this.page.locator(`.key:text-is(${JSON.stringify(key)})`) });

  readonly picture = async (name: string): Promise<void> => {
    await this.page.screenshot({ path: path.join(pictures, `${name}.png`), animations: "disabled" });
  };

  /** What the page asked the service, without the files of the page. */
  readonly calls = (): string[] =>
    this.requests
      .map((request) => ({ method: request.method(), path: new URL(request.url()).pathname }))
      .filter(({ path: target }) => !target.startsWith("/ui/"))
      .map(({ method, path: target }) => `${method} ${target}`);

  /** Waits for what is still under way: `wrangler dev` is slow to answer others after a request that was left. */
  async settled(): Promise<void> {
    for (let waited = 0; this.#pending.size > 0 && waited < 5_000; waited += 20) await sleep(20);
  }

  /** Failures and requests that a test has brought about on purpose. */
  forgive(pattern: RegExp): void {
    this.#failures = this.#failures.filter((failure) => !pattern.test(failure));
    this.requests = this.requests.filter((request) => !pattern.test(request.url()));
  }

  assertClean(): void {
    const elsewhere = this.requests
      .map((request) => request.url())
      .filter((url) => !url.startsWith("data:") && new URL(url).origin !== origin);
    assert.deepEqual(elsewhere, [], "asked somebody else");
    assert.deepEqual(this.#failures, []);
  }
}
