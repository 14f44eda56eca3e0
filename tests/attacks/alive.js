// The Worker, with each request watched for as long as anything holds it. `GET /alive` collects garbage and tells how
// many are still held: what a request leaves behind in whichever table holds its request as well.
//
// It needs the flag `--expose-gc` of V8.

import worker, * as classes from "../../entry.js";

export const { IndexObject, ResourceObject } = classes;

/** @type {Set<WeakRef<Request>>} */
let watched = new Set();

async function alive() {
  // What is held by a promise or a message that is on its way is let go of a turn later.
  for (let round = 0; round < 3; round += 1) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    globalThis.gc();
  }
  watched = new Set([...watched].filter((reference) => reference.deref() !== undefined));
  return watched.size;
}

export default {
  async fetch(request, env, ctx) {
    if (new URL(request.url).pathname === "/alive") return Response.json(await alive(), { headers: { "X-Test-Only": "alive" } });
    watched.add(new WeakRef(request));
    return worker.fetch(request, env, ctx);
  },
};
