// The Worker, and beside it what the platform itself takes for a body: `/platform/...` reads it and does nothing else.

import worker, * as classes from "../../entry.js";

export const { IndexObject, ResourceObject } = classes;

export default {
  async fetch(request, env, ctx) {
    if (!new URL(request.url).pathname.startsWith("/platform/")) return worker.fetch(request, env, ctx);
    const { byteLength } = await request.arrayBuffer();
    return Response.json(byteLength);
  },
};
