/** Commands as a person types them, against the stand-in of the platform's API. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";

import { quiet } from "../../scripts/wrangler.mjs";
import { repository } from "../harness.ts";
import type { Platform } from "./platform.ts";

const PRELOADED = pathToFileURL(path.join(repository, "tests", "deploy", "connections.mjs")).href;

export interface Ended {
  code: number;
  stdout: string;
  /** stdout and stderr as a person sees them. */
  shown: string;
}

export interface CommandOptions {
  folder?: string;
  env?: Record<string, string | undefined>;
}

export class Commands {
  /** All that were run, as they are typed. */
  readonly run: string[] = [];
  #home: string | undefined;

  constructor(readonly platform: Platform) {}

  async succeed(command: string, options: CommandOptions = {}): Promise<Ended> {
    const ended = await this.end(command, options);
    assert.equal(ended.code, 0, `${command}:\n${ended.shown}`);
    return ended;
  }

  async end(command: string, { folder = repository, env = {} }: CommandOptions = {}): Promise<Ended> {
    this.run.push(command);
    const home = await this.#folder();
    const [program = "", ...args] = command.split(" ");
    const child = spawn(program, args, {
      cwd: folder,
      env: {
        ...process.env,
        ...quiet,
        CI: "true",
        NO_COLOR: "1",
        CLOUDFLARE_API_BASE_URL: this.platform.url,
        CLOUDFLARE_API_TOKEN: this.platform.apiToken,
        CLOUDFLARE_ACCOUNT_ID: this.platform.accountId,
        // Where wrangler keeps what it remembers, so that nothing of this machine's owner is used or changed.
        XDG_CONFIG_HOME: home,
        WRANGLER_LOG_PATH: home,
        DEPLOY_CONNECTIONS: path.join(home, "connections"),
        NODE_OPTIONS: `--import=${PRELOADED}`,
        ...env,
      },
    });
    let stdout = "";
    let shown = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
      shown += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => (shown += text));
    child.stdin.end();
    return new Promise((resolve, reject) => {
      child.on("error", reject);
      child.on("close", (code) => resolve({ code: code ?? 1, stdout, shown }));
    });
  }

  /** A file for a command to read. Gives its path. */
  async file(name: string, text: string): Promise<string> {
    const file = path.join(await this.#folder(), name);
    await writeFile(file, text, { mode: 0o600 });
    return file;
  }

  async #folder(): Promise<string> {
    return (this.#home ??= await mkdtemp(path.join(tmpdir(), "edge-metadata-deploy-")));
  }

  /** The hosts and ports that a process of node has connected to. */
  async connections(): Promise<Set<string>> {
    const lines = await readFile(path.join(await this.#folder(), "connections"), "utf8");
    return new Set(lines.trim().split("\n"));
  }

  async stop(): Promise<void> {
    if (this.#home !== undefined) await rm(this.#home, { recursive: true, force: true, maxRetries: 3 });
  }
}
