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

export class ResourceObject extends DurableObject {
  #object;
  #life;

  perform(...call) {
    try {
      const { ResourceObject: Rust } = alive();
      if (this.#life !== life) {
        this.#object = new Rust(this.ctx.storage);
        this.#life = life;
      }
      return this.#object.perform(...call);
    } catch (error) {
      notice(error);
      throw error;
    }
  }
}

export default {
  async fetch(request, env) {
    let giveUp;
    const givenUp = new Promise((resolve) => (giveUp = resolve));
    const deadline = Number(env.REQUEST_DEADLINE_MS) || DEFAULT_DEADLINE_MS;
    const timer = setTimeout(giveUp, deadline, "the deadline has passed");
    waiting.add(giveUp);
    try {
      const outcome = await Promise.race([alive().fetch(request, env), givenUp]);
      if (outcome instanceof Response) return outcome;
      return alive().give_up(request, outcome);
    } catch (error) {
      notice(error);
      return alive().give_up(request, String(error));
    } finally {
      clearTimeout(timer);
      waiting.delete(giveUp);
    }
  },
};
