// What one request uses, in the platform's billing units. tests/cost.test.ts asserts each of them against the built
// Worker; docs/price.md and the simulation calculate with them.

export interface Units {
  kvReads: number;
  kvWrites: number;
  /** Calls of objects, and alarms. */
  objectRequests: number;
  rowsRead: number;
  /** Rows written; setting an alarm is one of them. */
  rowsWritten: number;
}

const NOTHING: Units = { kvReads: 0, kvWrites: 0, objectRequests: 0, rowsRead: 0, rowsWritten: 0 };

function units(some: Partial<Units>): Units {
  return { ...NOTHING, ...some };
}

/** Rows that are read to put items: four and more are put by one statement, which reads each. */
function putRows(items: number): number {
  return items < 4 ? 0 : items;
}

/** With a cached token, of a server or image whose object is in memory. */
export const requests = {
  /** GET of all items or of one. */
  get: units({ objectRequests: 1 }),
  deleteItem: units({ objectRequests: 1, rowsRead: 2, rowsWritten: 2 }),
  putItem: units({ objectRequests: 1, rowsRead: 1, rowsWritten: 2 }),
  /** POST, by the items whose values differ. */
  merge: (changed: number): Units => units({ objectRequests: 1, rowsRead: 1 + putRows(changed), rowsWritten: 1 + changed }),
  /** PUT of all items: how many there are, how many others are removed, and how many of them differ. */
  replace: (items: number, removed: number, changed: number): Units =>
    units({ objectRequests: 1, rowsRead: 1 + removed + putRows(items), rowsWritten: 1 + removed + changed }),
  /** A page of a list, by its entries and the index rows that were read. */
  list: (shown: number, lookedAt: number): Units => units({ objectRequests: 1 + shown, rowsRead: lookedAt }),
  /** The registry: a new server, its alarm, and the update of the index. */
  register: (items: number): Units => units({ objectRequests: 3, rowsRead: 23 + putRows(items), rowsWritten: 24 + items }),
  /** The registry: a PUT that changes no list and no item. */
  registerState: units({ objectRequests: 1, rowsRead: 2, rowsWritten: 2 }),
  /** The registry: a DELETE, its alarm, and the update of the index; not the second alarm a day later. */
  forget: (items: number): Units => units({ objectRequests: 3, rowsRead: 15, rowsWritten: 8 + items }),
  /** The registry: a page of the changes that the cloud has yet to apply. */
  changes: (shown: number): Units => units({ objectRequests: 1, rowsRead: shown }),
};

/** Additional units with CHANGES=keep. */
export const keep = {
  /** A change: one mark for each key that it touches. */
  marks: (keys: number): Units => units({ rowsWritten: keys }),
  /** The first mark of a server or image, or another one that is the oldest now: its alarm, and the update of the list of changes. */
  firstMark: units({ objectRequests: 2, rowsRead: 12, rowsWritten: 6 }),
  /** A registry's PUT: marks that the cloud has applied. */
  acknowledged: (keys: number): Units => units({ rowsRead: keys, rowsWritten: keys }),
  /** The last mark of a server or image: its alarm, and the update of the list of changes. */
  lastMark: units({ objectRequests: 2, rowsRead: 13, rowsWritten: 4 }),
};

/** Additional units. */
export const extra = {
  /** A token that is not cached in the isolate. */
  newToken: units({ kvReads: 1 }),
  /** A token that is not in KV either, with a Keystone. */
  newToKeystone: units({ kvReads: 1, kvWrites: 1 }),
  /** An object that has to start, with 256 items at most: of more, 257 are read twice. Each entry of its operation log is a
   * row, read and sorted. */
  objectStart: (items: number, changes: number): Units => units({ rowsRead: 11 + 2 * changes + items }),
  /** The first resource of a project: its list's table and two indexes. */
  firstOfProject: units({ rowsRead: 8, rowsWritten: 4 }),
};

/** Bytes of the database of a server with short items, up to the 128 that it may have: nine pages of SQLite. */
export const SERVER_BYTES = 36_864;

/** The same with 128 items of 255 characters each, keys and values. */
export const LONGEST_SERVER_BYTES = 118_784;

export function sum(...parts: Units[]): Units {
  const total = { ...NOTHING };
  for (const part of parts) {
    for (const name of Object.keys(total) as (keyof Units)[]) total[name] += part[name];
  }
  return total;
}
