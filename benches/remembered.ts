// The isolate's token cache, as core/src/auth/identity_cache.rs implements it: bounded, least recently used first out.

interface Entry<Value> {
  key: number;
  value: Value;
  /** Its neighbours in the order of use. */
  later: Entry<Value> | undefined;
  earlier: Entry<Value> | undefined;
}

export class Remembered<Value> {
  readonly #entries = new Map<number, Entry<Value>>();
  #latest: Entry<Value> | undefined;
  #oldest: Entry<Value> | undefined;

  constructor(readonly most: number) {}

  get size(): number {
    return this.#entries.size;
  }

  get(key: number): Value | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    if (entry !== this.#latest) {
      this.#take(entry);
      this.#use(entry);
    }
    return entry.value;
  }

  /** Adds a new key. */
  put(key: number, value: Value): void {
    const entry = { key, value, later: undefined, earlier: undefined };
    this.#entries.set(key, entry);
    this.#use(entry);
    if (this.#entries.size > this.most && this.#oldest) {
      this.#entries.delete(this.#oldest.key);
      this.#take(this.#oldest);
    }
  }

  #use(entry: Entry<Value>): void {
    entry.earlier = this.#latest;
    entry.later = undefined;
    if (this.#latest) this.#latest.later = entry;
    this.#latest = entry;
    this.#oldest ??= entry;
  }

  #take({ earlier, later }: Entry<Value>): void {
    if (earlier) earlier.later = later;
    else this.#oldest = later;
    if (later) later.earlier = earlier;
    else this.#latest = earlier;
  }
}
