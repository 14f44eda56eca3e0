// The Worker, with objects that fail, hang or are slow when a test says so:
//
//   PUT /unlucky {"index": {"<project>": "throws"}, "resource": {"server:<id>": "hangs"}}
//
// `{"alarm": "lost"}` has alarms do nothing, not even set the next one, as those that the platform has given up.
//
// The behaviours are `throws`, `hangs` and a number of milliseconds; `*` stands for all objects of a kind. `GET /unlucky`
// tells how many alarms of each object have begun and which lists were called. The pauses between alarms are a twentieth of what they
// are in the Worker, where nobody waits for them; how long one list may take, and the platform's own repetitions, are
// as they are.

import { IndexObject as DeployedIndex, ResourceObject as DeployedResource } from "../../entry.js";
import worker from "../../entry.js";

const PAUSES_ARE_DIVIDED_BY = 20;

let behaviours = { index: {}, resource: {} };
let seen = { alarms: {}, lists: [] };

async function misfortune(kind, name) {
  const behaviour = behaviours[kind]?.[name] ?? behaviours[kind]?.["*"];
  if (behaviour === "throws") throw new Error("out of luck");
  if (behaviour === "hangs") await new Promise(() => {});
  if (typeof behaviour === "number") await new Promise((resolve) => setTimeout(resolve, behaviour));
}

/** The methods that are called by RPC, whatever they are called. */
function methodsOf(Deployed) {
  const names = new Set();
  for (
    let proto = Deployed.prototype;
    proto && proto.constructor.name !== "DurableObject";
    proto = Object.getPrototypeOf(proto)
  ) {
    for (const name of Object.getOwnPropertyNames(proto)) {
      if (name !== "constructor" && name !== "alarm" && typeof proto[name] === "function") names.add(name);
    }
  }
  return names;
}

function unlucky(Deployed, kind) {
  const Unlucky = class extends Deployed {
    get name() {
      return (this.ctx.id.name ?? "").replace(/^index:/, "");
    }
  };
  for (const method of methodsOf(Deployed)) {
    Unlucky.prototype[method] = async function (...args) {
      if (kind === "index" && method !== "list") seen.lists.push(this.name);
      await misfortune(kind, this.name);
      return Deployed.prototype[method].apply(this, args);
    };
  }
  return Unlucky;
}

export class IndexObject extends unlucky(DeployedIndex, "index") {}

export class ResourceObject extends unlucky(DeployedResource, "resource") {
  async alarm(...args) {
    const id = this.ctx.id.toString();
    seen.alarms[id] = (seen.alarms[id] ?? 0) + 1;
    if (behaviours.alarm === "lost") return;
    await super.alarm(...args);
    const next = await this.ctx.storage.getAlarm();
    const pause = next === null ? 0 : next - Date.now();
    if (pause > 0) await this.ctx.storage.setAlarm(Date.now() + pause / PAUSES_ARE_DIVIDED_BY);
  }
}

export default {
  async fetch(request, env, ctx) {
    if (new URL(request.url).pathname !== "/unlucky") return worker.fetch(request, env, ctx);
    if (request.method === "PUT") {
      behaviours = await request.json();
      seen = { alarms: {}, lists: [] };
    }
    return Response.json(seen, { headers: { "X-Test-Only": "unlucky" } });
  },
};
