// The platform's price of the job: one statement in an object, called by RPC, and no checks at all.

import { DurableObject } from "cloudflare:workers";

export class ResourceObject extends DurableObject {
  /** @param {string} key */
  delete(key) {
    return this.ctx.storage.sql.exec("DELETE FROM item WHERE key = ?", key).rowsWritten;
  }

  /** @param {Record<string, string>} items */
  fill(items) {
    const { sql } = this.ctx.storage;
    sql.exec("CREATE TABLE IF NOT EXISTS item (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID");
    sql.exec("DELETE FROM item");
    for (const key in items) sql.exec("INSERT INTO item VALUES (?, ?)", key, items[key]);
  }
}

export default {
  /**
   * @param {Request} request
   * @param {{ RESOURCES: ObjectNamespace<ResourceObject> }} env
   */
  async fetch(request, env) {
    const segments = request.url.split("/");
    if (request.method === "DELETE") {
      // http: / / host / v2.1 / project / servers / id / metadata / key
      const deleted = await env.RESOURCES.getByName(`server:${segments[6]}`).delete(segments[8] ?? "");
      // Reveals a bench that deletes nothing.
      return new Response(null, { status: deleted === 0 ? 404 : 204 });
    }
    // http: / / host / registry / servers / id
    const { server } = /** @type {{ server: { metadata: Record<string, string> } }} */ (await request.json());
    await env.RESOURCES.getByName(`server:${segments[5]}`).fill(server.metadata);
    return new Response(null, { status: 201 });
  },
};
