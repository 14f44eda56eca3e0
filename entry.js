// The only JavaScript that is deployed: the deadline, and the classes that the platform wants.
//
// Both must be here. A panic in Rust takes every pending future of the isolate with it, timers included,
// and a timer in JavaScript survives. And RPC needs classes that extend `DurableObject`.

import { DurableObject, env as bindings } from "cloudflare:workers";
import wasm from "./build/index_bg.wasm";
import * as rust from "./build/index.js";

rust.initSync({ module: wasm });

/** How long an alarm may take, and when the next one tells what it could not tell by then. */
const ALARM_MS = 60_000;
const NEXT_ALARM_MS = 20_000;

/** A body that nobody reads is read on up to here, so that its connection stays usable. */
const MAX_DRAINED_BYTES = 16 * 1024 * 1024;
const DRAINED_AT_ONCE = 64 * 1024;

/** Counts the instances of the Rust side: objects that were made in an earlier one are gone. */
let generation = 0;
let isTrapped = false;

/** How to cancel each request and alarm in progress. */
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

/** Returns the Rust side, in a new instance after a trap. No argument may be copied before this. */
function instance() {
  if (isTrapped) {
    rust.__wbg_reset_state();
    isTrapped = false;
    generation += 1;
  }
  return rust;
}

// Has V8 compile what requests run. No failure of it keeps the isolate from them.
try {
  rust.warmUp(bindings);
} catch (error) {
  onTrap(error);
}

/** Runs a request or an alarm, but not past the deadline and not beyond a trap. */
function runWithDeadline(milliseconds, start) {
  return new Promise((resolve, reject) => {
    const cancel = (cause) => {
      pending.delete(cancel);
      reject(new Error(cause));
    };
    pending.add(cancel);
    const timer = setTimeout(cancel, milliseconds, "the deadline has passed");
    // A trap cancels from another request, whose I/O this timer is not: only its own run clears it.
    const end = () => {
      clearTimeout(timer);
      pending.delete(cancel);
    };
    const reply = {
      resolve(value) {
        end();
        resolve(value);
      },
      reject(error) {
        end();
        onTrap(error);
        reject(error);
      },
    };
    try {
      start(instance(), reply);
    } catch (error) {
      reply.reject(error);
    }
  });
}

/** Reads on what is left of a body. To leave it would break the connection, and the next request. */
async function drain(body) {
  if (body.locked) return;
  const reader = body.getReader({ mode: "byob" });
  for (let left = MAX_DRAINED_BYTES; left > 0; left -= DRAINED_AT_ONCE) {
    if ((await reader.readAtLeast(DRAINED_AT_ONCE, new Uint8Array(DRAINED_AT_ONCE))).done) return;
  }
}

/** Makes a class of objects whose RPC methods are those of the Rust class of the same name. */
function objectClass(name, methods) {
  return class extends DurableObject {
    #object;
    #generation;

    static {
      for (const method of methods) {
        this.prototype[method] = function (...args) {
          return this.#call(method, args);
        };
      }
    }

    #call(method, args) {
      try {
        const rust = instance();
        if (this.#generation !== generation) {
          this.#object = new rust[name](this.ctx, this.env);
          this.#generation = generation;
        }
        return this.#object[method](...args);
      } catch (error) {
        onTrap(error);
        // Undoes what this call has written, and the next one finds a new object, whose database is opened
        // anew: one that could only be opened for reading would stay read-only as long as it lives.
        this.ctx.abort(String(error));
        throw error;
      }
    }

    /** Never throws: the platform gives up after six repetitions, and the lists would stay wrong. */
    async alarm() {
      try {
        await runWithDeadline(ALARM_MS, (_, { resolve, reject }) => this.#call("alarm", []).then(resolve, reject));
      } catch (error) {
        console.error(JSON.stringify({ level: "error", message: "alarm failed", detail: String(error) }));
        await this.ctx.storage.setAlarm(Date.now() + NEXT_ALARM_MS);
      }
    }
  };
}

/** One server or image. */
export const ResourceObject = objectClass("ResourceObject", [
  ...["show", "listItems", "showItem", "deleteItem", "mergeItems", "replaceItems", "putItem", "showListEntry"],
  ...["register", "inspect", "unregister"],
]);

/** One list, or the time of the control plane's last report. */
export const IndexObject = objectClass("IndexObject", ["update", "list", "reportFeed", "feed"]);

export default {
  fetch(request, env, ctx) {
    lastTask = (lastTask + 1) >>> 0;
    const task = lastTask;
    let response;
    const deadline = Number(env.REQUEST_DEADLINE_MS) || rust.defaultDeadlineMs();
    const answered = runWithDeadline(deadline, (rust, { resolve, reject }) => {
      const reply = (answer) => {
        response = answer;
        if (request.body) drain(request.body).then(() => resolve(response), reject);
        else resolve(response);
      };
      rust.fetch(task, request, env, ctx, { resolve: reply, reject });
    });
    const settled = answered.catch((error) => response ?? instance().giveUp(task, request, env, String(error)));
    // A client that resets its connection would otherwise leave the work behind for ever, and hold up the
    // requests that wait for what it finds out.
    ctx.waitUntil(settled);
    return settled;
  },
};
