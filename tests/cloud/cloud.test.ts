// The Worker and the bridge beside a real Keystone, Nova, Glance and RabbitMQ: one cloud for all subjects.
import { after } from "node:test";

import type { Later } from "../programs.ts";
import { bothWays } from "./both-ways.ts";
import { broker } from "./broker.ts";
import { Cloud } from "./cloud.ts";
import { imports } from "./import.ts";
import { lag } from "./lag.ts";
import { outages } from "./outages.ts";

const undos: (() => unknown)[] = [];
const later: Later = (undo) => undos.push(undo);
after(async () => {
  for (const undo of undos.reverse()) await undo();
});
const cloud = await Cloud.start(later);

// The servers of a subject stay: what comes later has more of them to list.
if (!process.env["ONLY"] || process.env["ONLY"].includes("both")) bothWays(cloud);
if (!process.env["ONLY"] || process.env["ONLY"].includes("lag")) lag(cloud);
if (!process.env["ONLY"] || process.env["ONLY"].includes("outages")) outages(cloud);
if (!process.env["ONLY"] || process.env["ONLY"].includes("broker")) broker(cloud);
if (!process.env["ONLY"] || process.env["ONLY"].includes("imports")) imports(cloud);
