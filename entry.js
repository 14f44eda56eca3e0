// The only JavaScript that is deployed: the deadline, the classes that the platform wants, and what is
// cheaper here than in Rust.
//
// The first two must be here. A panic in Rust takes every pending future of the isolate with it, and a
// timer set in Rust, too; a timer in JavaScript survives. And the runtime calls methods only on classes
// that extend its own. What is cheaper: to wait for promises, to read a request's head and to make a
// response (docs/architecture.md).

import { DurableObject } from "cloudflare:workers";
import wasm from "./build/index_bg.wasm";
import * as rust from "./build/index.js";

const DEFAULT_DEADLINE_MS = 10_000;
const MOST_DISCARDED_BYTES = 16 << 20;

function deadlineOf(env) {
  return Number(env.REQUEST_DEADLINE_MS) || DEFAULT_DEADLINE_MS;
}

rust.initSync({ module: wasm });

const HEADERS = rust.header_names().split(",");

/** What the Rust side reads of a request, a line each: to fetch each part from there costs more than all of it here. */
function headOf({ method, url, headers }) {
  let head = `${method}\n${url}`;
  for (const name of HEADERS) {
    const value = headers.get(name);
    head += value === null ? "\n" : `\n=${value}`;
  }
  return head;
}

/** From a line of JSON and what follows it. */
function responseOf(answer) {
  const end = answer.indexOf("\n");
  if (end < 0) return new Response(null, JSON.parse(answer));
  return new Response(answer.slice(end + 1), JSON.parse(answer.slice(0, end)));
}

/** Counts the lives of the Rust side: what was made in an earlier one is gone. */
let life = 0;
let panicked = false;

/** How to give up each request that waits for the Rust side. */
const waiting = new Set();

/** A panic in Rust is a trap. The memory it leaves behind is not to be trusted. */
function notice(error) {
  if (!(error instanceof WebAssembly.RuntimeError)) return;
  panicked = true;
  for (const giveUp of waiting) giveUp("the Worker panicked");
}

/** The Rust side, made anew after a panic. */
function alive() {
  if (panicked) {
    rust.__wbg_reset_state();
    panicked = false;
    life += 1;
  }
  return rust;
}

/** The number of the piece of work that was begun last. */
let begun = 0;

/**
 * Has the Rust side do a piece of work, but not past the deadline and not after a panic. It stops at each
 * promise, and is called again with what came of it.
 */
function carryOut(env, begin) {
  return new Promise((resolve, reject) => {
    const number = (begun = (begun + 1) >>> 0);
    let isOver = false;
    const end = () => {
      isOver = true;
      clearTimeout(timer);
      waiting.delete(giveUp);
    };
    const giveUp = (cause) => {
      end();
      reject(new Error(cause));
      if (!panicked) rust.forget(number);
    };
    const advance = (call) => {
      if (isOver) return;
      try {
        const step = call(alive());
        if (typeof step === "string") {
          end();
          resolve(step);
        } else {
          step.then(
            (value) => advance((rust) => rust.resume(number, true, value)),
            (error) => advance((rust) => rust.resume(number, false, error)),
          );
        }
      } catch (error) {
        end();
        notice(error);
        reject(error);
      }
    };
    const timer = setTimeout(giveUp, deadlineOf(env), "the deadline has passed");
    waiting.add(giveUp);
    advance((rust) => begin(rust, number));
  });
}

/** The Rust side of one object: made when it is first needed, and anew after a panic. */
class RustSide {
  #make;
  #object;
  #life;

  constructor(make) {
    this.#make = make;
  }

  /** Its methods wait for nothing: they panic here or not at all. */
  call(method, ...parameters) {
    try {
      const rust = alive();
      if (this.#life !== life) {
        this.#object = this.#make(rust);
        this.#life = life;
      }
      return this.#object[method](...parameters);
    } catch (error) {
      notice(error);
      throw error;
    }
  }
}

/** One server or image. */
export class ResourceObject extends DurableObject {
  #rust = new RustSide((rust) => new rust.ResourceObject(this.ctx.storage));

  perform(...call) {
    try {
      return this.#rust.call("perform", ...call);
    } catch (error) {
      // Takes back what this call has written, and the next one finds a new object, whose database is
      // opened anew: one that could only be opened for reading would stay read-only as long as it lives.
      this.ctx.abort(String(error));
      throw error;
    }
  }

  /** Tells the lists what they do not know yet of this resource. */
  async alarm() {
    const parcels = this.#rust.call("parcels");
    if (!parcels) return;
    const heard = await carryOut(this.env, (rust, number) => rust.deliver(number, parcels, this.env));
    this.#rust.call("heard", heard);
  }
}

/** The list of one project. */
export class IndexObject extends DurableObject {
  #rust = new RustSide((rust) => new rust.IndexObject(this.ctx.storage));

  put(...entry) {
    return this.#rust.call("put", ...entry);
  }

  remove(...entry) {
    return this.#rust.call("remove", ...entry);
  }

  list(page) {
    return this.#rust.call("list", page);
  }
}

/**
 * Reads a body that nobody wanted, up to a limit. The runtime closes a connection whose body it has not seen the end
 * of as soon as the response is written, and the client, still sending, may never see that.
 */
async function discard({ body, bodyUsed }, env) {
  if (body === null || bodyUsed) return;
  const reader = body.getReader();
  let timer;
  const late = new Promise((resolve) => {
    timer = setTimeout(resolve, deadlineOf(env), { done: true });
  });
  try {
    for (let left = MOST_DISCARDED_BYTES; left > 0; ) {
      const { done, value } = await Promise.race([reader.read(), late]);
      if (done) return;
      left -= value.length;
    }
  } finally {
    clearTimeout(timer);
  }
}

export default {
  async fetch(request, env, ctx) {
    const head = headOf(request);
    let response;
    try {
      response = responseOf(await carryOut(env, (rust, number) => rust.fetch(number, head, request, env, ctx)));
    } catch (error) {
      response = responseOf(alive().give_up(head, String(error)));
    }
    // A body that breaks off has no one to be answered.
    await discard(request, env).catch(() => {});
    return response;
  },
};
