// The parts of the simulation (`npm run simulate`): random draws, caches, and awake objects.
import assert from "node:assert/strict";
import { test } from "node:test";

import { Awake } from "../benches/awake.ts";
import { MOST_LISTED, RATE_LIMIT, TOKEN_CACHE_SECONDS, TOKENS_REMEMBERED } from "../benches/parameters.ts";
import { charge, LOG_EVENTS, PRICES, total } from "../benches/price.ts";
import { random, shares, Zipf } from "../benches/random.ts";
import { Remembered } from "../benches/remembered.ts";
import { simulate, type Scenario } from "../benches/simulation.ts";
import { sum } from "../benches/units.ts";

test("random numbers are reproducible and uniform", () => {
  const [one, same, other] = [random(1), random(1), random(2)];
  const counts = new Array<number>(10).fill(0);
  let equal = 0;
  for (let at = 0; at < 100_000; at += 1) {
    const number = one();
    assert.equal(number, same());
    assert.ok(number >= 0 && number < 1);
    if (number === other()) equal += 1;
    const bin = Math.floor(number * 10);
    counts[bin] = (counts[bin] ?? 0) + 1;
  }
  assert.ok(equal < 10, String(equal));
  for (const count of counts) assert.ok(Math.abs(count - 10_000) < 400, counts.join());
});

for (const exponent of [0.7, 0.99, 1, 1.2]) {
  test(`Zipf with exponent ${exponent}: ranks have the expected frequencies`, () => {
    const [ranks, draws] = [50, 200_000];
    const chance = random(3);
    const zipf = new Zipf(exponent);
    const counts = new Array<number>(ranks).fill(0);
    for (let at = 0; at < draws; at += 1) {
      const rank = zipf.draw(ranks, chance);
      counts[rank - 1] = (counts[rank - 1] ?? 0) + 1;
    }
    const weights = counts.map((_, at) => (at + 1) ** -exponent);
    const whole = weights.reduce((one, other) => one + other, 0);
    for (const [at, weight] of weights.entries()) {
      const expected = (draws * weight) / whole;
      // Five standard deviations; the seed is fixed.
      assert.ok(
        Math.abs((counts[at] ?? 0) - expected) < 5 * Math.sqrt(expected),
        `rank ${at + 1}: ${counts[at]}, not ${expected}`,
      );
    }
  });
}

test("Zipf: ranks stay within 1 to count", () => {
  const chance = random(4);
  const zipf = new Zipf(0.99);
  for (let at = 0; at < 1_000; at += 1) {
    assert.equal(zipf.draw(1, chance), 1);
    const rank = zipf.draw(1_000_000, chance);
    assert.ok(Number.isInteger(rank) && rank >= 1 && rank <= 1_000_000, String(rank));
  }
});

test("shares: complete, sorted, each at least one", () => {
  for (const [all, count] of [
    [1_000_000, 20_000],
    [1_000, 1_000],
    [1_007, 1_000],
  ] as const) {
    const parts = shares(all, count, 0.99);
    assert.equal(
      parts.reduce((one, other) => one + other, 0),
      all,
    );
    assert.equal(parts.length, count);
    assert.ok(
      parts.every((part, at) => part >= 1 && part <= (parts[at - 1] ?? Infinity)),
      `${all} among ${count}`,
    );
  }
});

test("cache: the least recently used entry is evicted first", () => {
  const remembered = new Remembered<string>(3);
  for (const key of [1, 2, 3]) remembered.put(key, `value ${key}`);
  assert.equal(remembered.get(1), "value 1");
  remembered.put(4, "value 4");
  assert.equal(remembered.get(2), undefined);
  assert.equal(remembered.get(3), "value 3");
  remembered.put(5, "value 5");
  assert.equal(remembered.get(1), undefined);
  assert.deepEqual(
    [3, 4, 5].map((key) => remembered.get(key)),
    ["value 3", "value 4", "value 5"],
  );
  assert.equal(remembered.size, 3);
});

test("cache: agrees with a simple list", () => {
  const remembered = new Remembered<number>(20);
  let simple: number[] = [];
  const chance = random(5);
  for (let at = 0; at < 10_000; at += 1) {
    const key = Math.floor(chance() * 40);
    const isKnown = simple.includes(key);
    assert.equal(remembered.get(key), isKnown ? key : undefined);
    if (!isKnown) remembered.put(key, key);
    simple = [...simple.filter((other) => other !== key), key].slice(-20);
  }
});

