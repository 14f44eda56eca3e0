/**
 * One TCP connection that a test writes bytes to and reads answers from, in whichever order it likes: a client
 * that sends slowly, stops half-way, resets, or sends the next request before anybody has read the last one.
 */
import assert from "node:assert/strict";
import { connect, type Socket } from "node:net";

import { Answer, Headers, type HeaderList } from "../harness.ts";

/** Until a connection that says nothing more is given up. */
const PATIENCE_MS = 20_000;

export class Connection {
  readonly #socket: Socket;
  #received = Buffer.alloc(0);
  #isClosed = false;
  #error: Error | undefined;
  readonly #closed: Promise<void>;
  /** Called when bytes have come, and when no more will. */
  #onChange: () => void = () => {};

  private constructor(
    socket: Socket,
    readonly host: string,
  ) {
    this.#socket = socket;
    socket.on("data", (bytes: Buffer) => {
      this.#received = Buffer.concat([this.#received, bytes]);
      this.#onChange();
    });
    socket.on("error", (error) => (this.#error = error));
    this.#closed = new Promise((resolve) => {
      socket.on("close", () => {
        this.#isClosed = true;
        this.#onChange();
        resolve();
      });
    });
  }

  static async open(url: string): Promise<Connection> {
    const { hostname, port, host } = new URL(url);
    const socket = connect({ host: hostname, port: Number(port), noDelay: true });
    await new Promise((resolve, reject) => {
      socket.once("connect", resolve);
      socket.once("error", reject);
    });
    return new Connection(socket, host);
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Writes bytes, and resolves once the system has taken them, or the connection has ended. */
  async send(bytes: string | Uint8Array): Promise<void> {
    if (this.#isClosed) return;
    const written = new Promise<void>((resolve) => this.#socket.write(bytes, () => resolve()));
    await Promise.race([written, this.#closed]);
  }

  /** The head of a request; `Host` is added. */
  head(method: string, path: string, headers: Record<string, string>): string {
    const lines = Object.entries({ Host: this.host, ...headers }).map(([name, value]) => `${name}: ${value}\r\n`);
    return `${method} ${path} HTTP/1.1\r\n${lines.join("")}\r\n`;
  }

  /** The next answer on the connection. */
  async answer({ patience = PATIENCE_MS, hasBody = true } = {}): Promise<Answer> {
    const started = performance.now();
    const until = started + patience;
    const head = await this.#through("\r\n\r\n", until);
    const [statusLine = "", ...lines] = head
      .toString("latin1")
      .split("\r\n")
      .filter((line) => line !== "");
    const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(statusLine)?.[1]);
    const headers = new Headers(
      lines.map((line): HeaderList[number] => {
        const colon = line.indexOf(":");
        return [line.slice(0, colon), line.slice(colon + 1).trim()];
      }),
    );
    const body = hasBody && status !== 204 && status !== 304 ? await this.#body(headers, until) : Buffer.alloc(0);
    return new Answer(status, headers, body, performance.now() - started);
  }

  async #body(headers: Headers, until: number): Promise<Buffer> {
    if (headers.get("Transfer-Encoding") !== "chunked") {
      return this.#take(Number(headers.get("Content-Length") ?? 0), until);
    }
    const parts: Buffer[] = [];
    for (;;) {
      const size = Number.parseInt((await this.#through("\r\n", until)).toString("latin1"), 16);
      parts.push((await this.#take(size + 2, until)).subarray(0, size));
      if (size === 0) return Buffer.concat(parts);
    }
  }

  async #through(end: string, until: number): Promise<Buffer> {
    for (;;) {
      const at = this.#received.indexOf(end);
      if (at >= 0) return this.#take(at + end.length, until);
      await this.#more(until);
    }
  }

  async #take(size: number, until: number): Promise<Buffer> {
    while (this.#received.length < size) await this.#more(until);
    const taken = this.#received.subarray(0, size);
    this.#received = this.#received.subarray(size);
    return taken;
  }

  /** Waits for more bytes. */
  async #more(until: number): Promise<void> {
    const shown = JSON.stringify(this.#received.toString("latin1").slice(0, 200));
    if (this.#isClosed) {
      throw new assert.AssertionError({ message: `closed after ${shown}: ${this.#error?.message ?? "no error"}` });
    }
    let timer: NodeJS.Timeout | undefined;
    const isLate = await new Promise<boolean>((resolve) => {
      this.#onChange = () => resolve(false);
      timer = setTimeout(() => resolve(true), until - performance.now());
    });
    clearTimeout(timer);
    if (isLate) throw new assert.AssertionError({ message: `no more bytes in time, after ${shown}` });
  }

  /** Ends the connection with RST, as a client that crashes or is killed does. */
  reset(): void {
    this.#socket.resetAndDestroy();
  }

  close(): void {
    this.#socket.destroy();
  }
}

/** A body in chunks of this many bytes, with the chunk that ends it unless it is to be continued. */
export function chunked(body: Uint8Array, size: number, isFinished = true): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at < body.length; at += size) {
    const part = body.subarray(at, at + size);
    parts.push(Buffer.from(`${part.length.toString(16)}\r\n`), Buffer.from(part), Buffer.from("\r\n"));
  }
  if (isFinished) parts.push(Buffer.from("0\r\n\r\n"));
  return Buffer.concat(parts);
}
