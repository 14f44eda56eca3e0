// The deployed Worker with counters of what a request costs: calls of objects, alarms, KV reads and writes, rows read
// and written, and the size of each object's database. `GET /counts` returns the counts since the last call, once no
// alarm is due.
//
// The Worker and the objects share one isolate, so one variable counts all.

import worker, { IndexObject as DeployedIndex, ResourceObject as DeployedResource } from "../entry.js";

/** @returns {{ kv: string[], calls: string[], alarmsSet: number, alarmsRun: number, statements: any[], stored: number[], lists: number[] }} */
function nothing() {
  return { kv: [], calls: [], alarmsSet: 0, alarmsRun: 0, statements: [], stored: [], lists: [] };
}

let seen = nothing();

/** Storages with a due alarm, and running alarms. */
const due = new Set();
let running = 0;

/** Wraps an object of the runtime to observe calls of its methods. */
function watched(target, notice) {
  return new Proxy(target, {
    get(_, name) {
      // Called through its owner: `apply` of a stub's method would be a remote call.
      if (typeof target[name] === "function") return (...given) => notice(name, given, target[name](...given));
      return target[name];
    },
  });
}

function countedNamespace(namespace) {
  return watched(namespace, (_, [objectName], stub) =>
    watched(stub, (method, __, promise) => {
      seen.calls.push(`${objectName} ${String(method)}`);
      return promise;
    }),
  );
}

/** Runs statements one at a time, because a cursor reports only the last of several. */
function countedSql(sql) {
  return {
    get databaseSize() {
      return sql.databaseSize;
    },
    exec(text, ...bindings) {
      const statements = text.split(";").filter((statement) => statement.trim() !== "");
      const cursors = statements.map((statement, at) => {
        const cursor = sql.exec(statement, ...(at === statements.length - 1 ? bindings : []));
        seen.statements.push({ statement, cursor });
        return cursor;
      });
      return cursors.at(-1);
    },
  };
}

function countedStorage(storage) {
  const sql = countedSql(storage.sql);
  return new Proxy(storage, {
    get(_, name) {
      if (name === "sql") return sql;
      if (name === "setAlarm") {
        return (at) => {
          seen.alarmsSet += 1;
          if (at <= Date.now()) due.add(storage);
          return storage.setAlarm(at);
        };
      }
      const value = storage[name];
      return typeof value === "function" ? value.bind(storage) : value;
    },
  });
}

const counting = (Deployed) =>
  class extends Deployed {
    #storage;

    constructor(ctx, env) {
      super(ctx, env);
      this.#storage = ctx.storage;
      Object.defineProperty(this, "ctx", {
        value: { id: ctx.id, storage: countedStorage(ctx.storage), abort: (reason) => ctx.abort(reason) },
      });
      Object.defineProperty(this, "env", { value: counted(env) });
    }

    async alarm() {
      due.delete(this.#storage);
      running += 1;
      seen.alarmsRun += 1;
      await super.alarm();
      seen.stored.push(this.#storage.sql.databaseSize);
      running -= 1;
    }
  };

export class ResourceObject extends counting(DeployedResource) {}
export class IndexObject extends counting(DeployedIndex) {
  update(update) {
    super.update(update);
    seen.lists.push(this.ctx.storage.sql.databaseSize);
  }
}

let countedEnv;

function counted(env) {
  countedEnv ??= {
    ...env,
    TOKENS: watched(env.TOKENS, (method, [key], result) => {
      seen.kv.push(`${String(method)} ${key}`);
      return result;
    }),
    RESOURCES: countedNamespace(env.RESOURCES),
    INDEXES: countedNamespace(env.INDEXES),
  };
  return countedEnv;
}

async function take() {
  while (due.size > 0 || running > 0) await new Promise((resolve) => setTimeout(resolve, 2));
  const { statements, ...others } = seen;
  seen = nothing();
  const rows = statements.map(({ statement, cursor }) => ({
    statement: statement.replaceAll(/\s+/g, " ").trim(),
    read: cursor.rowsRead,
    written: cursor.rowsWritten,
  }));
  return { ...others, rows };
}

export default {
  async fetch(request, env, ctx) {
    if (new URL(request.url).pathname === "/counts") return Response.json(await take(), { headers: { "X-Test-Only": "counts" } });
    return worker.fetch(request, counted(env), ctx);
  },
};
