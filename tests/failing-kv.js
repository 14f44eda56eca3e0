// The Worker with a failing KV that logs its calls.

import worker, * as classes from "../entry.js";

export const { IndexObject, ResourceObject } = classes;

const FAILURES = {
  throws: () => Promise.reject(new Error("KV GET failed: 500 Internal Server Error")),
  hangs: () => new Promise(() => {}),
};

export default {
  fetch(request, env, ctx) {
    const fail = FAILURES[env.KV_FAILURE];
    const TOKENS = {
      get(key) {
        console.log(`KV get ${key}`);
        return fail();
      },
      put(key) {
        console.log(`KV put ${key}`);
        return fail();
      },
    };
    return worker.fetch(request, { ...env, TOKENS }, ctx);
  },
};
