/** The values that may be stored, according to the answers: what a crash must keep. */
import assert from "node:assert/strict";

class Item {
  /** The possible values, null for a missing item. More than one after a request without an answer. */
  #possible: (string | null)[] = [null];

  constructor(
    readonly id: string,
    readonly key: string,
  ) {}

  /** Notes a request: until it is answered, the new value is possible as well. */
  send(value: string | null): void {
    this.#possible.push(value);
  }

  acknowledge(value: string | null): void {
    this.#possible = [value];
  }

  mayBe(value: string | null): boolean {
    return this.#possible.includes(value);
  }

  /** Notes an observed value, which may not change back later. */
  settle(found: string | null): void {
    const expected = this.#possible.map((value) => value ?? "nothing").join(" or ");
    assert.ok(this.mayBe(found), `${this.id} ${this.key}: found ${found ?? "nothing"} instead of ${expected}`);
    this.#possible = [found];
  }
}

export class Kept {
  readonly items: Item[];

  constructor(names: { id: string; key: string }[]) {
    this.items = names.map(({ id, key }) => new Item(id, key));
  }

  /** Asserts that a resource has only possible values, and no unknown items. */
  settle(id: string, found: Record<string, string> | null): void {
    assert.ok(found, `${id} is gone`);
    const mine = this.items.filter((item) => item.id === id);
    for (const item of mine) item.settle(found[item.key] ?? null);
    const strange = Object.keys(found).filter((key) => !mine.some((item) => item.key === key));
    assert.deepEqual(strange, []);
  }
}
