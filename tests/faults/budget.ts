/** How much of each fault is caused: short in CI, long by hand. */

interface Budget {
  /** How often workerd is killed. */
  crashes: number;
  /** Milliseconds for which clients race for the same keys. */
  raceMs: number;
  /** Milliseconds for which locks race with DELETEs. */
  lockMs: number;
  /** Number of servers and images whose quotas are raced for. */
  quotas: number;
}

const BUDGETS: Record<string, Budget> = {
  short: { crashes: 15, raceMs: 10_000, lockMs: 5_000, quotas: 10 },
  long: { crashes: 100, raceMs: 60_000, lockMs: 30_000, quotas: 50 },
};

const name = process.env["FAULTS_BUDGET"] ?? "short";
const chosen = BUDGETS[name];
if (chosen === undefined) throw new Error(`there is no budget ${name}; there are: ${Object.keys(BUDGETS).join(", ")}`);

export const budget = chosen;
