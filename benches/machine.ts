// The state of the machine, to judge the figures.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import os from "node:os";
import { capture } from "../scripts/run.mjs";

export interface Machine {
  date: string;
  cpu: string;
  cores: number;
  memoryBytes: number;
  kernel: string;
  /** Load averages of 1, 5 and 15 minutes, before the first measurement. */
  load: number[];
  versions: Record<string, string>;
}

export async function describeMachine(wrk: string): Promise<Machine> {
  const rustc = await capture("rustc", ["--version"]);
  return {
    date: new Date().toISOString(),
    cpu: os.cpus()[0]?.model ?? "",
    cores: os.cpus().length,
    memoryBytes: os.totalmem(),
    kernel: os.release(),
    load: os.loadavg().map((load) => Math.round(load * 100) / 100),
    versions: {
      workerd: version("workerd"),
      node: process.versions.node,
      rustc: rustc.stdout.split(" ")[1] ?? "",
      wrk,
    },
  };
}

function version(name: string): string {
  const file = createRequire(import.meta.url).resolve(`${name}/package.json`);
  return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
}
