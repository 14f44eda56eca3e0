// A real Nova beside this Worker, in one run: what the same DELETE costs there.
//
// Nova's MariaDB has its files in memory, like the Worker's objects. Keystone is stopped before anything is measured,
// and each token is used once more: one that was not cached is refused, and the run fails.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { Failure, progress } from "../scripts/command.mjs";
import { send } from "./fill.ts";
import { deleteKeys, type Keys, type Owner } from "./load.ts";
import { PROCESSES, novaEnvironment, prepareNova, startNova, type NovaApi } from "./nova/api.ts";
import { startIdentity, type Identity } from "./nova/keystone.ts";
import { requireMariaDb, startMariaDb, type MariaDb } from "./nova/mariadb.ts";
import { undoing } from "../tests/programs.ts";
import { cpuMicroseconds, familyCpuMicroseconds } from "./processes.ts";
import { takeTurn } from "./rounds.ts";
import { ours } from "./sides.ts";
import { ratio, spread, type Spread } from "./statistics.ts";
import { MEMORY, serve, type Served } from "./workerd.ts";
import { serverId, tokens } from "./workload.ts";

/** Items of a server at the beginning. Few, because Nova reads all of them for each DELETE. */
const ITEMS = 10;
const TOKENS = 10;
/** More than Nova deletes in a second. */
const SERVERS_PER_SECOND = 40;
/** A turn may end early for lack of items: one workerd holds little more than twice as many objects awake. */
const OBJECTS = 1_000;
/** One connection per process of Nova, which answers one request at a time. */
const CONNECTIONS = { nova: PROCESSES, worker: 16 };
/** How often each token is used concurrently, so that every process has cached it. */
const MEETINGS = { times: 5, atOnce: 2 * PROCESSES };

export interface NovaSide {
  title: string;
  connections: number;
  perSecond: Spread;
  /** Milliseconds. */
  p50: Spread;
  p99: Spread;
  /** µs of CPU per request of the API's processes. */
  cpu: Spread;
  /** µs of CPU per request of the database. */
  databaseCpu?: Spread;
}

export interface NovaComparison {
  rounds: number;
  seconds: number;
  items: number;
  processes: number;
  versions: Record<string, string>;
  sides: NovaSide[];
  ratios: { title: string; value: Spread }[];
}

interface Turn {
  perSecond: number;
  p50: number;
  p99: number;
  cpu: number;
  databaseCpu?: number;
}

interface Contestant {
  title: string;
  connections: number;
  turn(): Promise<Turn>;
  turns: Turn[];
}

export async function measureNova(rounds: number, seconds: number): Promise<NovaComparison> {
  const versions = { MariaDB: await requireMariaDb(), ...(await novaEnvironment()) };
  return undoing(async (later) => {
    const folder = mkdtempSync(path.join(MEMORY, "edge-metadata-bench-nova-"));
    later(() => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }));
    const database = await startMariaDb(folder, later);
    const identity = await startIdentity(TOKENS, later);
    const servers = SERVERS_PER_SECOND * seconds;
    await prepareNova(folder, database, identity, servers);
    const api = await startNova(folder, later);
    const owner = { project: identity.project, tokenFile: path.join(folder, "tokens") };
    writeFileSync(owner.tokenFile, identity.tokens.map((token) => `${token}\n`).join(""));
    const keys = { servers, items: ITEMS, tokens: TOKENS, first: 1 };
    progress("Nova meets each token, and Keystone ends");
    await meetTokens(api, identity);
    await identity.keystone.remove();
    // Fails if a token is not cached.
    await meetTokens(api, identity);
    const served = await serve(ours, { storage: MEMORY, tokens: tokens(TOKENS) });
    later(() => served.end());
    const nova: Contestant = {
      title: "Nova 34 on MariaDB",
      connections: CONNECTIONS.nova,
      turn: () => novaTurn(api, database, seconds, keys, owner),
      turns: [],
    };
    // The Worker with as few connections as well, because only then do latencies compare.
    const workers = [CONNECTIONS.nova, CONNECTIONS.worker].map(
      (connections): Contestant => ({
        title: ours.title,
        connections,
        turn: () => workerTurn(served, seconds, connections),
        turns: [],
      }),
    );
    const sides = [nova, ...workers];
    await compete(sides, rounds);
    return { rounds, seconds, items: ITEMS, processes: PROCESSES, versions, sides: sides.map(result), ratios: ratios(sides) };
  });
}

