// One address for a Worker that gets another port whenever it is started.
import { once } from "node:events";
import net from "node:net";

import type { Later } from "../programs.ts";

export class Front {
  #target = 0;
  readonly #sockets = new Set<net.Socket>();

  private constructor(readonly server: net.Server) {}

  static async start(later: Later): Promise<Front> {
    const front = new Front(net.createServer());
    front.server.on("connection", (socket) => front.#forward(socket));
    front.server.listen(0, "127.0.0.1");
    await once(front.server, "listening");
    later(() => {
      front.server.close();
      front.cut();
    });
    return front;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as net.AddressInfo).port}`;
  }

  /** Where new connections go. */
  aim(url: string): void {
    this.#target = Number(new URL(url).port);
  }

  /** Ends all connections. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #forward(socket: net.Socket): void {
    const behind = net.connect(this.#target, "127.0.0.1");
    for (const [one, other] of [
      [socket, behind],
      [behind, socket],
    ] as const) {
      this.#sockets.add(one);
      one.pipe(other);
      one.on("error", () => other.destroy());
      one.on("close", () => {
        this.#sockets.delete(one);
        other.destroy();
      });
    }
  }
}
