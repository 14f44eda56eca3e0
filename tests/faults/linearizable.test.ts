// Tests of the checker: histories with a known verdict, and random small ones against brute force.
import assert from "node:assert/strict";
import { test } from "node:test";

import { isLinearizable, type Event, type Model } from "./linearizable.ts";

type Operation = { write: number } | { read: number };

const register: Model<Operation, number> = {
  initial: 0,
  step: (state, operation, answered) => {
    if ("write" in operation) return operation.write;
    return !answered || operation.read === state ? state : null;
  },
  changesNothing: (operation) => "read" in operation,
  text: String,
};

const event = (called: number, returned: number, operation: Operation): Event<Operation> => ({ called, returned, operation });
const write = (called: number, returned: number, value: number): Event<Operation> => event(called, returned, { write: value });
const read = (called: number, returned: number, value: number): Event<Operation> => event(called, returned, { read: value });

const KNOWN: [string, boolean, Event<Operation>[]][] = [
  ["nothing at all", true, []],
  ["a read of what was there", true, [read(0, 1, 0)]],
  ["a read of a value that was never written", false, [read(0, 1, 7)]],
  ["a read after a write", true, [write(0, 1, 1), read(2, 3, 1)]],
  ["a read that misses a write that was over", false, [write(0, 1, 1), read(2, 3, 0)]],
  ["a read beside a write sees the old", true, [write(0, 9, 1), read(2, 3, 0)]],
  ["a read beside a write sees the new", true, [write(0, 9, 1), read(2, 3, 1)]],
  ["two reads beside a write, new then old", false, [write(0, 9, 1), read(2, 3, 1), read(4, 5, 0)]],
  ["two reads beside a write, at once", true, [write(0, 9, 1), read(2, 5, 1), read(3, 6, 0)]],
  ["a lost update", false, [write(0, 1, 1), write(2, 3, 2), read(4, 5, 1)]],
  ["two writes beside each other, either last", true, [write(0, 9, 1), write(0, 9, 2), read(10, 11, 1)]],
  ["two readers that disagree on which was last", false, [write(0, 9, 1), write(0, 9, 2), read(10, 11, 1), read(12, 13, 2)]],
  ["a write without an answer that happened", true, [write(0, Infinity, 1), read(5, 6, 1)]],
  ["a write without an answer that did not", true, [write(0, Infinity, 1), read(5, 6, 0)]],
  ["a write without an answer that happened late", true, [write(0, Infinity, 1), read(5, 6, 0), read(7, 8, 1)]],
  ["a write without an answer that came undone", false, [write(0, Infinity, 1), read(5, 6, 1), read(7, 8, 0)]],
  ["a write without an answer seen before it was sent", false, [read(1, 2, 1), write(3, Infinity, 1)]],
];

for (const [name, right, history] of KNOWN) {
  test(`${name}: ${right ? "accepted" : "refused"}`, () => assert.equal(isLinearizable(history, register), right));
}

/** Tries every order that respects time, with each choice of unanswered operations. */
function bruteForce(left: Event<Operation>[], state: number): boolean {
  if (left.every(({ returned }) => returned === Infinity)) return true;
  return left.some((next) => {
    const others = left.filter((other) => other !== next);
    if (others.some(({ returned }) => returned < next.called)) return false;
    const after = register.step(state, next.operation, next.returned !== Infinity);
    return after !== null && bruteForce(others, after);
  });
}

/** A seeded generator, so that failures can be reproduced. */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return (state >> 8) % below;
  };
}

test("20,000 random histories: the same verdict as every order tried by brute force", () => {
  const below = numbers(1);
  const verdicts = { true: 0, false: 0 };
  for (let count = 0; count < 20_000; count += 1) {
    const history = Array.from({ length: 1 + below(6) }, () => {
      const called = below(12);
      const returned = below(6) === 0 ? Infinity : called + 1 + below(6);
      return event(called, returned, below(2) === 0 ? { write: 1 + below(3) } : { read: below(4) });
    });
    const verdict = isLinearizable(history, register);
    assert.equal(verdict, bruteForce(history, 0), JSON.stringify(history));
    verdicts[`${verdict}`] += 1;
  }
  assert.ok(verdicts.true > 2000 && verdicts.false > 2000, JSON.stringify(verdicts));
});

test("a long history is accepted", () => {
  assert.equal(isLinearizable(longHistory(12), register), true);
});

test("a long history with one stale read is refused", () => {
  const history = longHistory(6);
  const reads = history.filter(({ operation }) => "read" in operation);
  const late = reads.at(-10) as Event<Operation>;
  late.operation = { read: 1 };
  assert.equal(isLinearizable(history, register), false);
});

/** Each operation takes effect a quarter before its answer. */
function longHistory(clients: number): Event<Operation>[] {
  const below = numbers(2);
  const history: Event<Operation>[] = [];
  let value = 0;
  const free = Array.from({ length: clients }, () => 0);
  for (let now = 1; now < 5000; now += 1) {
    const client = below(clients);
    const since = free[client] ?? 0;
    if (since >= now) continue;
    const operation = below(3) === 0 ? { write: (value = now) } : { read: value };
    const returned = now + below(clients) + 0.75;
    history.push(event(Math.max(now - below(clients), since + 0.125), returned, operation));
    free[client] = returned;
  }
  return history;
}
