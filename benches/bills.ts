// The cost of requests, and of months of them, at the platform's list prices.
import { MOST_LISTED } from "./parameters.ts";
import { charge, LOG_EVENTS, LOG_GIGABYTES, LOG_STORED, METERS, PLAN, PRICES, total, type Usage } from "./price.ts";
import type { Figures, Scenario } from "./simulation.ts";
import { amount, dollars, print } from "./tables.ts";
import { extra, keep, requests, SERVER_BYTES, sum, type Units } from "./units.ts";

export const MONTH_SECONDS = 30 * 24 * 3_600;

/** Items of each server. */
const ITEMS = 10;
/** Entries of the operation log when an object starts. */
const CHANGES = 1;
/** Rows that an object reads to start. */
export const START_ROWS = extra.objectStart(ITEMS, CHANGES).rowsRead;

// Assumptions that cannot be counted.
/** Milliseconds of the Worker's CPU per request. */
const CPU_MILLISECONDS = 1;
/** Milliseconds for which a call keeps its object active. */
const ACTIVE_MILLISECONDS = 10;
/** Bytes of a log event, with what the platform adds. */
const LOG_EVENT_BYTES = 1_000;
const LOG_DAYS = 7;

/** Gigabytes that an object is billed for. */
export const OBJECT_GIGABYTES = 0.128;

export function gigabyteSeconds(calls: number): number {
  return (calls * ACTIVE_MILLISECONDS * OBJECT_GIGABYTES) / 1_000;
}

/** The list price of `count` requests of these units, without allowances. */
function listPrice(units: Units, workerRequests: number, count: number): number {
  const used: Partial<Usage> = {
    ...units,
    workerRequests,
    cpuMilliseconds: workerRequests * CPU_MILLISECONDS,
    gigabyteSeconds: gigabyteSeconds(units.objectRequests),
  };
  return METERS.reduce((dollars, meter) => dollars + charge({ ...PRICES[meter], included: 0 }, (used[meter] ?? 0) * count), 0);
}

/** What a request is called, what it uses, and how many requests of the Worker it is. */
type Row = [name: string, units: Units, workerRequests: number];

export function millions(): void {
  printMillions("A million requests", [
    ["GET of all items, or of one", requests.get, 1],
    ["DELETE of an item", requests.deleteItem, 1],
    ["PUT of an item", requests.putItem, 1],
    ["POST of 3 items", requests.merge(3), 1],
    ["PUT of all, 5 in place of 10", requests.replace(5, 10, 5), 1],
    ["a list of 100", requests.list(MOST_LISTED, MOST_LISTED), 1],
    ["a look-up by a part of a name, 1,000 listed", requests.list(1, 1_000), 1],
    ["registry: a new server with 10 items", requests.register(ITEMS), 1],
    ["registry: a change of state", requests.registerState, 1],
    ["registry: a deletion", requests.forget(ITEMS), 1],
    ["in addition: a token that the isolate does not know", extra.newToken, 0],
    ["the same, and KV does not know it either (Keystone)", extra.newToKeystone, 0],
    ["in addition: the object has to start", extra.objectStart(ITEMS, CHANGES), 0],
  ]);
}

/** With CHANGES=keep, for a server or image of which the cloud has applied all but the change itself. */
export function millionsKept(): void {
  const kept = (units: Units, keys: number): Units => sum(units, keep.marks(keys), keep.firstMark);
  printMillions("A million requests with `CHANGES=keep`", [
    ["DELETE of an item", kept(requests.deleteItem, 1), 1],
    ["DELETE of another one before the cloud has applied the first", sum(requests.deleteItem, keep.marks(1)), 1],
    ["PUT of an item", kept(requests.putItem, 1), 1],
    ["POST of 3 items", kept(requests.merge(3), 3), 1],
    ["PUT of all, 5 in place of 10", kept(requests.replace(5, 10, 5), 15), 1],
    ["registry: a page of 100 changes", requests.changes(MOST_LISTED), 1],
    ["registry: GET of a server", requests.get, 1],
    ["registry: the cloud has applied a change", sum(requests.registerState, keep.acknowledged(1), keep.lastMark), 1],
  ]);
}

function printMillions(title: string, rows: Row[]): void {
  const head = [
    "a million of",
    "Worker requests",
    "object requests",
    "rows read",
    "rows written",
    "KV reads",
    "KV writes",
    "list price",
  ];
  print(
    title,
    head,
    rows.map(([name, units, workerRequests]) => [
      name,
      ...[workerRequests, units.objectRequests, units.rowsRead, units.rowsWritten, units.kvReads, units.kvWrites].map((count) =>
        count === 0 ? "" : `${count.toLocaleString("en")} M`,
      ),
      dollars(listPrice(units, workerRequests, 1e6)),
    ]),
  );
}

