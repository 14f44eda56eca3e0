// The parts of the Workers runtime that the yardsticks use and Node's types lack.

declare module "cloudflare:workers" {
  export class DurableObject<Env = unknown> {
    constructor(ctx: ObjectState, env: Env);
    protected ctx: ObjectState;
    protected env: Env;
  }
}

interface ExecutionContext {
  waitUntil(work: Promise<unknown>): void;
}

interface ObjectState {
  storage: ObjectStorage;
}

interface ObjectStorage {
  sql: { exec(statement: string, ...bindings: (string | number | undefined)[]): Cursor };
  transactionSync<T>(statements: () => T): T;
}

interface Cursor {
  raw(): { toArray(): (string | number)[][] };
  rowsRead: number;
  rowsWritten: number;
}

interface ObjectNamespace<T> {
  getByName(name: string): {
    [Name in keyof T]: T[Name] extends (...given: infer Given) => infer Result
      ? (...given: Given) => Promise<Awaited<Result>>
      : never;
  };
}

interface KvNamespace {
  get(key: string): Promise<string | null>;
}
