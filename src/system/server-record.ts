/**
 * Where `leveredge serve` listens, for other commands of this host: a file of the
 * state directory that the server writes when it listens and removes when it ends.
 * What a killed server left names a process that is gone, and counts for nothing.
 */
import { readFile, unlink } from "node:fs/promises";
import { join } from "node:path";

import { z } from "zod";

import { findOwner } from "./owner.ts";
import { describeProcess, isProcessGone } from "./process-identity.ts";
import { writeFileAtomically } from "./write-file.ts";

const fileName = "server.json";

const ServerRecord = z.object({
  pid: z.int(),
  port: z.int().min(1).max(65_535),
  /** Tells the process from another one that was given its number. */
  process: z.string(),
});
export type ServerRecord = z.output<typeof ServerRecord>;

/** Says where this process listens. A second server of the same state directory takes its place. */
export async function recordListener(stateDir: string, port: number): Promise<void> {
  const record: ServerRecord = { pid: process.pid, port, process: describeProcess() };
  await writeFileAtomically({
    root: stateDir,
    path: fileName,
    content: `${JSON.stringify(record)}\n`,
    mode: 0o600,
    owner: await findOwner(stateDir),
  });
}

/** Takes back what this process recorded, and leaves alone what another one did. */
export async function forgetListener(stateDir: string): Promise<void> {
  if ((await readRecord(stateDir))?.process === describeProcess()) await unlink(join(stateDir, fileName));
}

/** The server that listens now; undefined when none does, also when the file makes no sense. */
export async function findListener(stateDir: string): Promise<ServerRecord | undefined> {
  const record = await readRecord(stateDir);
  return record === undefined || isProcessGone(record.process) ? undefined : record;
}

async function readRecord(stateDir: string): Promise<ServerRecord | undefined> {
  try {
    return ServerRecord.parse(JSON.parse(await readFile(join(stateDir, fileName), "utf8")));
  } catch {
    // Missing, unreadable or somebody else's file: the configured port is as good as any guess.
    return undefined;
  }
}
