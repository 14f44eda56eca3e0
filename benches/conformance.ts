// Compares the answers and log lines of the same job in JavaScript with the Worker's before anything is measured.
import { setTimeout as sleep } from "node:timers/promises";
import { Failure } from "../scripts/command.mjs";
import { register, send, type Sent } from "./fill.ts";
import { ours, sameJob } from "./sides.ts";
import { serve, type Served } from "./workerd.ts";
import { PROJECT, claims, serverId, tokens } from "./workload.ts";

const OTHER_PROJECT = "0123456789abcdef0123456789abcdef";
const TOKENS = {
  member: claims(PROJECT, ["member"]),
  reader: claims(PROJECT, ["reader"]),
  admin: claims(PROJECT, ["Admin"]),
  service: claims(PROJECT, ["service"]),
  stranger: claims(OTHER_PROJECT, ["member"]),
  unscoped: claims(null, ["member"]),
  expired: claims(PROJECT, ["member"], "2020-01-01T00:00:00Z"),
};

const METADATA = { one: "1", two: "2", "a b": "3", "a/b": "4", clé: "5", "100%": "6" };

/** Servers by the number in their id, with their differences from a server that may be changed. */
const SERVERS: Record<string, unknown>[] = [
  {},
  { locked: true },
  { vm_state: "building" },
  { vm_state: "stopped", task_state: "rebooting" },
  { launched: false },
  { project_id: OTHER_PROJECT },
];

const IMAGES: Record<string, unknown>[] = [
  {},
  { status: "saving" },
  { status: "deleted" },
  { project_id: OTHER_PROJECT },
  { project_id: OTHER_PROJECT, visibility: "public" },
  { project_id: OTHER_PROJECT, visibility: "shared", members: [PROJECT] },
  { status: "deactivated" },
];

interface Question {
  method?: string;
  path: string;
  token?: string;
  headers?: Record<string, string>;
}

const TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/** In this order, because some answers depend on earlier requests. */
const QUESTIONS: Question[] = [
  // The path.
  { path: server(0, "one") },
  { path: server(0, "one") },
  { path: `/v2/${PROJECT}/servers/${serverId(0)}/metadata/two` },
  { path: `/v2.1/servers/${serverId(0)}/metadata/a%20b` },
  { path: `/servers/${serverId(0)}/metadata/a%2Fb` },
  { path: `//v2.1///${PROJECT}//servers/${serverId(0)}/metadata/cl%C3%A9` },
  { path: server(0, "100%") },
  { path: server(0, "nothing") },
  { path: server(0, "%FF") },
  { path: server(0, "a%00") },
  { path: server(0, "%2E%2E") },
  { path: server(0, "") },
  { path: `/v2.1/${PROJECT}/flavors/1` },
  { path: `/v2.1/PROJECT/servers/${serverId(0)}/metadata/one` },
  { path: `/v2.1/${PROJECT}/servers/${serverId(0)}/metadata/one/two` },
  { path: `/v2.1/${PROJECT}/servers/${serverId(0).toUpperCase()}/metadata/one` },
  { path: `/v2.1/${PROJECT}/servers/${serverId(999)}/metadata/one` },
  { path: `/v2.1/${PROJECT}/servers/%FF/metadata/one` },
  { path: `/v2.1/${PROJECT}/images/x%22y/metadata/one` },
  { path: server(0, "one"), method: "PATCH" },
  { path: `/v2.1/servers/${serverId(0)}/metadata`, method: "DELETE" },
  { path: `/v2.1/servers/${serverId(0)}`, method: "DELETE" },
  { path: `/v2/${OTHER_PROJECT}/servers/${serverId(1)}/metadata/one` },
  { path: `${server(1, "nothing")}?query=1` },
  // The token.
  { path: server(1, "one"), token: "" },
  { path: server(1, "one"), token: "nobody's" },
  { path: server(1, "one"), token: "expired" },
  { path: server(1, "one"), token: "unscoped" },
  { path: `/servers/${serverId(1)}/metadata/one`, token: "unscoped" },
  { path: `/servers/${serverId(1)}/metadata/one`, token: "stranger" },
  { path: server(1, "one"), token: "reader" },
  { path: server(1, "one"), token: "service" },
  { path: server(1, "one"), headers: { "X-Service-Token": "service" } },
  { path: server(1, "one"), headers: { "X-Service-Token": "nobody's" } },
  { path: "/nowhere", token: "" },
  // Headers.
  { path: server(2, "one"), headers: { "OpenStack-API-Version": "volume 3.1, compute 2.26" } },
  { path: server(2, "one"), headers: { "X-OpenStack-Nova-API-Version": "latest" } },
  { path: server(2, "one"), headers: { "X-OpenStack-Nova-API-Version": "two" } },
  { path: server(2, "one"), headers: { "X-OpenStack-Nova-API-Version": "2.105" } },
  { path: `/v2/servers/${serverId(2)}/metadata/one`, headers: { "X-OpenStack-Nova-API-Version": "two" } },
  { path: server(2, "one"), headers: { "Content-Type": "application/xml" } },
  { path: server(2, "one"), headers: { "Content-Type": "application/json; charset=utf-8" } },
  { path: server(2, "one"), headers: { "Content-Length": "114689" } },
  { path: server(2, "a%20b"), headers: { Accept: "application/vnd.openstack.compute+json" } },
  { path: server(2, "a%2Fb"), headers: { Accept: "text/html, application/json;q=0.1, */*;q=0.5" } },
  { path: server(2, "cl%C3%A9"), headers: { Accept: "application/*, */*;q=0.5" } },
  { path: server(2, "nothing"), headers: { "X-OpenStack-Request-Id": `req-${serverId(7)}`, traceparent: TRACEPARENT } },
  { path: server(2, "nothing"), headers: { "X-OpenStack-Request-Id": "req-7", traceparent: "00-7-7-01" } },
  // The server's state.
  { path: server(1, "two") },
  { path: server(1, "two"), token: "admin" },
  { path: server(2, "two") },
  { path: server(3, "two") },
  { path: server(4, "two") },
  { path: `/servers/${serverId(5)}/metadata/two` },
  { path: `/servers/${serverId(5)}/metadata/two`, token: "admin" },
  // Images.
  { path: image(0, "one") },
  { path: image(0, "one") },
  { path: image(0, "two"), token: "reader" },
  { path: image(0, "two"), token: "unscoped" },
  { path: `/v2.1/images/${serverId(0)}/metadata/two`, headers: { "X-OpenStack-Nova-API-Version": "2.38" } },
  { path: `/v2.1/images/${serverId(0)}/metadata/two`, headers: { "X-OpenStack-Nova-API-Version": "2.39" } },
  ...IMAGES.map((_, number) => ({ path: image(number, "two") })),
];

