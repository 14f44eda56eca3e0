// node scripts/guard.mjs PROGRAM ARGUMENTS…: runs a program, and ends it with all that it has started once stdin is
// at its end. Whoever holds the other end of that pipe need not be able to say so: a SIGKILL closes it, too.
//
// It leads a process group (`serve` in run.mjs), in which the program is, and is the last of it.

import { spawn } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";

/** A workerd with a hung request ignores SIGTERM; this long it gets to end by itself. */
const GRACE_MS = 3_000;

const [program = "", ...args] = process.argv.slice(2);
const child = spawn(program, args, { stdio: ["ignore", "inherit", "inherit"] });
const exited = new Promise((resolve) => child.once("close", resolve));
child.once("error", (error) => {
  process.stderr.write(`${program} cannot be run: ${error.message}\n`);
  process.exit(127);
});
child.once("close", (code) => process.exit(code ?? 1));

// The signal goes to the group, and so comes back.
process.on("SIGTERM", () => {});
process.stdin.resume().once("end", async () => {
  process.kill(-process.pid, "SIGTERM");
  await Promise.race([exited, sleep(GRACE_MS)]);
  process.kill(-process.pid, "SIGKILL");
});
