// The Worker and the bridge beside a real Keystone, Nova, Glance and RabbitMQ: one cloud for all subjects.
import assert from "node:assert/strict";
import { after } from "node:test";

import type { Later } from "../programs.ts";
import { bothWays } from "./both-ways.ts";
import { broker } from "./broker.ts";
import { Cloud } from "./cloud.ts";
import { imports } from "./import.ts";
import { lag } from "./lag.ts";
import { operating } from "./operate.ts";
import { outages } from "./outages.ts";
import { sessions } from "./sessions.ts";

/** In the order in which they run: the servers of a subject stay, and what comes later has more of them to list. */
const SUBJECTS: Record<string, (cloud: Cloud) => void> = {
  "both-ways": bothWays,
  sessions,
  operate: operating,
  lag,
  outages,
  broker,
  import: imports,
};

const wanted = (process.env["CLOUD_SUBJECTS"] ?? "").split(",").filter((name) => name !== "");
for (const name of wanted)
  assert.ok(name in SUBJECTS, `there is no subject ${name}; there are: ${Object.keys(SUBJECTS).join(", ")}`);

const undos: (() => unknown)[] = [];
const later: Later = (undo) => undos.push(undo);
const end = async (): Promise<void> => {
  for (let undo = undos.pop(); undo !== undefined; undo = undos.pop()) await undo();
};
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => void end().finally(() => process.exit(1)));
const cloud = await Cloud.start(later);
for (const [name, tests] of Object.entries(SUBJECTS)) {
  if (wanted.length === 0 || wanted.includes(name)) tests(cloud);
}
after(end);
