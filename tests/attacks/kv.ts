/** A KV namespace that answers when and how a test says, and counts what it is asked. */
import http from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

import type { Namespace } from "../harness.ts";
import type { KvServer } from "../workerd.ts";

export async function startKv(): Promise<FakeKv> {
  const kv = new FakeKv();
  await kv.listen();
  return kv;
}

export class FakeKv implements KvServer {
  /** The keys that were read, in the order in which they were asked for. */
  readonly reads: string[] = [];
  /** What each read waits for before it is answered. */
  beforeRead: (key: string) => Promise<void> = () => Promise.resolve();
  /** Reads that are not answered yet. */
  unanswered = 0;
  readonly #values = new Map<string, string>();
  readonly #server = http.createServer((request, response) => void this.#answer(request, response));

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  readonly namespace: Namespace = {
    get: async (key) => this.#values.get(key) ?? null,
    put: async (key, value) => void this.#values.set(key, value),
    delete: async (key) => void this.#values.delete(key),
    list: async () => ({ keys: [...this.#values.keys()].map((name) => ({ name })) }),
  };

  /** Answers each read after this many milliseconds. */
  delayReads(milliseconds: number): void {
    this.beforeRead = () => sleep(milliseconds);
  }

  answerAtOnce(): void {
    this.beforeRead = () => Promise.resolve();
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
  }

  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }

  async #answer(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const key = decodeURIComponent(new URL(request.url ?? "/", "http://kv").pathname.slice(1));
    if (request.method === "PUT") {
      let value = "";
      for await (const part of request) value += String(part);
      this.#values.set(key, value);
      response.end();
      return;
    }
    this.reads.push(key);
    this.unanswered += 1;
    try {
      await this.beforeRead(key);
    } finally {
      this.unanswered -= 1;
    }
    const value = this.#values.get(key);
    response.writeHead(value === undefined ? 404 : 200);
    response.end(value);
  }
}
