// A port for a program that cannot choose one itself and say which it was.

import { once } from "node:events";
import { createServer } from "node:net";

/** @returns {Promise<number>} one of 127.0.0.1 that nobody listened on a moment ago */
export async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  server.close();
  await once(server, "close");
  return port;
}
