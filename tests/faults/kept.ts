/** What may be stored, as far as answers have told: the other side of the bargain that a crash puts to the test. */
import assert from "node:assert/strict";

class Item {
  /** The values that may be there; null stands for none. More than one after a request without an answer. */
  #possible: (string | null)[] = [null];

  constructor(
    readonly id: string,
    readonly key: string,
  ) {}

  /** From here on, and until there is an answer, the new value may be there as well. */
  send(value: string | null): void {
    this.#possible.push(value);
  }

  acknowledge(value: string | null): void {
    this.#possible = [value];
  }

  mayBe(value: string | null): boolean {
    return this.#possible.includes(value);
  }

  /** What was found is what is there from now on: it may not change back later. */
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

  /** Holds what a resource has against what it may have, items that nobody ever named included. */
  settle(id: string, found: Record<string, string> | null): void {
    assert.ok(found, `${id} is gone`);
    const mine = this.items.filter((item) => item.id === id);
    for (const item of mine) item.settle(found[item.key] ?? null);
    const strange = Object.keys(found).filter((key) => !mine.some((item) => item.key === key));
    assert.deepEqual(strange, []);
  }
}
