// Reproducible random numbers: a seeded generator, and Zipf's law.

/** Numbers in [0, 1), determined by the seed (Marsaglia's xorshift with 128 bits, `xor128`). */
export function random(seed: number): () => number {
  let x = 123_456_789;
  let y = 362_436_069;
  let z = 521_288_629;
  let w = seed >>> 0;
  const next = (): number => {
    const t = x ^ (x << 11);
    x = y;
    y = z;
    z = w;
    w = w ^ (w >>> 19) ^ t ^ (t >>> 8);
    return (w >>> 0) / 2 ** 32;
  };
  // Small seeds differ in few bits only.
  for (let at = 0; at < 32; at += 1) next();
  return next;
}

/**
 * Ranks 1, 2, … by Zipf's law: rank k is drawn in proportion to k to the power of minus the exponent. Without a table,
 * so that there may be as many ranks as there are servers: rejection-inversion (Hörmann and Derflinger, 1996).
 */
export class Zipf {
  readonly #exponent: number;
  readonly #first: number;
  readonly #accepted: number;

  constructor(exponent: number) {
    this.#exponent = exponent;
    this.#first = this.#area(1.5) - 1;
    this.#accepted = 2 - this.#inverse(this.#area(2.5) - this.#height(2));
  }

  /** Draws one of `count` ranks. */
  draw(count: number, chance: () => number): number {
    const last = this.#area(count + 0.5);
    for (;;) {
      const u = last + chance() * (this.#first - last);
      const x = this.#inverse(u);
      const rank = Math.min(count, Math.max(1, Math.round(x)));
      if (rank - x <= this.#accepted || u >= this.#area(rank + 0.5) - this.#height(rank)) return rank;
    }
  }

  #height(x: number): number {
    return Math.exp(-this.#exponent * Math.log(x));
  }

  /** The integral of the density from 1 to x. */
  #area(x: number): number {
    const logarithm = Math.log(x);
    const power = (1 - this.#exponent) * logarithm;
    return (Math.abs(power) < 1e-8 ? 1 + power / 2 : Math.expm1(power) / power) * logarithm;
  }

  #inverse(area: number): number {
    const power = Math.max(-1, area * (1 - this.#exponent));
    return Math.exp((Math.abs(power) < 1e-8 ? 1 - power / 2 : Math.log1p(power) / power) * area);
  }
}

/** Shares `total` among `count` by Zipf's law, the largest first, each at least one. */
export function shares(total: number, count: number, exponent: number): number[] {
  const weights = Array.from({ length: count }, (_, at) => (at + 1) ** -exponent);
  const sum = weights.reduce((one, other) => one + other, 0);
  const parts = weights.map((weight) => 1 + Math.floor(((total - count) * weight) / sum));
  // The remainder of rounding goes to the first ones, one each.
  const left = total - parts.reduce((one, other) => one + other, 0);
  return parts.map((part, at) => (at < left ? part + 1 : part));
}
