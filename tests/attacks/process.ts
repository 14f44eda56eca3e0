/** What a process has used, as Linux counts it. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";

/** Milliseconds of CPU that all threads of a process have run. */
export function cpuMilliseconds(pid: number): number {
  let nanoseconds = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    nanoseconds += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8").split(" ")[0]);
  }
  return nanoseconds / 1e6;
}

/** Megabytes of memory that a process holds. */
export function residentMegabytes(pid: number): number {
  return statusKilobytes(pid, "VmRSS") / 1024;
}

function statusKilobytes(pid: number, name: string): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(status)?.[1]);
}

/** The most megabytes of memory that a process has held since `restartPeak`. */
export function peakMegabytes(pid: number): number {
  return statusKilobytes(pid, "VmHWM") / 1024;
}

export function restartPeak(pid: number): void {
  // Linux: 5 sets the peak back to what the process holds now.
  writeFileSync(`/proc/${pid}/clear_refs`, "5");
}
