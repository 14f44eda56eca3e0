// The only JavaScript that is deployed: the deadline, and the classes that the platform wants.
//
// Both must be here. A panic in Rust takes every pending future of the isolate with it, and a timer
// set in Rust, too; a timer in JavaScript survives. And the runtime calls methods only on classes
// that extend its own.

import { DurableObject } from "cloudflare:workers";
import wasm from "./build/index_bg.wasm";
import * as rust from "./build/index.js";

const DEFAULT_DEADLINE_MS = 10_000;

rust.initSync({ module: wasm });

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

// A panic after an await is in no caller's hands.
addEventListener("error", (event) => notice(event.error));

/** Waits for the Rust side, but not past the deadline and not after a panic. */
async function patiently(env, work) {
  let giveUp;
  const givenUp = new Promise((_, reject) => {
    giveUp = (cause) => reject(new Error(cause));
  });
  const deadline = Number(env.REQUEST_DEADLINE_MS) || DEFAULT_DEADLINE_MS;
  const timer = setTimeout(giveUp, deadline, "the deadline has passed");
  waiting.add(giveUp);
  try {
    return await Promise.race([work(alive()), givenUp]);
  } catch (error) {
    notice(error);
    throw error;
  } finally {
    clearTimeout(timer);
    waiting.delete(giveUp);
  }
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
    const heard = await patiently(this.env, (rust) => rust.deliver(parcels, this.env));
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

export default {
  async fetch(request, env, ctx) {
    try {
      return await patiently(env, (rust) => rust.fetch(request, env, ctx));
    } catch (error) {
      return alive().give_up(request, String(error));
    }
  },
};
