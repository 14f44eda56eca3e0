// Loaded before wrangler (NODE_OPTIONS): notes each host that a process of node connects to, in the file that
// DEPLOY_CONNECTIONS names.
import { appendFileSync } from "node:fs";
import net from "node:net";

const file = process.env["DEPLOY_CONNECTIONS"];
const connect = net.Socket.prototype.connect;

/** Its arguments come as options, as port and host, or as an array of both from node's own callers. */
net.Socket.prototype.connect = function (...args) {
  const [first, second] = Array.isArray(args[0]) ? args[0] : args;
  const { host, path, port } = typeof first === "object" ? first : { port: first, host: second, path: undefined };
  if (file !== undefined && path === undefined) appendFileSync(file, `${host ?? "localhost"}:${port}\n`);
  return connect.apply(this, /** @type {Parameters<typeof connect>} */ (args));
};
