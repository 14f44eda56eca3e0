// Waiting for what comes about by itself.
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";

export interface Patience {
  within?: number;
  every?: number;
  /** Told when it did not come about. */
  why?: () => string;
}

/** Waits until something is true, and gives it. */
export async function until<T>(what: string, look: () => T | Promise<T>, patience: Patience = {}): Promise<T> {
  const { within = 60_000, every = 25, why = () => "" } = patience;
  const end = Date.now() + within;
  for (;;) {
    const seen = await look();
    if (seen) return seen;
    assert.ok(Date.now() < end, `not within ${within} ms: ${what}\n${why()}`);
    await sleep(every);
  }
}

/** Waits until an assertion holds; fails as it does last. */
export async function eventually(assertion: () => Promise<void>, patience: Patience = {}): Promise<void> {
  const { within = 60_000, every = 25, why = () => "" } = patience;
  const end = Date.now() + within;
  for (;;) {
    try {
      await assertion();
      return;
    } catch (error) {
      if (Date.now() >= end) {
        if (error instanceof Error) error.message += `\n${why()}`;
        throw error;
      }
      await sleep(every);
    }
  }
}
