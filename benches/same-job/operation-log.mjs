// The operation log: recent changes by request id, in slots that are reused.

const REMEMBERED_MS = 30_000;
const CAPACITY = 16_384;
/** Maximum number of dropped entries before they are compacted. */
const SLACK = 1_024;

/** @typedef {{ slot: number, id: string, at: number }} AppliedOperation */

export class OperationLog {
  /** @type {AppliedOperation[]} */
  #operations;
  /** Index of the oldest entry; those before it are dropped. */
  #first = 0;

  /** @param {[slot: number, id: string, at: number][]} operations oldest first */
  constructor(operations) {
    this.#operations = operations.map(([slot, id, at]) => ({ slot, id, at }));
  }

  /** @param {string} id */
  has(id) {
    return this.#operations.some((operation, at) => at >= this.#first && operation.id === id);
  }

  /**
   * Returns the slot for a new entry: a new one, or that of the oldest entry that is no longer needed.
   * @param {number} now
   */
  slot(now) {
    const oldest = this.#operations[this.#first];
    const live = this.#operations.length - this.#first;
    return oldest !== undefined && (oldest.at < now - REMEMBERED_MS || live >= CAPACITY) ? oldest.slot : live;
  }

  /**
   * @param {number} slot
   * @param {string} id
   * @param {number} at
   */
  remember(slot, id, at) {
    if (this.#operations[this.#first]?.slot === slot) this.#first += 1;
    this.#operations.push({ slot, id, at });
    if (this.#first < SLACK) return;
    this.#operations.splice(0, this.#first);
    this.#first = 0;
  }
}
