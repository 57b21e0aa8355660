/** Where the tests put their files. */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, existsSync, lstatSync, mkdirSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { programRoot } from "#config/state-directory.ts";

const memoryFiles = "/dev/shm";
/** Linux's `TMPFS_MAGIC`. */
const tmpfsType = 0x01021994;
/** Several times what a whole run takes at its peak. */
const roomBytes = 8 * 1024 ** 3;

export type Scratch = { directory: string; close(): void };

/**
 * A directory for the tests of this user and checkout: in memory where that has room
 * and runs programs, since tests make and drop databases of a thousand files each and a
 * disk takes a third longer over them; else, or where `TMPDIR` is set, that one. What a
 * killed run left is used again, and removed by `close`.
 */
export function openScratch(): Scratch {
  const usual: Scratch = { directory: tmpdir(), close: () => undefined };
  if (usual.directory !== "/tmp" || !hasRoom()) return usual;
  const checkout = createHash("sha256").update(programRoot).digest("hex").slice(0, 8);
  const directory = join(memoryFiles, `leveredge-tests-${process.getuid?.() ?? 0}-${checkout}`);
  mkdirSync(directory, { recursive: true });
  const { uid } = lstatSync(directory);
  if (uid !== process.getuid?.()) return usual;
  // Servers that root starts run as another user, who passes through.
  chmodSync(directory, 0o711);
  const close = (): void => rmSync(directory, { recursive: true, force: true });
  if (runsPrograms(directory)) return { directory, close };
  close();
  return usual;
}

function hasRoom(): boolean {
  if (!existsSync(memoryFiles) || process.availableMemory() < roomBytes) return false;
  const { type, bavail, bsize } = statfsSync(memoryFiles);
  return type === tmpfsType && bavail * bsize >= roomBytes;
}

/** Not where it is mounted `noexec`: some tests write programs. */
function runsPrograms(directory: string): boolean {
  const program = join(directory, "probe");
  writeFileSync(program, "#!/bin/sh\n", { mode: 0o700 });
  const { status } = spawnSync(program, { timeout: 10_000 });
  rmSync(program);
  return status === 0;
}