function server(number: number, key: string): string {
  return `/v2.1/${PROJECT}/servers/${serverId(number)}/metadata/${key}`;
}

function image(number: number, key: string): string {
  return `/images/${serverId(number)}/metadata/${key}`;
}

/**
 * Asks both the same, and returns how many requests that were.
 *
 * Fails when an answer or a log line of theirs differs.
 */
export async function checkConformance(): Promise<number> {
  const all = new Map([...tokens(0), ...Object.entries(TOKENS)]);
  const sides: { served: Served; log: string[] }[] = [];
  try {
    for (const side of [ours, sameJob]) {
      const log: string[] = [];
      sides.push({ served: await serve(side, { tokens: all, log: (line) => log.push(line) }), log });
    }
    const [mine, theirs] = await Promise.all(sides.map(({ served, log }) => answers(served, log)));
    for (const [at, question] of QUESTIONS.entries()) {
      if (mine?.[at] === theirs?.[at]) continue;
      const asked = `${question.method ?? "DELETE"} ${question.path} ${JSON.stringify(question.headers ?? {})}`;
      throw new Failure(`same-job does not answer as we do.\n${asked}\n${ours.name}:\n${mine?.[at]}\nsame-job:\n${theirs?.[at]}`);
    }
    return QUESTIONS.length;
  } finally {
    for (const { served } of sides) await served.end();
  }
}

/** What a side answers to each question, and logs of it. */
async function answers({ port }: Served, log: string[]): Promise<string[]> {
  for (const [number, fields] of SERVERS.entries()) {
    const document = { server: { project_id: PROJECT, metadata: METADATA, ...fields } };
    await register(port, false, `servers/${serverId(number)}`, document);
  }
  for (const [number, fields] of IMAGES.entries()) {
    const document = { image: { project_id: PROJECT, metadata: METADATA, ...fields } };
    await register(port, false, `images/${serverId(number)}`, document);
  }
  const given: string[] = [];
  for (const { method = "DELETE", path, token = "member", headers = {} } of QUESTIONS) {
    const all = { ...(token === "" ? {} : { "X-Auth-Token": token }), ...headers };
    // Content-Length without a body: the answer must not wait for it.
    given.push(await comparable(await send(port, false, method, path, all), port, log));
  }
  return given;
}

/** Status, headers, body and log line, without what differs each time. */
async function comparable({ status, headers, body }: Sent, port: number, log: string[]): Promise<string> {
  const ids = headers.filter(([name]) => name.endsWith("-request-id")).map(([, value]) => value);
  const id = ids[0] ?? "";
  if (ids.length !== 2 || ids[1] !== id || !/^req-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id)) {
    throw new Failure(`an answer has no request id: ${status} ${JSON.stringify(headers)}`);
  }
  const lines = headers.map(([name, value]) => `${name}: ${value}`).sort();
  const sent = lines.filter((line) => !/^(date|connection|keep-alive):/.test(line));
  const text = [status, ...sent, body, await logged(id, log)].join("\n");
  return text.replaceAll(id, "{request id}").replaceAll(`127.0.0.1:${port}`, "{host}");
}

/** The line that is logged of a request, which comes through a pipe. */
async function logged(id: string, log: string[]): Promise<string> {
  for (let waits = 0; waits < 1_000; waits += 1) {
    const line = log.find((line) => line.includes(`"request_id":"${id}"`));
    if (line !== undefined) {
      return line
        .replace(/"time":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z"/, '"time":"{time}"')
        .replace(/"duration_ms":\d+/, '"duration_ms":{milliseconds}');
    }
    await sleep(10);
  }
  throw new Failure(`nothing was logged of request ${id}`);
}
