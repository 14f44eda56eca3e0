// Whether what is asked of a list is independent of how many servers are in it.
//
// One hundred servers are registered. The list's other rows are written into its database while nothing runs: to
// register 100,000 servers takes minutes, and only the list's own table matters here.
import http from "node:http";
import { readdirSync } from "node:fs";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { Failure, progress } from "../scripts/command.mjs";
import { register, send } from "./fill.ts";
import { cpuMicroseconds } from "./processes.ts";
import { quiet } from "./quiet.ts";
import { ours } from "./sides.ts";
import { spread, type Spread } from "./statistics.ts";
import { serve, type Served } from "./workerd.ts";
import { PROJECT, serverId, token, tokens } from "./workload.ts";

export interface IndexSize {
  /** How many servers are listed. */
  counts: number[];
  /** Milliseconds of CPU of one request, by its title, for each count. */
  requests: { title: string; milliseconds: Spread[] }[];
}

const REGISTERED = 100;
const ROUNDS = 7;
/** Requests of one measurement: the kernel counts CPU in hundredths of a second. */
const TIMES = 20;

const LISTS = [
  { title: "a page of 10", query: "?limit=10", isFound: 10 },
  { title: "look-up by the whole name", query: `?name=${encodeURIComponent("^registered 7$")}`, isFound: 1 },
  { title: "look-up by a part of the name", query: "?name=gistered%207&limit=1", isFound: 1 },
  // An expression of which SQLite cannot tell the rows: each name is compared.
  { title: "look-up by a pattern", query: `?name=${encodeURIComponent("^regist.*7$")}&limit=1`, isFound: 1 },
  { title: "look-up by a pattern that no name matches", query: `?name=${encodeURIComponent("^regist.*x$")}&limit=1`, isFound: 0 },
];

export async function measureIndexSize(most: number): Promise<IndexSize> {
  const counts = [100, 1_000, 10_000, 100_000].filter((count) => count <= most);
  const titles = [...LISTS.map(({ title }) => title), "a registration, its insertion included"];
  const milliseconds = titles.map((): Spread[] => []);
  for (const count of counts) {
    progress(`a list of ${count} servers`);
    for (const [at, value] of (await measure(count)).entries()) milliseconds[at]?.push(value);
  }
  return { counts, requests: titles.map((title, at) => ({ title, milliseconds: milliseconds[at] ?? [] })) };
}

async function measure(count: number): Promise<Spread[]> {
  let served = await serve(ours, { tokens: tokens(1) });
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  try {
    for (let number = 1; number <= REGISTERED; number += 1) await put(served, agent, number);
    await quiet(served.pid);
    served = await served.restart((folder) => extend(folder, count - REGISTERED));
    const seen: number[][] = [...LISTS, "registration"].map(() => []);
    let next = REGISTERED;
    for (let round = 0; round <= ROUNDS; round += 1) {
      for (const [at, { query, isFound }] of LISTS.entries()) {
        const cpu = await perRequest(served, () => list(served, agent, query, isFound));
        if (round > 0) seen[at]?.push(cpu);
      }
      const cpu = await perRequest(served, () => put(served, agent, (next += 1)));
      if (round > 0) seen[LISTS.length]?.push(cpu);
    }
    return seen.map(spread);
  } finally {
    agent.destroy();
    await served.end();
  }
}

/** Milliseconds of CPU of one of several requests, the alarms that they set included. */
async function perRequest({ pid }: Served, ask: () => Promise<void>): Promise<number> {
  const before = cpuMicroseconds(pid);
  for (let time = 0; time < TIMES; time += 1) await ask();
  return (cpuMicroseconds(pid) - before) / TIMES / 1_000;
}

async function put({ port }: Served, agent: http.Agent, number: number): Promise<void> {
  const server = { project_id: PROJECT, name: `registered ${number}`, metadata: { key: "value" } };
  await register(port, agent, `servers/${serverId(number)}`, { server });
}

async function list({ port }: Served, agent: http.Agent, query: string, isFound: number): Promise<void> {
  const { status, body } = await send(port, agent, "GET", `/v2.1/${PROJECT}/servers${query}`, { "X-Auth-Token": token(1) });
  const found = status === 200 ? (JSON.parse(body) as { servers: unknown[] }).servers.length : 0;
  if (found !== isFound) throw new Failure(`GET servers${query}: ${status}, ${found} servers in place of ${isFound}`);
}

/** Adds rows to the project's list that are older than the registered servers, and so are on the last pages. */
function extend(folder: string, count: number): void {
  const lists = path.join(folder, "objects", "IndexObject");
  for (const file of readdirSync(lists).filter((name) => name.endsWith(".sqlite"))) {
    const database = new DatabaseSync(path.join(lists, file));
    const listed = database.prepare("SELECT count(*) AS count FROM sqlite_master WHERE name = 'entry'").get();
    if (listed?.["count"] === 1) {
      database.exec("BEGIN");
      const insert = database.prepare("INSERT INTO entry (kind, id, name, created) VALUES ('server', ?, ?, ?)");
      for (let number = 0; number < count; number += 1) {
        insert.run(serverId(0x1000000 + number).replace(/^(.{14})4/, "$15"), `older ${number}`, number);
      }
      database.exec("COMMIT");
    }
    database.close();
  }
}
