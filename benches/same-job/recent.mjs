// The operation log: recent changes by request id, in slots that are reused.

const REMEMBERED_MS = 30_000;
const MOST = 16_384;
/** Maximum number of dropped entries before they are compacted. */
const SLACK = 1_024;

/** @typedef {{ slot: number, id: string, at: number }} Made */

export class Recent {
  /** @type {Made[]} */
  #made;
  /** Index of the oldest entry; those before it are dropped. */
  #first = 0;

  /** @param {[slot: number, id: string, at: number][]} made oldest first */
  constructor(made) {
    this.#made = made.map(([slot, id, at]) => ({ slot, id, at }));
  }

  /** @param {string} id */
  has(id) {
    return this.#made.some((made, at) => at >= this.#first && made.id === id);
  }

  /**
   * Returns the slot for a new entry: a new one, or that of the oldest entry that is no longer needed.
   * @param {number} now
   */
  slot(now) {
    const oldest = this.#made[this.#first];
    const live = this.#made.length - this.#first;
    return oldest !== undefined && (oldest.at < now - REMEMBERED_MS || live >= MOST) ? oldest.slot : live;
  }

  /**
   * @param {number} slot
   * @param {string} id
   * @param {number} at
   */
  remember(slot, id, at) {
    if (this.#made[this.#first]?.slot === slot) this.#first += 1;
    this.#made.push({ slot, id, at });
    if (this.#first < SLACK) return;
    this.#made.splice(0, this.#first);
    this.#first = 0;
  }
}
