// Which objects are awake: from their first request until they have been idle for a while.

export class Awake {
  readonly #last: Float64Array;
  /** Requests in order of time, until they are too old to keep their object awake. */
  readonly #objects: number[] = [];
  readonly #times: number[] = [];
  #oldest = 0;
  #count = 0;

  starts = 0;
  peak = 0;

  constructor(
    objects: number,
    readonly idleSeconds: number,
  ) {
    this.#last = new Float64Array(objects).fill(-Infinity);
  }

  /** Objects that are awake now. */
  get count(): number {
    return this.#count;
  }

  /** Notes a request, in order of time; returns whether the object had to start. */
  request(object: number, at: number): boolean {
    this.#pass(at);
    const last = this.#last[object] ?? -Infinity;
    if (last === at) return false;
    this.#last[object] = at;
    this.#objects.push(object);
    this.#times.push(at);
    if (last + this.idleSeconds > at) return false;
    this.starts += 1;
    this.#count += 1;
    this.peak = Math.max(this.peak, this.#count);
    return true;
  }

  #pass(now: number): void {
    for (;;) {
      const at = this.#times[this.#oldest];
      if (at === undefined || at + this.idleSeconds > now) break;
      if (this.#last[this.#objects[this.#oldest] ?? 0] === at) this.#count -= 1;
      this.#oldest += 1;
    }
    // Not each time, because it moves the rest.
    if (this.#oldest > 100_000) {
      this.#objects.splice(0, this.#oldest);
      this.#times.splice(0, this.#oldest);
      this.#oldest = 0;
    }
  }
}
