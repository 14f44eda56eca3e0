// The platform's list prices, and the cost of a month's usage. docs/price.md names the sources and the date.
// Nothing is rounded up to whole millions.

export interface Usage {
  workerRequests: number;
  cpuMilliseconds: number;
  objectRequests: number;
  gigabyteSeconds: number;
  rowsRead: number;
  rowsWritten: number;
  /** GB-months. */
  stored: number;
  kvReads: number;
  kvWrites: number;
}

interface Price {
  name: string;
  /** Monthly allowance. */
  included: number;
  /** Dollars for `per` of them. */
  dollars: number;
  per: number;
}

const MILLION = 1e6;

/** Dollars a month, allowances included. */
export const PLAN = 5;

export const PRICES: Record<keyof Usage, Price> = {
  workerRequests: { name: "Worker requests", included: 10 * MILLION, dollars: 0.3, per: MILLION },
  cpuMilliseconds: { name: "Worker CPU, ms", included: 30 * MILLION, dollars: 0.02, per: MILLION },
  objectRequests: { name: "object requests", included: MILLION, dollars: 0.15, per: MILLION },
  gigabyteSeconds: { name: "object duration, GB-s", included: 400_000, dollars: 12.5, per: MILLION },
  rowsRead: { name: "rows read", included: 25_000 * MILLION, dollars: 0.001, per: MILLION },
  rowsWritten: { name: "rows written", included: 50 * MILLION, dollars: 1, per: MILLION },
  stored: { name: "stored, GB-months", included: 5, dollars: 0.2, per: 1 },
  kvReads: { name: "KV reads", included: 10 * MILLION, dollars: 0.5, per: MILLION },
  kvWrites: { name: "KV writes", included: MILLION, dollars: 5, per: MILLION },
};

export const METERS = Object.keys(PRICES) as (keyof Usage)[];

/** Log events, until 30 November 2026. */
export const LOG_EVENTS: Price = { name: "log events", included: 20 * MILLION, dollars: 0.6, per: MILLION };

/** Log bytes, from 1 December 2026: ingested, and stored for a week. */
export const LOG_GIGABYTES: Price = { name: "logs in, GB", included: 50, dollars: 0.25, per: 1 };
export const LOG_STORED: Price = { name: "logs kept, GB-months", included: 12, dollars: 0.1, per: 1 };

/** The charge beyond the allowance, in dollars. */
export function charge({ included, dollars, per }: Price, amount: number): number {
  return (Math.max(0, amount - included) * dollars) / per;
}

export function total(usage: Usage): number {
  return METERS.reduce((sum, meter) => sum + charge(PRICES[meter], usage[meter]), PLAN);
}