/** How a simulated second extends to a month. */
export interface Traffic {
  scenario: Scenario;
  figures: Figures;
  /** The share of requests that change one item. */
  writes: number;
  /** Registry traffic per day: shares of servers that are created and deleted, and state changes per server. */
  registry: { churn: number; states: number };
}

/** A month's bill without logs, with embedded tokens. */
function usage({ scenario, figures, writes, registry }: Traffic): Usage {
  const { requestsPerSecond, servers, lists } = scenario;
  const changing = requestsPerSecond * writes;
  const come = (servers * registry.churn) / 86_400;
  const states = (servers * registry.states) / 86_400;
  const [coming, going, state] = [requests.register(ITEMS), requests.forget(ITEMS), requests.registerState];
  const workerRequests = requestsPerSecond + 2 * come + states;
  // A day after a deletion there is another alarm.
  const objectRequests =
    figures.objectRequests + come * (coming.objectRequests + going.objectRequests + 1) + states * state.objectRequests;
  const second: Usage = {
    workerRequests,
    cpuMilliseconds: workerRequests * CPU_MILLISECONDS,
    objectRequests,
    gigabyteSeconds: gigabyteSeconds(objectRequests),
    // The registry calls sleeping objects.
    rowsRead:
      (figures.objectStarts + come + states) * START_ROWS +
      changing * requests.deleteItem.rowsRead +
      requestsPerSecond * lists * MOST_LISTED +
      come * (coming.rowsRead + going.rowsRead) +
      states * state.rowsRead,
    rowsWritten:
      changing * requests.deleteItem.rowsWritten + come * (coming.rowsWritten + going.rowsWritten) + states * state.rowsWritten,
    stored: 0,
    kvReads: figures.kvReads,
    kvWrites: 0,
  };
  const month = Object.fromEntries(METERS.map((meter) => [meter, second[meter] * MONTH_SECONDS])) as Record<keyof Usage, number>;
  return { ...month, stored: (servers * SERVER_BYTES) / 1e9 };
}

export function bill(title: string, traffic: Traffic): void {
  const used = usage(traffic);
  const rows = METERS.map((meter) => {
    const price = PRICES[meter];
    return [price.name, amount(used[meter]), amount(price.included), dollars(charge(price, used[meter]))];
  });
  rows.push(["the plan", "", "", dollars(PLAN)], ["**without logs**", "", "", `**${dollars(total(used))}**`]);
  print(title, ["a month", "used", "included", "charge"], rows);
}

/** The cost of logs, by both price lists. */
export function logs(title: string, traffic: Traffic): void {
  const { workerRequests, objectRequests } = usage(traffic);
  const row = (what: string, events: number): string[] => {
    const gigabytes = (events * LOG_EVENT_BYTES) / 1e9;
    const kept = (gigabytes * LOG_DAYS) / 30;
    return [
      what,
      amount(events),
      dollars(charge(LOG_EVENTS, events)),
      dollars(charge(LOG_GIGABYTES, gigabytes) + charge(LOG_STORED, kept)),
    ];
  };
  print(
    title,
    ["logs in a month", "events", "until 30 November 2026", "from 1 December 2026"],
    [
      row("as configured: the Worker's line", workerRequests),
      row("the same with `LOG_LEVEL=warn`, when one request in 10,000 fails", workerRequests / 10_000),
      row(
        "`invocation_logs = true`: the platform's, too, for the Worker and for each call of an object",
        2 * workerRequests + objectRequests,
      ),
    ],
  );
}

/** The cost of validating tokens, by who decides about them. */
export function tokens(title: string, { kvReads, keystone }: Figures): void {
  const row = (who: string, reads: number, writes: number, validations: number): string[] => [
    who,
    amount(reads * MONTH_SECONDS),
    amount(writes * MONTH_SECONDS),
    `${amount(validations)}/s`,
    dollars(charge(PRICES.kvReads, reads * MONTH_SECONDS) + charge(PRICES.kvWrites, writes * MONTH_SECONDS)),
  ];
  print(
    title,
    ["who decides", "KV reads a month", "KV writes a month", "Keystone", "charge for KV"],
    [
      row("KV", kvReads, 0, 0),
      row("Keystone, with KV as a cache", keystone.kvReads, keystone.kvWrites, keystone.validations),
      // Then Keystone validates each token that an isolate does not know.
      row("Keystone, no KV", 0, 0, kvReads),
    ],
  );
}
