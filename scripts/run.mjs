// Running other programs: to the end, for what they print, or as a server that is ended later. On node's own modules
// alone, because it is what installs the packages.

import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { root } from "./layout.mjs";
import { Failure } from "./report.mjs";

/**
 * @typedef {{ env?: Record<string, string>, showsStdout?: boolean, onStdout?: (chunk: Buffer) => void }} RunOptions
 * @typedef {{ code: number, stdout: string, stderr: string }} Captured
 * @typedef {{ exited: Promise<number>, end: () => Promise<void> }} Server
 */

/**
 * Runs a program to its end and gives its exit code. What it prints goes to stderr, because the
 * stdout of our scripts belongs to their own results, unless it `showsStdout` or `onStdout` takes it.
 * @param {string} program
 * @param {string[]} args
 * @param {RunOptions} [options]
 * @returns {Promise<number>}
 */
export function exitCode(program, args, { env = {}, showsStdout = false, onStdout } = {}) {
  const child = spawn(program, args, {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ["ignore", onStdout ? "pipe" : showsStdout ? 1 : 2, 2],
  });
  if (onStdout) child.stdout?.on("data", onStdout);
  return ended(child, program);
}

/**
 * Runs a program to its end; anything but exit code 0 is a failure.
 * @param {string} program
 * @param {string[]} args
 * @param {RunOptions} [options]
 */
export async function run(program, args, options) {
  const code = await exitCode(program, args, options);
  if (code !== 0) throw new Failure(`\`${[program, ...args].join(" ")}\` ended with exit code ${code}`);
}

/**
 * Runs a program for what it prints. A program that does not exist is exit code 127, as in a shell.
 * @param {string} program
 * @param {string[]} args
 * @param {{ env?: Record<string, string> }} [options]
 * @returns {Promise<Captured>}
 */
export function capture(program, args, { env = {} } = {}) {
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      cwd: root,
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text) => (stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text) => (stderr += text));
    child.on("error", (error) => resolve({ code: 127, stdout, stderr: error.message }));
    child.on("close", (code) => resolve({ code: code ?? 1, stdout, stderr }));
  });
}

/**
 * Starts a program that runs until it is ended, in a process group of its own: Ctrl-C then reaches us alone. It ends
 * with us, however we end (guard.mjs).
 * @param {string} program
 * @param {string[]} args
 * @param {{ env?: Record<string, string>, onLine: (line: string) => void }} options
 * @returns {Server}
 */
export function serve(program, args, { env = {}, onLine }) {
  const child = spawn(process.execPath, [join(root, "scripts", "guard.mjs"), program, ...args], {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ["pipe", "pipe", "pipe"],
    detached: true,
  });
  for (const stream of [child.stdout, child.stderr]) createInterface({ input: stream }).on("line", onLine);
  const exited = ended(child, program).finally(() => killGroup(child.pid));
  return {
    exited,
    async end() {
      child.stdin.end();
      await exited.catch(() => {});
    },
  };
}

/**
 * @param {import("node:child_process").ChildProcess} child
 * @param {string} program
 * @returns {Promise<number>}
 */
function ended(child, program) {
  return new Promise((resolve, reject) => {
    child.on("error", (error) => reject(new Failure(`${program} cannot be run: ${error.message}`)));
    child.on("close", (code) => resolve(code ?? 1));
  });
}

/** What a program leaves behind when it crashes. @param {number | undefined} leader */
function killGroup(leader) {
  try {
    if (leader !== undefined) process.kill(-leader, "SIGKILL");
  } catch {
    // Nothing is left of it.
  }
}
