/** A fake Keystone whose answers a test controls and which records its requests. */
import { randomBytes } from "node:crypto";
import http from "node:http";
import type { AddressInfo } from "node:net";

import { projectId } from "./harness.ts";

export interface Question {
  method: string;
  url: string;
  headers: http.IncomingHttpHeaders;
  body: string;
}

/** Answers one request; a response that it does not end stays open. */
export type Behaviour = (response: http.ServerResponse, question: Question) => void | Promise<void>;

export interface TokenFields {
  project?: string | null;
  roles?: string[];
  /** Seconds; negative for an expired token. */
  expiresIn?: number;
  /** How many characters the token has. */
  length?: number;
  fields?: Record<string, unknown>;
}

export async function startKeystone(): Promise<FakeKeystone> {
  const keystone = new FakeKeystone();
  await keystone.listen(0);
  return keystone;
}

export class FakeKeystone {
  /** All requests in order of arrival. */
  readonly asked: Question[] = [];
  /** Replaces Keystone's behaviour. */
  behaviour: Behaviour | undefined;
  readonly #tokens = new Map<string, unknown>();
  #server: http.Server | undefined;
  #port = 0;

  get url(): string {
    return `http://127.0.0.1:${this.#port}/v3`;
  }

  /** Requests that validate a token. */
  get validations(): Question[] {
    return this.asked.filter(({ method }) => method === "GET");
  }

  /** Issues a token that this Keystone accepts. */
  token({ project = projectId(), roles = ["member"], expiresIn = 3600, length = 70, fields = {} }: TokenFields = {}): string {
    const token = `gAAAAA${randomBytes(length).toString("base64url")}`.slice(0, length);
    const at = (seconds: number): string => new Date(Date.now() + seconds * 1000).toISOString().replace("Z", "000Z");
    this.#tokens.set(token, {
      token: {
        methods: ["password"],
        user: { id: randomBytes(16).toString("hex"), name: "somebody", domain: { id: "default", name: "Default" } },
        audit_ids: [randomBytes(16).toString("base64url")],
        expires_at: at(expiresIn),
        issued_at: at(0),
        ...(project === null ? {} : { project: { id: project, name: "some", domain: { id: "default", name: "Default" } } }),
        ...(roles.length === 0 ? {} : { roles: roles.map((name) => ({ id: randomBytes(16).toString("hex"), name })) }),
        ...fields,
      },
    });
    return token;
  }

  revoke(token: string): void {
    this.#tokens.delete(token);
  }

  /** As Keystone does: 401 for the caller's token, 404 for the subject's. */
  readonly honest: Behaviour = (response, { headers }) => {
    const asking = String(headers["x-auth-token"]);
    const subject = String(headers["x-subject-token"]);
    if (!this.#tokens.has(asking)) return fault(response, 401);
    const token = this.#tokens.get(subject);
    if (token === undefined) return fault(response, 404);
    return json(response, 200, token);
  };

  /** Issues a token for an application credential. */
  readonly issuing: Behaviour = (response, question) => {
    if (question.method !== "POST") return this.honest(response, question);
    const token = this.token({ roles: ["service"] });
    response.setHeader("X-Subject-Token", token);
    return json(response, 201, this.#tokens.get(token));
  };

  async listen(port: number): Promise<void> {
    // The longest token comes twice, and Node.js allows 16 KiB of headers unless it is told otherwise.
    const server = http.createServer({ maxHeaderSize: 32_768 }, (request, response) => {
      let body = "";
      request.on("data", (part: Buffer) => (body += part.toString()));
      request.on("end", () => {
        const question = { method: request.method ?? "", url: request.url ?? "", headers: request.headers, body };
        this.asked.push(question);
        void (this.behaviour ?? this.honest)(response, question);
      });
    });
    this.#server = server;
    await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
    this.#port = (server.address() as AddressInfo).port;
  }

  /** Stops listening and breaks open connections. */
  async stop(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
  }

  /** Listens again on the same port. */
  async resume(): Promise<void> {
    await this.listen(this.#port);
  }
}

/** An error as Keystone itself answers it. */
export function fault(response: http.ServerResponse, status: number): void {
  json(response, status, { error: { code: status, message: "…", title: http.STATUS_CODES[status] } });
}

export function json(response: http.ServerResponse, status: number, document: unknown): void {
  response.writeHead(status, { "Content-Type": "application/json" });
  response.end(JSON.stringify(document));
}