test("an object sleeps after the idle time and then has to start", () => {
  const awake = new Awake(3, 10);
  assert.equal(awake.request(0, 0), true);
  assert.equal(awake.request(1, 1), true);
  assert.equal(awake.request(0, 9.9), false);
  assert.equal(awake.count, 2);
  // Object 1 has been idle since 1, object 0 since 9.9.
  assert.equal(awake.request(2, 11), true);
  assert.equal(awake.count, 2);
  assert.equal(awake.request(1, 12), true);
  assert.equal(awake.request(0, 19.9), true);
  assert.deepEqual([awake.count, awake.starts, awake.peak], [3, 5, 3]);
  assert.equal(awake.request(0, 100), true);
  assert.equal(awake.count, 1);
});

test("parameters are read from the sources", () => {
  for (const value of [TOKENS_REMEMBERED, TOKEN_CACHE_SECONDS, MOST_LISTED, RATE_LIMIT]) {
    assert.ok(Number.isInteger(value) && value > 0, String(value));
  }
});

const few: Scenario = {
  seed: 6,
  projects: 20,
  servers: 400,
  projectExponent: 0.99,
  serverExponent: 0.99,
  serversPerUser: 20,
  requestsPerSecond: 50,
  lists: 0.01,
  locations: 4,
  isolatesPerLocation: 2,
  locationsPerUser: 2,
  tokenSeconds: 3_600,
  cacheSeconds: 60,
  idleSeconds: 10,
  warmUpSeconds: 60,
  seconds: 600,
  of: { tokens: true, objects: true },
};

test("a small cloud: reproducible and within calculated bounds", () => {
  const figures = simulate(few);
  assert.deepEqual(simulate(few), figures);
  // Each isolate reads a token at most once per period, and new tokens once.
  const most = (figures.users * few.locationsPerUser * few.isolatesPerLocation) / few.cacheSeconds;
  assert.ok(figures.kvReads > 0.5 * most && figures.kvReads < 1.1 * most, `${figures.kvReads}, at most ${most}`);
  // KV may be a minute old at a location, so each location may ask once per period.
  const { validations } = figures.keystone;
  assert.ok(validations >= (0.8 * figures.users) / few.cacheSeconds, String(validations));
  assert.ok(validations <= (1.2 * figures.users * few.locationsPerUser) / few.cacheSeconds, String(validations));
  // An object that starts is awake for at least ten seconds.
  assert.ok(figures.objectStarts < figures.objectRequests);
  assert.ok(figures.objectsAwake >= figures.objectStarts * few.idleSeconds * 0.9 && figures.objectsAwake <= few.servers);
});

test("a small cloud: without caching each request asks; without lists each is one call", () => {
  const figures = simulate({ ...few, cacheSeconds: 0, lists: 0 });
  const around = (value: number): boolean => Math.abs(value - few.requestsPerSecond) < 2;
  assert.ok(around(figures.kvReads) && around(figures.keystone.validations) && around(figures.objectRequests));
  assert.equal(figures.keystone.kvReads, 0);
  assert.equal(figures.hottestList, 0);
});

test("a small cloud: one project's requests from one location exceed the limit", () => {
  const scenario = { ...few, projects: 1, locations: 1, lists: 0 };
  // 3,000 a minute.
  const { overLimit } = simulate(scenario);
  assert.ok(Math.abs(overLimit - (3_000 - RATE_LIMIT) / 3_000) < 0.02, String(overLimit));
  assert.equal(simulate({ ...scenario, requestsPerSecond: 5 }).overLimit, 0);
});

test("the bill: allowances are free, the rest is charged", () => {
  assert.equal(charge(PRICES.workerRequests, 10e6), 0);
  // The platform's own example 4: 100 million requests of 7 ms.
  assert.equal(charge(PRICES.workerRequests, 100e6), 27);
  assert.equal(charge(PRICES.cpuMilliseconds, 700e6).toFixed(2), "13.40");
  // And those of its pages on objects and logs.
  assert.equal(charge(PRICES.gigabyteSeconds, 33.4e6), 412.5);
  assert.equal(charge(LOG_EVENTS, 200e6), 108);
  const nothing = Object.fromEntries(Object.keys(PRICES).map((meter) => [meter, 0])) as never;
  assert.equal(total(nothing), 5);
});

test("units add up", () => {
  const call = { kvReads: 0, kvWrites: 0, objectRequests: 1, rowsRead: 2, rowsWritten: 2 };
  const token = { kvReads: 1, kvWrites: 1, objectRequests: 0, rowsRead: 0, rowsWritten: 0 };
  const start = { kvReads: 0, kvWrites: 0, objectRequests: 0, rowsRead: 10, rowsWritten: 0 };
  assert.deepEqual(sum(call, token, start), {
    kvReads: 1,
    kvWrites: 1,
    objectRequests: 1,
    rowsRead: 12,
    rowsWritten: 2,
  });
  assert.deepEqual(sum(call), call);
});
