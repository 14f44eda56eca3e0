/** A Worker whose objects fail, hang or are slow when a test says so. */
import assert from "node:assert/strict";

import { startWorkerd, type PlainOptions, type PlainWorkerd } from "../workerd.ts";

/** A number of milliseconds is a pause before each call. */
export type Behaviour = "throws" | "hangs" | number;

export interface Behaviours {
  /** By project. `*` is for all that are not named. */
  index?: Record<string, Behaviour>;
  /** By the object's name, such as `server:<id>`. */
  resource?: Record<string, Behaviour>;
  /** Alarms do nothing, and are not set again. */
  alarm?: "lost";
}

export interface Seen {
  /** Alarms of each object that have begun since the behaviours were set. */
  alarms: Record<string, number>;
  /** The projects whose lists were told something since then. */
  lists: string[];
}

export function startUnlucky(options: PlainOptions = {}): Promise<PlainWorkerd> {
  return startWorkerd({ entry: "tests/attacks/unlucky-objects.js", ...options });
}

export async function setBehaviours(worker: PlainWorkerd, behaviours: Behaviours): Promise<void> {
  const { status } = await worker.request("PUT", "/unlucky", { body: behaviours });
  assert.equal(status, 200);
}

export async function seen(worker: PlainWorkerd): Promise<Seen> {
  return (await worker.request("GET", "/unlucky")).json();
}
