// Programs that run until a test or a bench is done with them, and their end by process id.
import { spawn, type ChildProcess } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { Failure } from "../scripts/report.mjs";

const GRACE_MS = 5_000;
const STARTS_WITHIN_MS = 120_000;
const INTERRUPTS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Tells what is to be done at the end. */
export type Later = (undo: () => unknown) => void;

/** Undoes what was done, the last thing first, however the body ends. MariaDB does not mind Ctrl-C: it is told. */
export async function undoing<Result>(body: (later: Later) => Promise<Result>): Promise<Result> {
  const undos: (() => unknown)[] = [];
  const undo = async (): Promise<void> => {
    for (let last = undos.pop(); last !== undefined; last = undos.pop()) await last();
  };
  const interrupted = (): void => void undo().finally(() => process.exit(1));
  for (const signal of INTERRUPTS) process.once(signal, interrupted);
  try {
    return await body((last) => undos.push(last));
  } finally {
    await undo();
    for (const signal of INTERRUPTS) process.off(signal, interrupted);
  }
}

export interface Program {
  name: string;
  program: string;
  args: string[];
  folder: string;
  /** What it prints goes there. */
  log: string;
  env?: Record<string, string>;
}

/** A program that runs until the end. Gives its process id once it answers. */
export async function start(what: Program, answers: () => Promise<boolean>, later: Later): Promise<number> {
  const { name, program, args, folder, log, env = {} } = what;
  const output = openSync(log, "w");
  const child = spawn(program, args, { cwd: folder, env: { ...process.env, ...env }, stdio: ["ignore", output, output] });
  closeSync(output);
  const closed = new Promise<void>((resolve) => child.once("close", () => resolve()));
  let failed: Error | undefined;
  child.on("error", (error) => (failed = error));
  later(() => end(child, closed));
  const until = Date.now() + STARTS_WITHIN_MS;
  while (!(await answers())) {
    if (failed) throw new Failure(`${program} cannot be run: ${failed.message}`);
    if (hasEnded(child) || Date.now() > until) throw new Failure(`${name} does not start:\n${readFileSync(log, "utf8")}`);
    await sleep(100);
  }
  return child.pid ?? 0;
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

async function end(child: ChildProcess, closed: Promise<void>): Promise<void> {
  if (child.pid === undefined || hasEnded(child)) return;
  child.kill("SIGTERM");
  const kill = setTimeout(() => child.kill("SIGKILL"), GRACE_MS);
  await closed;
  clearTimeout(kill);
}
