// The first request after a start, when code is compiled and no cache is filled.
import net from "node:net";
import { Failure, progress } from "../scripts/command.mjs";
import { nothing, nullRust, ours, type Side } from "./sides.ts";
import { ratio, spread, type Spread } from "./statistics.ts";
import { serve, type ServeOptions } from "./workerd.ts";
import { itemPath, token, tokens } from "./workload.ts";

export interface FirstRequests {
  starts: number;
  /** Milliseconds from the start of the process until it listens, and from the request to its answer. */
  milliseconds: { title: string; start: Spread; spread: Spread }[];
  /** The ratio of this Worker's smallest answer to the null Rust Worker's. */
  ratio: Spread;
  /** The same without the Worker's log line. */
  quietRatio: Spread;
  /** This Worker's to that of another build, if there is one. */
  baselineRatio?: Spread;
}

const DELETE = `DELETE ${itemPath(1, 0)} HTTP/1.1\r\nHost: bench\r\nX-Auth-Token: ${token(1)}\r\n\r\n`;
const GET = "GET / HTTP/1.1\r\nHost: bench\r\n\r\n";

/** The first log line has workerd load its formatting module, which takes several ms. */
const QUIET = { LOG_LEVEL: "warn" };

interface Candidate {
  title: string;
  side: Side;
  request: string;
  status: number;
  options?: ServeOptions;
}

const CANDIDATES: Candidate[] = [
  { title: "null: JavaScript", side: nothing, request: GET, status: 204 },
  { title: "null Rust", side: nullRust, request: GET, status: 204 },
  { title: "edge-metadata, `GET /`", side: ours, request: GET, status: 200 },
  { title: "edge-metadata, `GET /`, nothing logged", side: ours, request: GET, status: 200, options: { vars: QUIET } },
  {
    title: "edge-metadata, DELETE of an unknown server: token from KV, object started",
    ...{ side: ours, request: DELETE, status: 404 },
  },
  {
    title: "edge-metadata, `GET /`, another isolate started since",
    ...{ side: ours, request: GET, status: 200, options: { tokensLast: true } },
  },
];

export async function measureFirstRequests(starts: number, others: Side[]): Promise<FirstRequests> {
  progress(`first requests: ${starts} starts of each`);
  const [other] = others;
  const baseline: Candidate[] = other
    ? [
        { title: `${other.title}, \`GET /\``, side: other, request: GET, status: 200 },
        { title: `${other.title}, DELETE of an unknown server`, side: other, request: DELETE, status: 404 },
      ]
    : [];
  const candidates = [...CANDIDATES, ...baseline];
  const all = candidates.map((): number[] => []);
  const startTimes = candidates.map((): number[] => []);
  for (let start = 0; start < starts; start += 1) {
    for (const [at, { side, request, status, options }] of candidates.entries()) {
      const served = await serve(side, { ...options, tokens: tokens(1) });
      try {
        startTimes[at]?.push(served.startMilliseconds);
        all[at]?.push(await answered(served.port, request, status));
      } finally {
        await served.end();
      }
    }
  }
  return {
    starts,
    milliseconds: candidates.map(({ title }, at) => {
      return { title, start: spread(startTimes[at] ?? []), spread: spread(all[at] ?? []) };
    }),
    ratio: ratio(all[2] ?? [], all[1] ?? []),
    quietRatio: ratio(all[3] ?? [], all[1] ?? []),
    ...(other ? { baselineRatio: ratio(all[2] ?? [], all[CANDIDATES.length] ?? []) } : {}),
  };
}

/** Milliseconds from the first byte sent to the first one received. */
function answered(port: number, request: string, status: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, "127.0.0.1", () => {
      const sent = performance.now();
      socket.once("data", (head) => {
        const milliseconds = performance.now() - sent;
        socket.destroy();
        const [line] = head.toString("latin1").split("\r\n");
        if (line?.startsWith(`HTTP/1.1 ${status} `)) resolve(milliseconds);
        else reject(new Failure(`the first request was answered ${line}`));
      });
      socket.write(request);
    });
    socket.on("error", reject);
  });
}
