// Registers the servers and items that the DELETEs need.
import http from "node:http";
import { Failure } from "../scripts/command.mjs";
import { PROJECT, REGISTRAR, items, serverId } from "./workload.ts";

/** Connections that fill. */
export const AT_ONCE = 16;

export interface Sent {
  status: number;
  headers: [string, string][];
  body: string;
}

export function send(
  port: number,
  agent: http.Agent | false,
  method: string,
  path: string,
  headers: Record<string, string> = {},
  body?: string,
): Promise<Sent> {
  return new Promise((resolve, reject) => {
    const length = body === undefined ? {} : { "Content-Length": String(Buffer.byteLength(body)) };
    const options = { host: "127.0.0.1", port, method, path, agent, headers: { ...headers, ...length } };
    const request = http.request(options, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (part: string) => (text += part));
      response.on("error", reject);
      response.on("end", () => {
        const raw = response.rawHeaders;
        const list = Array.from({ length: raw.length / 2 }, (_, at): [string, string] => [
          (raw[at * 2] ?? "").toLowerCase(),
          raw[at * 2 + 1] ?? "",
        ]);
        resolve({ status: response.statusCode ?? 0, headers: list, body: text });
      });
    });
    request.on("error", (error: NodeJS.ErrnoException) => {
      // workerd closes idle connections; such a request never arrived.
      const isStale = request.reusedSocket && error.code === "ECONNRESET";
      if (isStale) send(port, agent, method, path, headers, body).then(resolve, reject);
      else reject(error);
    });
    request.end(body);
  });
}

export async function register(port: number, agent: http.Agent | false, resource: string, document: object): Promise<void> {
  const headers = { "X-Auth-Token": REGISTRAR, "Content-Type": "application/json" };
  const { status, body } = await send(port, agent, "PUT", `/registry/${resource}`, headers, JSON.stringify(document));
  if (status >= 300) throw new Failure(`PUT /registry/${resource}: ${status} ${body}`);
}

/** Deletes servers `first` to `first + servers - 1`. */
export async function unregister(port: number, first: number, servers: number): Promise<void> {
  await each(first, servers, async (agent, number) => {
    const path = `/registry/servers/${serverId(number)}`;
    const { status, body } = await send(port, agent, "DELETE", path, { "X-Auth-Token": REGISTRAR });
    if (status !== 204) throw new Failure(`DELETE ${path}: ${status} ${body}`);
  });
}

/** Servers `first` to `first + servers - 1`, each with all its items. */
export async function fill(port: number, first: number, servers: number, itemCount: number): Promise<void> {
  const document = { server: { project_id: PROJECT, metadata: items(itemCount) } };
  await each(first, servers, (agent, number) => register(port, agent, `servers/${serverId(number)}`, document));
}

async function each(first: number, servers: number, ask: (agent: http.Agent, number: number) => Promise<void>): Promise<void> {
  const agent = new http.Agent({ keepAlive: true, maxSockets: AT_ONCE });
  let next = first;
  const work = async (): Promise<void> => {
    while (next < first + servers) {
      const number = next;
      next += 1;
      await ask(agent, number);
    }
  };
  try {
    await Promise.all(Array.from({ length: AT_ONCE }, work));
  } finally {
    agent.destroy();
  }
}
