// Replaces the Worker on stored state: its objects execute the SQL they are sent.
import { DurableObject } from "cloudflare:workers";

class SqlObject extends DurableObject {
  run(sql) {
    return this.ctx.storage.sql.exec(sql).toArray();
  }
}

export class ResourceObject extends SqlObject {}
export class IndexObject extends SqlObject {}

export default {
  /** `POST /RESOURCES/server:…` executes a statement and returns its rows. */
  async fetch(request, env) {
    const [, binding, name] = new URL(request.url).pathname.split("/");
    const namespace = env[binding];
    const stub = namespace.get(namespace.idFromName(decodeURIComponent(name)));
    return Response.json(await stub.run(await request.text()));
  },
};
