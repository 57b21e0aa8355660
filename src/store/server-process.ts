/**
 * The postmaster as a process: who it is (`postmaster.pid`, checked against the
 * process table), starting it detached, waiting until it answers, ending it. It
 * is never killed with SIGKILL: that would leave its children and shared memory.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { constants } from "node:fs";
import { open, readFile, rename, rm, rmdir, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

import { AppError } from "#errors.ts";
import { minimalEnvironment } from "#system/run.ts";

import { errorCode, type Place, socketFile, undefinedWhenMissing } from "./server-place.ts";

export type Postmaster = { pid: number; socketDirectory: string; startedAt: string; ready: boolean };

const pollMs = 20;
const startTimeoutMs = 120_000;
const fastShutdownMs = 30_000;
const immediateShutdownMs = 15_000;
const emptyLockFileMs = 2_000;
const logLimitBytes = 5 * 1024 * 1024;

/** The live server of a data directory; undefined when there is none, also when its pid now belongs to another program. */
export async function findPostmaster(dataDirectory: string): Promise<Postmaster | undefined> {
  const text = await readFile(pidPath(dataDirectory), "utf8").catch(undefinedWhenMissing);
  const [pid, directory, startedAt, , socketDirectory, , , status] = (text ?? "").split("\n");
  if (pid === undefined || directory !== dataDirectory || socketDirectory === undefined) return undefined;
  if (!(await isPostmaster(Number(pid), dataDirectory))) return undefined;
  return {
    pid: Number(pid),
    socketDirectory,
    startedAt: new Date(Number(startedAt) * 1000).toISOString(),
    ready: status?.trim() === "ready",
  };
}

/** Whether no server runs and the last one did not leave by itself: a shutdown removes its file. */
export async function wasKilled(dataDirectory: string): Promise<boolean> {
  const text = await readFile(pidPath(dataDirectory), "utf8").catch(undefinedWhenMissing);
  return text !== undefined && (await findPostmaster(dataDirectory)) === undefined;
}

/**
 * Starts PostgreSQL in a session of its own and returns when it accepts
 * connections, with the server that does: ours, or one that was already coming
 * up. Call it under the lock.
 */
export async function launch(
  place: Place,
  options: {
    binaries: string;
    socketDirectory: string;
    settings: Record<string, string>;
    signal?: AbortSignal | undefined;
  },
): Promise<Postmaster> {
  for (const path of [pidPath(place.dataDirectory), join(options.socketDirectory, `${socketFile}.lock`)]) {
    await disownStaleLock(path, place.dataDirectory);
  }
  const deadline = Date.now() + startTimeoutMs;
  const logStart = await rotateLog(place.logPath);
  let child = await spawnPostmaster(place, options);
  while (Date.now() < deadline) {
    const postmaster = await findPostmaster(place.dataDirectory);
    if (postmaster?.ready === true) return postmaster;
    if (postmaster === undefined && hasEnded(child)) {
      const ending = await readLogEnd(place.logPath, logStart);
      if (!isPassing(ending)) throw describeStartFailure(place, ending);
      // Backends of a killed server are still leaving, or one that was coming up has just gone.
      await delay(pollMs * 10);
      child = await spawnPostmaster(place, options);
    }
    if (options.signal?.aborted === true) {
      child.kill("SIGINT");
      throw new AppError("unavailable", `stopped while starting the server in ${place.home}`);
    }
    await delay(pollMs);
  }
  throw new AppError(
    "unavailable",
    `the server in ${place.home} was not ready after ${startTimeoutMs / 1000} seconds`,
    {
      hint: `Read its log: tail ${place.logPath}`,
    },
  );
}

/** Fast shutdown, after half a minute immediate shutdown; returns when the process is gone. */
export async function shutDown(dataDirectory: string): Promise<void> {
  for (const [signal, waitMs] of [
    ["SIGINT", fastShutdownMs],
    ["SIGQUIT", immediateShutdownMs],
  ] as const) {
    // Looked up again each time: the pid may belong to another program by now.
    const postmaster = await findPostmaster(dataDirectory);
    if (postmaster === undefined) return;
    sendSignal(postmaster.pid, signal);
    if (!(await isGone(postmaster.pid, dataDirectory, waitMs))) continue;
    // Only an empty directory can be removed this way; one that is kept does no harm.
    await rmdir(postmaster.socketDirectory).catch(() => undefined);
    return;
  }
  throw new AppError("unavailable", `the server in ${dataDirectory} does not stop`, {
    hint: `See what it waits for: ps -fp $(head -1 ${dataDirectory}/postmaster.pid)`,
  });
}

/**
 * A lock file whose pid another program has now would keep PostgreSQL from
 * starting. It is not removed, because the shared memory key in it guards against
 * left-over backends: it is given our own pid, which PostgreSQL, seeing its
 * parent's, takes for stale.
 */
