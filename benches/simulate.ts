// `npm run simulate`: prints the tables of docs/price.md, the same on every machine: no clock is read and random
// numbers are seeded.
import {
  bill,
  gigabyteSeconds,
  logs,
  millions,
  MONTH_SECONDS,
  OBJECT_GIGABYTES,
  START_ROWS,
  tokens,
  type Traffic,
} from "./bills.ts";
import { TOKEN_CACHE_SECONDS } from "./parameters.ts";
import { simulate, type Figures, type Scenario } from "./simulation.ts";
import { amount, percent, perSecond, print } from "./tables.ts";

const million: Scenario = {
  seed: 1,
  projects: 20_000,
  servers: 1_000_000,
  projectExponent: 0.99,
  serverExponent: 0.99,
  serversPerUser: 100,
  requestsPerSecond: 2_000,
  lists: 0.01,
  locations: 50,
  isolatesPerLocation: 4,
  locationsPerUser: 2,
  tokenSeconds: 3_600,
  cacheSeconds: TOKEN_CACHE_SECONDS,
  idleSeconds: 10,
  warmUpSeconds: TOKEN_CACHE_SECONDS + 20,
  // A whole period, because tokens that start together are read together again and again.
  seconds: TOKEN_CACHE_SECONDS,
  of: { tokens: true, objects: true },
};

/** 100 million requests a month. */
const small: Scenario = {
  ...million,
  projects: 1_000,
  servers: 50_000,
  requestsPerSecond: 100e6 / MONTH_SECONDS,
  lists: 0,
  locations: 10,
  isolatesPerLocation: 2,
  seconds: 6 * TOKEN_CACHE_SECONDS,
};

const WRITES = 0.05;

const EXPONENTS = [0.7, 1.2];

function exponents(exponent: number): Partial<Scenario> {
  return { projectExponent: exponent, serverExponent: exponent };
}

function overview(figures: Figures): void {
  const { keystone } = figures;
  print(
    "A million servers",
    ["what", "figure"],
    [
      ["requests", perSecond(million.requestsPerSecond)],
      ["calls of objects, lists included", perSecond(figures.objectRequests)],
      ["objects in memory: average, most", `${amount(figures.objectsAwake)}, ${amount(figures.mostAwake)}`],
      ["objects that start", perSecond(figures.objectStarts)],
      ["rows read by them", perSecond(figures.objectStarts * START_ROWS)],
      ["hottest server: average, most in one second", `${perSecond(figures.hottestObject)}, ${figures.hottestSecond}`],
      ["hottest list: requests, rows", `${perSecond(figures.hottestList)}, ${amount(figures.largestProject)}`],
      ["lists in memory", amount(figures.listsAwake)],
      ["users with a token", amount(figures.users)],
      ["KV decides about tokens: reads", perSecond(figures.kvReads)],
      ["Keystone decides: KV reads", perSecond(keystone.kvReads)],
      ["Keystone decides: KV writes", perSecond(keystone.kvWrites)],
      ["of them less than a second after the last one to that key", perSecond(keystone.quickWrites)],
      ["Keystone decides: validations", perSecond(keystone.validations)],
      ["over the configured rate limit", percent(figures.overLimit)],
      ["duration, at 10 ms a call", `${amount(gigabyteSeconds(figures.objectRequests))} GB-s/s`],
      [
        "duration, were all time in memory billed",
        `${amount((figures.objectsAwake + figures.listsAwake) * OBJECT_GIGABYTES)} GB-s/s`,
      ],
    ],
  );
}

function sensitivityOfTokens(figures: Figures): void {
  const of = { tokens: true, objects: false };
  const vary = (change: Partial<Scenario>): Figures => simulate({ ...million, of, ...change });
  const runs: [string, Figures][] = [
    ["as above", figures],
    ...EXPONENTS.map((exponent): [string, Figures] => [`exponents ${exponent}`, vary(exponents(exponent))]),
    ["50 isolates: one in each location", vary({ isolatesPerLocation: 1 })],
    ["3,000 isolates: 10 in each of 300 locations", vary({ locations: 300, isolatesPerLocation: 10 })],
    ["a user for each 10 servers", vary({ serversPerUser: 10 })],
    ["tokens of 15 minutes", vary({ tokenSeconds: 900 })],
    ...[150, 60, 0].map((cacheSeconds): [string, Figures] => [
      `\`TOKEN_CACHE_SECONDS=${cacheSeconds}\``,
      vary({ cacheSeconds, warmUpSeconds: cacheSeconds + 20 }),
    ]),
  ];
  const head = [
    "a second",
    "KV decides: reads",
    "Keystone: KV reads",
    "Keystone: KV writes",
    "Keystone: validations",
    "over the limit",
  ];
  print(
    "Tokens",
    head,
    runs.map(([name, { kvReads, keystone, overLimit }]) => [
      name,
      amount(kvReads),
      amount(keystone.kvReads),
      amount(keystone.kvWrites),
      amount(keystone.validations),
      percent(overLimit),
    ]),
  );
}

function sensitivityOfObjects(figures: Figures): void {
  const of = { tokens: false, objects: true };
  // Without cached tokens a shorter time suffices.
  const shorter = { warmUpSeconds: 160, seconds: 140 };
  const vary = (change: Partial<Scenario>): Figures => simulate({ ...million, of, ...shorter, ...change });
  const runs: [string, Figures][] = [
    ["as above", figures],
    ...EXPONENTS.map((exponent): [string, Figures] => [`exponents ${exponent}`, vary(exponents(exponent))]),
    ["no lists", vary({ lists: 0 })],
    ["in memory for 140 s", vary({ idleSeconds: 140 })],
  ];
  const head = ["", "calls/s", "in memory", "starts/s", "hottest server/s", "most in one second", "hottest list/s"];
  print(
    "Objects",
    head,
    runs.map(([name, run]) => [
      name,
      amount(run.objectRequests),
      amount(run.objectsAwake),
      amount(run.objectStarts),
      amount(run.hottestObject),
      String(run.hottestSecond),
      amount(run.hottestList),
    ]),
  );
}

millions();
const month: Traffic = { scenario: small, figures: simulate(small), writes: WRITES, registry: { churn: 0, states: 0 } };
bill("50,000 servers, 100 million requests a month", month);
logs("Logs of 100 million requests", month);
const figures = simulate(million);
overview(figures);
sensitivityOfTokens(figures);
sensitivityOfObjects(figures);
const traffic: Traffic = { scenario: million, figures, writes: WRITES, registry: { churn: 0.02, states: 2 } };
bill("A million servers for a month", traffic);
logs("Logs of a million servers", traffic);
tokens("Tokens of a million servers", figures);
