/**
 * The names of throw-away servers, and the removal of those that nobody uses any
 * more: their guard was killed with the process that they belonged to. A name
 * holds that process's pid and start time; the pid alone may be another's by now.
 */
import { lstat, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";

import { errorCode, undefinedWhenMissing } from "./server-place.ts";
import { shutDown } from "./server-process.ts";
import { isRoot, ownUid } from "./system-user.ts";

const socketHome = "/tmp";
const socketPrefix = "leveredge-throwaway-";
const namePattern = /^(?<pid>\d+)-(?<startedAt>\d+)-[0-9a-f]+$/;

/** A name of this process. */
export async function nameThrowaway(suffix: string): Promise<string> {
  return `${process.pid}-${await findStartTime(process.pid)}-${suffix}`;
}

/** Data lie in the home; the socket needs a short path. */
export function throwawayPaths(home: string, name: string): { own: string; socketDirectory: string } {
  return { own: join(home, "running", name), socketDirectory: join(socketHome, `${socketPrefix}${name}`) };
}

/** Ends and removes the servers whose process is gone. */
export async function removeLeftovers(home: string): Promise<void> {
  for (const name of (await readdir(join(home, "running")).catch(undefinedWhenMissing)) ?? []) {
    if (!(await isAbandoned(name))) continue;
    const { own } = throwawayPaths(home, name);
    // One that does not stop keeps its files until the next start.
    await shutDown(join(own, "data")).then(
      () => rm(own, { recursive: true, force: true, maxRetries: 3 }),
      () => undefined,
    );
  }
  for (const name of await readdir(socketHome)) {
    if (!name.startsWith(socketPrefix) || !(await isAbandoned(name.slice(socketPrefix.length)))) continue;
    const path = join(socketHome, name);
    const status = await lstat(path).catch(undefinedWhenMissing);
    if (status?.isDirectory() !== true || !(isRoot() || status.uid === ownUid())) continue;
    await rm(path, { recursive: true, force: true });
  }
}

async function isAbandoned(name: string): Promise<boolean> {
  const { pid, startedAt } = namePattern.exec(name)?.groups ?? {};
  return pid !== undefined && (await findStartTime(Number(pid))) !== startedAt;
}

/** In ticks since the boot, as the kernel counts it; undefined when there is no such process. */
async function findStartTime(pid: number): Promise<string | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, "utf8").catch((cause: unknown) => {
    if (errorCode(cause) === "ESRCH") return undefined;
    return undefinedWhenMissing(cause);
  });
  // The program's name stands in parentheses and may hold some.
  return text?.slice(text.lastIndexOf(")") + 2).split(" ")[19];
}
