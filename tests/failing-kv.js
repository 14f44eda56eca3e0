// The Worker with a failing KV that logs its calls.

import worker, * as classes from "../entry.js";

export const { IndexObject, ResourceObject } = classes;

/** @type {Record<string, (call: () => Promise<unknown>) => Promise<unknown>>} */
const FAILURES = {
  throws: () => Promise.reject(new Error("KV GET failed: 500 Internal Server Error")),
  hangs: () => new Promise(() => {}),
  "answers late": async (call) => {
    await new Promise((resolve) => setTimeout(resolve, 20));
    return call();
  },
};

export default {
  fetch(request, env, ctx) {
    const fail = FAILURES[env.KV_FAILURE];
    const TOKENS = {
      get(...args) {
        console.log(`KV get ${args[0]}`);
        return fail(() => env.TOKENS.get(...args));
      },
      put(...args) {
        console.log(`KV put ${args[0]}`);
        return fail(() => env.TOKENS.put(...args));
      },
    };
    return worker.fetch(request, { ...env, TOKENS }, ctx);
  },
};
