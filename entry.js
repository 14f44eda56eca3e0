// The only JavaScript that is deployed: the deadline, and the classes that the platform wants.
//
// Both must be here. A panic in Rust takes every pending future of the isolate with it, timers
// included, and a timer in JavaScript survives. And RPC needs classes that extend `DurableObject`.

import { DurableObject } from "cloudflare:workers";
import wasm from "./build/index_bg.wasm";
import * as rust from "./build/index.js";

rust.initSync({ module: wasm });

/** How long an alarm may take. The lists that it could not tell by then are told by the next one. */
const ALARM_MS = 60_000;
const NEXT_ALARM_MS = 20_000;

/** A body that nobody reads is read on up to here, so that its connection stays usable. */
const MAX_DRAINED_BYTES = 16 * 1024 * 1024;
const DRAINED_AT_ONCE = 64 * 1024;

/** Counts the instances of the Rust side: objects that were made in an earlier one are gone. */
let generation = 0;
let isTrapped = false;

/** How to cancel each task in progress. */
const pending = new Set();
let lastTask = 0;

/** A panic in Rust is a trap. What it leaves in memory is not to be trusted. */
function onTrap(error) {
  if (!(error instanceof WebAssembly.RuntimeError)) return;
  isTrapped = true;
  for (const cancel of pending) cancel("the Worker panicked");
}
addEventListener("error", (event) => onTrap(event.error));
addEventListener("unhandledrejection", (event) => onTrap(event.reason));

/** Returns the Rust side, in a new instance after a trap. Arguments may be copied only after this. */
function instance() {
  if (isTrapped) {
    rust.__wbg_reset_state();
    isTrapped = false;
    generation += 1;
  }
  return rust;
}

/** Runs a request or an alarm, but not past the deadline and not beyond a trap. */
function runWithDeadline(milliseconds, start) {
  return new Promise((resolve, reject) => {
    const end = (settle, value) => {
      if (pending.delete(cancel)) settle(value);
    };
    // Called from another request after a trap, whose I/O this task's timer is not: it is left alone.
    const cancel = (cause) => end(reject, new Error(cause));
    const timer = setTimeout(cancel, milliseconds, "the deadline has passed");
    pending.add(cancel);
    const fail = (error) => {
      clearTimeout(timer);
      onTrap(error);
      end(reject, error);
    };
    try {
      start(instance()).then((value) => {
        clearTimeout(timer);
        end(resolve, value);
      }, fail);
    } catch (error) {
      fail(error);
    }
  });
}

/** Reads on what is left of a body. To leave it would break the connection, and the next request. */
async function drain(body) {
  if (body.locked) return;
  const reader = body.getReader({ mode: "byob" });
  for (let left = MAX_DRAINED_BYTES; left > 0; ) {
    const { done, value } = await reader.readAtLeast(DRAINED_AT_ONCE, new Uint8Array(DRAINED_AT_ONCE));
    if (done) return;
    left -= value.byteLength;
  }
}

/** The Rust side of one object: made when it is first needed, and anew after a trap. */
class RustObject {
  #make;
  #object;
  #generation;

  constructor(make) {
    this.#make = make;
  }

  call(method, ...args) {
    try {
      const rust = instance();
      if (this.#generation !== generation) {
        this.#object = this.#make(rust);
        this.#generation = generation;
      }
      return this.#object[method](...args);
    } catch (error) {
      onTrap(error);
      throw error;
    }
  }
}

/** One server or image. */
export class ResourceObject extends DurableObject {
  #rust = new RustObject((rust) => new rust.ResourceObject(this.ctx, this.env));

  static {
    for (const method of [
      "show", "listItems", "showItem", "deleteItem", "mergeItems", "replaceItems", "putItem",
      "showListEntry", "register", "inspect", "unregister",
    ]) {
      ResourceObject.prototype[method] = function (call) {
        return this.#call(method, call);
      };
    }
  }

  #call(method, call) {
    try {
      return this.#rust.call(method, call);
    } catch (error) {
      // Undoes what this call has written, and the next one finds a new object, whose database is
      // opened anew: one that could only be opened for reading would stay read-only as long as it lives.
      this.ctx.abort(String(error));
      throw error;
    }
  }

  /** Never throws: the platform gives up after six repetitions, and the lists would stay wrong. */
  async alarm() {
    try {
      await runWithDeadline(ALARM_MS, () => this.#rust.call("alarm"));
    } catch (error) {
      console.error(JSON.stringify({ level: "error", message: "alarm failed", detail: String(error) }));
      await this.ctx.storage.setAlarm(Date.now() + NEXT_ALARM_MS);
    }
  }
}

/** The list of one project. */
export class IndexObject extends DurableObject {
  #rust = new RustObject((rust) => new rust.IndexObject(this.ctx, this.env));

  static {
    for (const method of ["update", "list", "reportFeed", "feed"]) {
      IndexObject.prototype[method] = function (...args) {
        return this.#rust.call(method, ...args);
      };
    }
  }
}

export default {
  async fetch(request, env, ctx) {
    const task = (ctx.task = lastTask = (lastTask + 1) >>> 0);
    let response;
    const answered = runWithDeadline(Number(env.REQUEST_DEADLINE_MS) || rust.defaultDeadlineMs(), async (rust) => {
      response = await rust.fetch(request, env, ctx);
      if (request.body) await drain(request.body);
      return response;
    });
    // A client that resets its connection would otherwise leave the work behind for ever, and hold up
    // the requests that wait for what it finds out.
    ctx.waitUntil(answered.catch(() => {}));
    try {
      return await answered;
    } catch (error) {
      return response ?? instance().giveUp(task, request, env, String(error));
    }
  },
};
