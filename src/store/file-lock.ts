/**
 * A lock that the kernel releases when its holder dies, however it dies: Node
 * has no flock(2), so `flock` of util-linux holds it for as long as its standard
 * input, a pipe from this process, is open.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";

import { AppError } from "#errors.ts";
import { minimalEnvironment } from "#system/run.ts";

const waitSeconds = 120;
const lockTakenExitCode = 75;

/**
 * Runs `work` while this process alone holds the lock on `path` (created when
 * missing). Waits for another holder up to two minutes; not reentrant.
 */
export async function withFileLock<T>(
  path: string,
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
): Promise<T> {
  const holder = await takeLock(path, signal);
  try {
    return await work();
  } finally {
    await releaseLock(holder);
  }
}

async function takeLock(path: string, signal: AbortSignal | undefined): Promise<ChildProcess> {
  const holder = spawn(
    "flock",
    ["--exclusive", "--no-fork", "--wait", String(waitSeconds), "-E", String(lockTakenExitCode), path, "cat"],
    // Detached: a Ctrl-C on the terminal must not take the lock away from a process that is still cleaning up.
    { stdio: ["pipe", "pipe", "pipe"], env: minimalEnvironment(), cwd: "/", detached: true },
  );
  let stderr = "";
  holder.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  // When `flock` ends before it reads, its exit code tells why.
  holder.stdin.on("error", () => undefined);
  const locked = once(holder.stdout, "data", { signal });
  const ended = once(holder, "close").then(([code]) => {
    throw describeLockFailure(path, Number(code), stderr);
  });
  // `cat` answers only once the lock is held.
  holder.stdin.write("\n");
  try {
    await Promise.race([locked, ended]);
  } catch (cause) {
    holder.stdin.destroy();
    holder.kill();
    throw describeLockError(path, cause, signal);
  } finally {
    // Whichever of the two loses the race settles later and has nothing more to say.
    locked.catch(() => undefined);
    ended.catch(() => undefined);
  }
  return holder;
}

async function releaseLock(holder: ChildProcess): Promise<void> {
  if (holder.exitCode !== null || holder.signalCode !== null) return;
  const closed = once(holder, "close");
  holder.stdin?.end();
  await closed;
}

function describeLockFailure(path: string, code: number, stderr: string): AppError {
  if (code === lockTakenExitCode) {
    return new AppError("unavailable", `another leveredge process has held ${path} for ${waitSeconds} seconds`, {
      hint: `Find it with: fuser -v ${path}`,
    });
  }
  return new AppError("unavailable", `cannot lock ${path}: ${stderr.trim() || `flock ended with exit code ${code}`}`);
}

function describeLockError(path: string, cause: unknown, signal: AbortSignal | undefined): AppError {
  if (cause instanceof AppError) return cause;
  if (signal?.aborted === true) return new AppError("unavailable", `stopped while waiting for ${path}`, { cause });
  return new AppError("unavailable", `cannot run flock for ${path}`, {
    hint: "Install util-linux: apt-get install util-linux",
    cause,
  });
}
