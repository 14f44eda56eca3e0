// Looking into queues, by a process of Python's that speaks AMQP.
import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";
import path from "node:path";

import { root } from "../../scripts/layout.mjs";
import type { Later } from "../programs.ts";

export class Bus {
  readonly #waiting: ((line: string) => void)[] = [];

  private constructor(readonly child: ChildProcess) {
    assert.ok(child.stdout);
    createInterface({ input: child.stdout }).on("line", (line) => this.#waiting.shift()?.(line));
  }

  /** With a Python that has kombu. */
  static start(python: string, later: Later): Bus {
    const child = spawn(python, [path.join(root, "tests", "cloud", "bus.py")], { stdio: ["pipe", "pipe", "inherit"] });
    later(() => child.kill());
    return new Bus(child);
  }

  /** Messages in a queue that nobody has taken; null when there is no such queue. */
  async waiting(url: string, queue: string): Promise<number | null> {
    return (await this.#ask({ command: "waiting", url, queue })) as number | null;
  }

  async purge(url: string, queue: string): Promise<void> {
    await this.#ask({ command: "purge", url, queue });
  }

  async publish(url: string, queue: string, servers: string[], times: number): Promise<void> {
    await this.#ask({ command: "publish", url, queue, servers, times });
  }

  async #ask(request: object): Promise<unknown> {
    const line = await new Promise<string>((resolve) => {
      this.#waiting.push(resolve);
      this.child.stdin?.write(`${JSON.stringify(request)}\n`);
    });
    const { reply } = JSON.parse(line) as { reply: unknown };
    assert.ok(typeof reply !== "object" || reply === null, JSON.stringify(reply));
    return reply;
  }
}