async function disownStaleLock(path: string, dataDirectory: string): Promise<void> {
  const text = await readLockFile(path);
  if (text === "") return rm(path);
  const pid = Number(text?.split("\n")[0]);
  if (text === undefined || !isAlive(pid) || (await isPostmaster(pid, dataDirectory))) return;
  // In place, so that the file keeps its owner; through no link, because root must not write where that owner points.
  const file = await open(path, constants.O_WRONLY | constants.O_TRUNC | constants.O_NOFOLLOW);
  try {
    await file.writeFile(text.replace(/^[^\n]*/, String(process.pid)));
  } finally {
    await file.close();
  }
}

/** A file that stays empty is the remnant of a server that was killed before it wrote its pid. */
async function readLockFile(path: string): Promise<string | undefined> {
  const deadline = Date.now() + emptyLockFileMs;
  for (;;) {
    const text = await readFile(path, "utf8").catch(undefinedWhenMissing);
    if (text !== "" || Date.now() > deadline) return text;
    await delay(pollMs);
  }
}

function pidPath(dataDirectory: string): string {
  return join(dataDirectory, "postmaster.pid");
}

async function spawnPostmaster(
  place: Place,
  options: { binaries: string; socketDirectory: string; settings: Record<string, string> },
): Promise<ChildProcess> {
  const settings = { ...options.settings, unix_socket_directories: options.socketDirectory };
  const log = await open(place.logPath, "a", 0o600);
  try {
    const child = spawn(
      join(options.binaries, "bin", "postgres"),
      ["-D", place.dataDirectory, ...Object.entries(settings).flatMap(([key, value]) => ["-c", `${key}=${value}`])],
      {
        cwd: "/",
        detached: true,
        stdio: ["ignore", log.fd, log.fd],
        env: minimalEnvironment(),
        ...(place.user === undefined ? {} : { uid: place.user.uid, gid: place.user.gid }),
      },
    );
    // A program that cannot be started has no pid; that is how it is told below.
    child.on("error", () => undefined);
    child.unref();
    if (child.pid === undefined) {
      throw new AppError("unavailable", `cannot run ${join(options.binaries, "bin", "postgres")}`, {
        hint: `Remove ${options.binaries} and try again: it is copied anew.`,
      });
    }
    return child;
  } finally {
    await log.close();
  }
}

/** The size at which this start's lines begin. */
async function rotateLog(path: string): Promise<number> {
  const size = (await stat(path).catch(undefinedWhenMissing))?.size ?? 0;
  if (size <= logLimitBytes) return size;
  await rename(path, `${path}.1`);
  return 0;
}

async function isPostmaster(pid: number, dataDirectory: string): Promise<boolean> {
  if (!Number.isSafeInteger(pid) || pid <= 0) return false;
  const commandLine = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(undefinedWhenGone);
  const [program, ...args] = (commandLine ?? "").split("\0");
  return basename(program ?? "") === "postgres" && args[args.indexOf("-D") + 1] === dataDirectory;
}

function undefinedWhenGone(cause: unknown): undefined {
  if (errorCode(cause) === "ESRCH") return undefined;
  return undefinedWhenMissing(cause);
}

function isAlive(pid: number): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 0) return false;
  return sendSignal(pid, 0);
}

/** False when there is no such process. A process of another user counts as alive. */
function sendSignal(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, signal);
  } catch (cause) {
    if (errorCode(cause) === "ESRCH") return false;
    if (errorCode(cause) === "EPERM") return true;
    throw cause;
  }
}

async function isGone(pid: number, dataDirectory: string, waitMs: number): Promise<boolean> {
  const deadline = Date.now() + waitMs;
  while (Date.now() < deadline) {
    if (!(await isPostmaster(pid, dataDirectory))) return true;
    await delay(pollMs);
  }
  return false;
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

/** The last lines of the server's log; they hold no statements, because those are not logged. */
async function readLogEnd(path: string, start: number): Promise<string> {
  const bytes = await readFile(path).catch(undefinedWhenMissing);
  return (bytes?.subarray(start).toString("utf8") ?? "").trim().split("\n").slice(-6).join("\n");
}

function isPassing(logEnd: string): boolean {
  return /pre-existing shared memory block|lock file "[^"]*" (already exists|is empty)/.test(logEnd);
}

function describeStartFailure(place: Place, logEnd: string): AppError {
  const full = /no space left|disk quota/i.test(logEnd);
  return new AppError("unavailable", `the server in ${place.home} does not start: ${logEnd || "it wrote no log"}`, {
    hint: full
      ? `Free space on the disk, then try again: df -h ${place.home}`
      : `Read its log: tail -n 50 ${place.logPath}`,
  });
}
