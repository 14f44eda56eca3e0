/** The sequential model of one resource's metadata, against which histories are checked. */
import type { Model } from "./linearizable.ts";

export type Items = Readonly<Record<string, string>>;

export type Operation =
  | { does: "read" | "delete"; key: string }
  | { does: "list" }
  | { does: "put" | "merge" | "replace"; items: Items };

export interface Seen {
  status: 200 | 204 | 404;
  items?: Items;
}

export type Observed = Operation & { seen: Seen };

const text = (items: Items): string =>
  Object.entries(items)
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([key, value]) => `${key}=${value}`)
    .join();

/** The model of all items: an answer shows them at one moment. */
export const ofResource: Model<Observed, Items> = {
  initial: {},
  step: (state, operation, answered) => {
    const { seen } = operation;
    const after = (holds: boolean, items: Items): Items | null => (holds || !answered ? items : null);
    const shows = (items: Items): boolean => seen.items !== undefined && text(seen.items) === text(items);
    switch (operation.does) {
      case "list":
        return after(shows(state), state);
      case "read": {
        const found = state[operation.key];
        return after(found === undefined ? seen.status === 404 : shows({ [operation.key]: found }), state);
      }
      case "delete": {
        const { [operation.key]: found, ...rest } = state;
        return after(seen.status === (found === undefined ? 404 : 204), rest);
      }
      case "put":
        return after(shows(operation.items), { ...state, ...operation.items });
      case "merge": {
        const merged = { ...state, ...operation.items };
        return after(shows(merged), merged);
      }
      case "replace":
        return after(shows(operation.items), operation.items);
    }
  },
  changesNothing: ({ does, seen }) => does === "read" || does === "list" || (does === "delete" && seen.status === 404),
  text,
};

/** Projects an operation to one key; null when it does not concern the key. */
export function ofItem(observed: Observed, key: string): Observed | null {
  const only = (items: Items): Items => {
    const found = items[key];
    return found === undefined ? {} : { [key]: found };
  };
  const { items } = observed.seen;
  const seen: Seen = { status: observed.seen.status, ...(items === undefined ? {} : { items: only(items) }) };
  switch (observed.does) {
    case "read":
    case "delete":
      return observed.key === key ? observed : null;
    case "list":
      return { does: "list", seen };
    case "put":
      return key in observed.items ? { ...observed, seen } : null;
    // An operation that does not name the key keeps and shows it, or removes it.
    case "merge":
    case "replace":
      return { does: observed.does, items: only(observed.items), seen };
  }
}
