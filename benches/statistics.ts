// Median and quartiles of a few measurements.

export interface Spread {
  median: number;
  /** The lower and the upper quartile. */
  low: number;
  high: number;
}

export function spread(values: number[]): Spread {
  const sorted = [...values].sort((one, two) => one - two);
  return { median: quantile(sorted, 0.5), low: quantile(sorted, 0.25), high: quantile(sorted, 0.75) };
}

function quantile(sorted: number[], share: number): number {
  const at = (sorted.length - 1) * share;
  const below = sorted[Math.floor(at)] ?? Number.NaN;
  const above = sorted[Math.ceil(at)] ?? below;
  return below + (above - below) * (at - Math.floor(at));
}

/** Ratios within rounds, because a disturbance affects both sides of a round. */
export function ratio(over: number[], under: number[]): Spread {
  return spread(over.map((value, round) => value / (under[round] ?? Number.NaN)));
}
