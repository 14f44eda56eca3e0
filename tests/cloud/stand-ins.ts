// Stands in for Neutron and Placement, which Nova asks when it shows or deletes a server: they have nothing of it.
import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";

import type { Later } from "../programs.ts";

/** Gives the address of both: Neutron's, and below it `/placement`. */
export async function startStandIn(later: Later): Promise<string> {
  const server = http.createServer((request, response) => {
    if (request.method === "DELETE") return void response.writeHead(204).end();
    response.writeHead(200, { "Content-Type": "application/json" });
    response.end(JSON.stringify(document(request.url ?? "")));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const version = { id: "v1.0", status: "CURRENT", min_version: "1.0", max_version: "1.39", links: [{ rel: "self", href: "" }] };
  later(() => {
    server.close();
    server.closeAllConnections();
  });
  return url;

  function document(resource: string): object {
    const name =
      (resource.split("?")[0] ?? "").replace(/\/$/, "").split("/").at(-1)?.replace(".json", "").replaceAll("-", "_") ?? "";
    if (name === "placement") return { versions: [version] };
    return name === "" ? { versions: [] } : { [name]: [] };
  }
}
