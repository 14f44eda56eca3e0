// The Worker as it is deployed, with everything counted that a request costs: calls of objects, reads of KV,
// rows read and written. `GET /counts` tells the counts since it was asked last.
//
// It runs inside the Workers runtime, with the front and the objects in one isolate, so one variable counts all.

import worker, { IndexObject, ResourceObject as Deployed } from "../entry.js";

export { IndexObject };

/** @type {{ kv: string[], calls: string[], statements: { statement: string, cursor: any }[] }} */
let seen = { kv: [], calls: [], statements: [] };

/** A thing of the runtime that is told of each call of its methods. */
function watched(target, notice) {
  return new Proxy(target, {
    get(_, name) {
      // Called through its owner: a method of a stub has no `apply` of its own, only a remote one.
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

function countedStorage(storage) {
  const sql = watched(storage.sql, (_, [statement], cursor) => {
    seen.statements.push({ statement, cursor });
    return cursor;
  });
  return new Proxy(storage, {
    get(_, name) {
      if (name === "sql") return sql;
      const value = storage[name];
      return typeof value === "function" ? value.bind(storage) : value;
    },
  });
}

export class ResourceObject extends Deployed {
  constructor(ctx, env) {
    super(ctx, env);
    const storage = countedStorage(ctx.storage);
    Object.defineProperty(this, "ctx", { value: { storage } });
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

function take() {
  const { kv, calls, statements } = seen;
  seen = { kv: [], calls: [], statements: [] };
  const rows = statements.map(({ statement, cursor }) => ({
    statement: statement.replaceAll(/\s+/g, " ").trim(),
    read: cursor.rowsRead,
    written: cursor.rowsWritten,
  }));
  return { kv, calls, rows };
}

export default {
  fetch(request, env, ctx) {
    if (new URL(request.url).pathname === "/counts") return Response.json(take());
    return worker.fetch(request, counted(env), ctx);
  },
};
