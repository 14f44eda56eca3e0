// Small requests that could cost much: patterns that repeat repetitions, queries of thousands of parameters, headers as
// long as they may be. Each costs little more than an ordinary request, because the cost grows with its bytes only.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { median } from "../median.ts";
import { Project } from "../project.ts";
import { startWorkerd } from "../workerd.ts";
import { Connection } from "./connection.ts";
import { cpuMilliseconds } from "./process.ts";
import { until } from "./until.ts";

/** What the longest of heads and the worst of patterns may cost, beside the same request without them. */
const MAX_TIMES_ORDINARY = 4;
/** Each is sent so often, in turns: a request of a millisecond is measured coarsely. */
const ROUNDS = 11;
const NAMED = 200;
/** As much of one kind as fits into a head that the platform takes. */
const LONG = 14_000;

const worker = await startWorkerd();
after(() => worker.stop());

const project = new Project(worker);
let token: string;
let server: string;

before(async () => {
  token = await project.as("member");
  for (let from = 0; from < NAMED; from += 20) {
    await Promise.all(Array.from({ length: 20 }, () => project.server({ name: "a".repeat(255), metadata: {} })));
  }
  server = await project.server({ name: "b" });
  const names = async (): Promise<number> => {
    const answer = await worker.request("GET", "/v2.1/servers?name=a&limit=100", { token });
    const next = await worker.request("GET", `/v2.1/servers?name=a&marker=${answer.json().servers.at(-1)?.id ?? ""}`, { token });
    return answer.json().servers.length + (next.status === 200 ? next.json().servers.length : 0);
  };
  await until("the list is complete", async () => (await names()) === NAMED, { patience: 60_000 });
});

async function cost(method: string, path: string, headers: Record<string, string>): Promise<{ status: number; cpu: number }> {
  const connection = await Connection.open(worker.url);
  const before = cpuMilliseconds(worker.pid);
  await connection.send(connection.head(method, path, headers));
  const { status } = await connection.answer();
  const cpu = cpuMilliseconds(worker.pid) - before;
  connection.close();
  return { status, cpu };
}

const PATTERNS = [
  "((a{0,50}){0,50}){0,20}b$",
  "((a?){100}){100}b",
  "(.?){30000}b",
  "((a|aa|aaa){50}){50}c",
  `${"(".repeat(100)}a${")*".repeat(50)}`,
  "(a*)*".repeat(50),
  "[^b]{0,250}b",
  "(?i)(ſ|K|[^\\x00-\\x7f]|a)*b",
];

/** Each with what is added to an ordinary GET of a list. */
const REQUESTS: { name: string; path?: string; query?: string; headers?: Record<string, string> }[] = [
  ...PATTERNS.map((pattern) => ({
    name: `names that match ${pattern.slice(0, 40)}`,
    query: `name=${encodeURIComponent(pattern)}`,
  })),
  { name: "thousands of parameters", query: "a&".repeat(LONG / 2) },
  { name: "thousands of names", query: "name=a&".repeat(LONG / 7) },
  { name: "thousands of markers", query: "marker=&".repeat(LONG / 8) },
  { name: "thousands of percent signs", query: `name=${"%".repeat(LONG)}` },
  { name: "a limit of thousands of digits", query: `limit=${"9".repeat(LONG)}` },
  { name: "a time of thousands of digits", query: `changes-since=${"9".repeat(LONG)}` },
  { name: "thousands of segments", path: `/v2.1/${"servers/".repeat(LONG / 8)}` },
  { name: "thousands of empty segments", path: `${"/".repeat(LONG)}v2.1/servers` },
  { name: "thousands of dots", path: `${"/a/..".repeat(LONG / 5)}/v2.1/servers` },
  { name: "a key of thousands of encoded characters", path: `/servers/{id}/metadata/${"%2F".repeat(LONG / 3)}` },
  { name: "thousands of media types", headers: { Accept: "a/b;q=0.1,".repeat(LONG / 10) } },
  { name: "thousands of semicolons in a media type", headers: { Accept: `a/b${";".repeat(LONG)}` } },
  {
    name: "a content type of thousands of parameters",
    headers: { "Content-Type": `application/json${";a=b".repeat(LONG / 4)}` },
  },
  { name: "thousands of versions", headers: { "OpenStack-API-Version": "compute 2.1,".repeat(LONG / 12) } },
  { name: "a version of thousands of digits", headers: { "X-OpenStack-Nova-API-Version": `2.${"9".repeat(LONG)}` } },
  { name: "a token of thousands of characters", headers: { "X-Auth-Token": "x".repeat(LONG) } },
  { name: "a service token of thousands of characters", headers: { "X-Service-Token": "x".repeat(LONG) } },
  { name: "thousands of origins", headers: { Origin: "https://a.example ".repeat(LONG / 18) } },
  { name: "a request id of thousands of characters", headers: { "X-OpenStack-Request-Id": `req-${"0".repeat(LONG)}` } },
  { name: "a trace of thousands of hyphens", headers: { traceparent: "-".repeat(LONG) } },
];

for (const { name, path = "/v2.1/servers", query, headers = {} } of REQUESTS) {
  test(`${name}: at most ${MAX_TIMES_ORDINARY} times an ordinary request`, async () => {
    const target = path.replace("{id}", server) + (query === undefined ? "" : `?${query}`);
    // A path that is read as the list's costs what the list costs.
    const usual = path.endsWith("/v2.1/servers") ? "/v2.1/servers" : `/v2.1/servers/${server}`;
    const [ours, ordinary]: [number[], number[]] = [[], []];
    let status = 0;
    for (let round = 0; round < ROUNDS; round += 1) {
      ordinary.push((await cost("GET", usual, { "X-Auth-Token": token })).cpu);
      const answer = await cost("GET", target, { "X-Auth-Token": token, ...headers });
      ours.push(answer.cpu);
      status = answer.status;
    }
    const [worst, least] = [median(ours), median(ordinary)];
    console.log(`${name}: ${status} for ${worst.toFixed(1)} ms of CPU; ordinary: ${least.toFixed(1)} ms`);
    assert.ok(status < 500, String(status));
    assert.ok(worst < MAX_TIMES_ORDINARY * least, `${worst} ms of CPU, ${least} for an ordinary request`);
  });
}