/** Each process has its own token cache, and the client cannot choose the process. */
async function meetTokens({ port }: NovaApi, { project, tokens }: Identity): Promise<void> {
  const resource = `/v2.1/${project}/servers/${serverId(1)}/metadata`;
  for (const token of tokens) {
    for (let time = 0; time < MEETINGS.times; time += 1) {
      const asked = Array.from({ length: MEETINGS.atOnce }, () => send(port, false, "GET", resource, { "X-Auth-Token": token }));
      for (const { status, body } of await Promise.all(asked)) {
        if (status !== 200) throw new Failure(`Nova: GET ${resource}: ${status} ${body}`);
      }
    }
  }
}

async function workerTurn(served: Served, seconds: number, connections: number): Promise<Turn> {
  const keys = { servers: OBJECTS, items: ITEMS, tokens: TOKENS, first: 1 };
  const { perSecond, p50, p99, cpu } = await takeTurn(served, { seconds, connections, keys });
  return { perSecond, p50: p50 / 1000, p99: p99 / 1000, cpu };
}

async function novaTurn(api: NovaApi, database: MariaDb, seconds: number, keys: Keys, owner: Owner): Promise<Turn> {
  // Deleted items remain as marked rows until an operator purges them; there are none at first.
  await database.sql(`
    TRUNCATE nova_cell1.instance_metadata;
    INSERT INTO nova_cell1.instance_metadata (created_at, deleted, \`key\`, value, instance_uuid)
    SELECT UTC_TIMESTAMP(), 0, CONCAT('key', seq), CONCAT('value of item ', seq), uuid
    FROM nova_cell1.instances, nova_cell1.seq_0_to_${keys.items - 1}`);
  const before = { api: familyCpuMicroseconds(api.pid), database: cpuMicroseconds(database.pid) };
  const seen = await deleteKeys(api.port, CONNECTIONS.nova, seconds, keys, owner);
  const used = { api: familyCpuMicroseconds(api.pid) - before.api, database: cpuMicroseconds(database.pid) - before.database };
  if (seen.refused > 0 || seen.broken > 0) {
    throw new Failure(`Nova: ${seen.refused} of ${seen.requests} DELETEs refused, ${seen.broken} without an answer`);
  }
  const deleted = Number(await database.sql("SELECT COUNT(*) FROM nova_cell1.instance_metadata WHERE deleted <> 0"));
  if (deleted < seen.requests) throw new Failure(`Nova: ${deleted} items deleted in ${seen.requests} DELETEs`);
  return {
    perSecond: seen.requests / (seen.microseconds / 1e6),
    p50: seen.p50 / 1000,
    p99: seen.p99 / 1000,
    cpu: used.api / seen.requests,
    databaseCpu: used.database / seen.requests,
  };
}

async function compete(sides: Contestant[], rounds: number): Promise<void> {
  for (let round = 0; round <= rounds; round += 1) {
    progress(round === 0 ? "Nova: warming up" : `Nova: round ${round} of ${rounds}`);
    const begin = round % sides.length;
    for (const side of [...sides.slice(begin), ...sides.slice(0, begin)]) {
      const turn = await side.turn();
      if (round > 0) side.turns.push(turn);
    }
  }
}

function result({ title, connections, turns }: Contestant): NovaSide {
  const of = (value: (turn: Turn) => number): Spread => spread(turns.map(value));
  const side = {
    title,
    connections,
    perSecond: of((turn) => turn.perSecond),
    p50: of((turn) => turn.p50),
    p99: of((turn) => turn.p99),
    cpu: of((turn) => turn.cpu),
  };
  const database = turns.flatMap(({ databaseCpu }) => databaseCpu ?? []);
  return database.length === 0 ? side : { ...side, databaseCpu: spread(database) };
}

/** Ratios of the first side to the others, with and without its database. */
function ratios([nova, ...workers]: Contestant[]): NovaComparison["ratios"] {
  const all: NovaComparison["ratios"] = [];
  const add = (title: string, worker: Contestant, value: (turns: Turn[], others: Turn[]) => Spread): void => {
    all.push({ title: `${title}, ${worker.connections} connections`, value: value(nova?.turns ?? [], worker.turns) });
  };
  const cpu = (turns: Turn[]): number[] => turns.map((turn) => turn.cpu);
  const allCpu = (turns: Turn[]): number[] => turns.map((turn) => turn.cpu + (turn.databaseCpu ?? 0));
  const perSecond = (turns: Turn[]): number[] => turns.map((turn) => turn.perSecond);
  for (const worker of workers) {
    add("CPU, Nova's API processes alone : edge-metadata", worker, (one, other) => ratio(cpu(one), cpu(other)));
    add("CPU, Nova and its database : edge-metadata", worker, (one, other) => ratio(allCpu(one), cpu(other)));
    add("req/s, edge-metadata : Nova", worker, (one, other) => ratio(perSecond(other), perSecond(one)));
  }
  return all;
}
