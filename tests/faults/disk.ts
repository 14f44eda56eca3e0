/** Disks that are full or cannot be written, and processes that may not write. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";

function run(program: string, ...args: string[]): void {
  const { status, stderr, error } = spawnSync(program, args, { encoding: "utf8" });
  assert.equal(status, 0, `${program} ${args.join(" ")}: ${error?.message ?? stderr}`);
}

/** Whether tests that mount a disk are skipped: only when it is requested explicitly. */
export const withoutMount =
  process.env["FAULTS_WITHOUT_MOUNT"] === "1" ? "FAULTS_WITHOUT_MOUNT=1 says that nothing can be mounted here" : false;

/** A small disk in memory. */
export class SmallDisk {
  private constructor(readonly folder: string) {}

  static async mount(kilobytes: number): Promise<SmallDisk> {
    const folder = await mkdtemp(path.join(tmpdir(), "edge-metadata-disk-"));
    const { status, stderr, error } = spawnSync(
      "mount",
      ["-t", "tmpfs", "-o", `size=${kilobytes}k`, "edge-metadata-test", folder],
      { encoding: "utf8" },
    );
    if (status === 0) return new SmallDisk(folder);
    await rm(folder, { recursive: true });
    throw new Error(
      `this test mounts a small disk, which needs root: ${(error?.message ?? stderr).trim()}\n` +
        "Where that cannot be had, FAULTS_WITHOUT_MOUNT=1 leaves it out.",
    );
  }

  get #filler(): string {
    return path.join(this.folder, "filler");
  }

  /** Fills the disk to the last byte. */
  async fill(): Promise<void> {
    for (let size = 1 << 20; size >= 1; size >>= 1) {
      for (let full = false; !full; ) {
        full = await writeFile(this.#filler, Buffer.alloc(size), { flag: "a" }).then(
          () => false,
          () => true,
        );
      }
    }
  }

  async free(): Promise<void> {
    await rm(this.#filler);
  }

  remount(mode: "ro" | "rw"): void {
    run("mount", "-o", `remount,${mode}`, this.folder);
  }

  async unmount(): Promise<void> {
    run("umount", this.folder);
    await rm(this.folder, { recursive: true });
  }
}

/** A shell command that limits the size of files and then becomes the given program. Needs no root. */
export function withFilesUpTo(kilobytes: number): string[] {
  // In half kilobytes; the signal is ignored, because its default ends the process.
  return ["/bin/sh", "-c", `trap '' XFSZ; ulimit -S -f ${kilobytes * 2}; exec "$@"`, "sh"];
}

/** Changes the file size limit of a running process. */
export function letFilesGrow(pid: number, bytes: number | "unlimited"): void {
  run("prlimit", "--pid", String(pid), `--fsize=${bytes}:`);
}
