// Stands in for Neutron, which Nova asks whenever it shows or deletes a server: there are no networks.
import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";

import type { Later } from "../programs.ts";

/** Gives its address. */
export async function startNeutron(later: Later): Promise<string> {
  const server = http.createServer((request, response) => {
    const name = (request.url ?? "").split("?")[0]?.split("/").at(-1)?.replace(".json", "").replaceAll("-", "_") ?? "";
    response.writeHead(200, { "Content-Type": "application/json" });
    response.end(JSON.stringify(name === "" ? { versions: [] } : { [name]: [] }));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  later(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
