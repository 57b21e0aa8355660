/**
 * A PostgreSQL server that lives as long as one piece of work: a copy of a cached
 * data directory, with settings that trade durability for speed. Everything in it
 * is lost on purpose.
 *
 * - Whoever uses it may be killed at any point: a guard holds a pipe from this
 *   process, and when that ends, it ends the server and removes its files.
 * - Should the guard be killed too, the next start removes what is left, known by
 *   the pid and start time of the process that it belonged to.
 * - Any number run side by side; none shares a directory, a socket or a password
 *   with another server than its template.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { chmod, chown, mkdir, readdir, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

import { AppError } from "#errors.ts";
import type { Secret } from "#secrets/secret.ts";
import { minimalEnvironment } from "#system/run.ts";

import { withFileLock } from "./file-lock.ts";
import { ensureBinaries, ensureDataDirectory, ensurePassword, removeUnfinished } from "./server-files.ts";
import { defaultDataHome, lockPath, type Place } from "./server-place.ts";
import { findPostmaster } from "./server-process.ts";
import { findOrMakeDatabaseUser, isRoot, type SystemUser } from "./system-user.ts";
import { nameThrowaway, removeLeftovers, throwawayPaths } from "./throwaway-leftovers.ts";

export type ThrowawayOptions = {
  /** Where an ordinary user's files lie; root's are under `dataHome`, because the server runs as another user. */
  directory: string;
  /** Default `/var/lib/leveredge`. */
  dataHome?: string | undefined;
  /** The embedded binaries of a major version, or an installation: `/usr/lib/postgresql/16`. */
  binaries: { major: 15 | 18 } | { major: number; directory: string };
  /** Name of the superuser; no dump may name it by chance. */
  superuser: string;
  settings: Record<string, string>;
  signal: AbortSignal;
};

export type ThrowawayServer = {
  socketDirectory: string;
  dataDirectory: string;
  superuser: string;
  password: Secret;
  /** Whom the server runs as, when that is not this user: its client programs can run as the same. */
  user: SystemUser | undefined;
  /** Ends the server and removes it; a second call does nothing. */
  stop(): Promise<void>;
};

/** How a template is made; another one gets another name. */
const recipe = { dataChecksums: false };
const startTimeoutMs = 120_000;
const pollMs = 20;

/**
 * `$1` home, `$2` socket directory, `$3` template; the rest is the server's command
 * line. The watcher reads until this process closes the pipe or dies. Signals of a
 * terminal or a service manager are left to that. A server that is just starting
 * still ignores the watcher's: it is repeated.
 */
const guardScript = `
trap '' HUP INT TERM
exec 3<&0 </dev/null
umask 077
home=$1 socket=$2 template=$3
shift 3
if mkdir "$home" "$socket" && cp -R "$template" "$home/data"; then
  "$@" >"$home/log" 2>&1 3<&- &
  server=$!
  (while read -r line; do :; done; while kill -QUIT "$server"; do sleep 1; done) <&3 >/dev/null 2>&1 &
  watcher=$!
  wait "$server"
  kill -KILL "$watcher" 2>/dev/null
  tail -n 6 "$home/log" >&2
fi
rm -rf "$home" "$socket"
`;

/** Starts one and returns when it accepts connections; the caller ends with `stop()`. */
export async function startThrowawayServer(options: ThrowawayOptions): Promise<ThrowawayServer> {
  const user = await findThrowawayUser();
  const home = isRoot() ? join(options.dataHome ?? defaultDataHome, "throwaway") : join(options.directory, "throwaway");
  await makeHome(home, user);
  await removeLeftovers(home);
  const first = await prepareTemplate(home, user, options);
  try {
    return await launch(home, first, options);
  } catch (cause) {
    if (options.signal.aborted) throw cause;
    // The template may have been damaged on the disk: it is made anew, once.
    await withFileLock(lockPath(first.place.home), options.signal, () =>
      rm(first.place.dataDirectory, { recursive: true, force: true }),
    );
    return launch(home, await prepareTemplate(home, user, options), options);
  }
}

/** Whom a throw-away server runs as, when that is not this user; made when missing. */
export function findThrowawayUser(): Promise<SystemUser | undefined> {
  return isRoot() ? findOrMakeDatabaseUser() : Promise.resolve(undefined);
}

/** Where throw-away servers write: for a look at the free space. */
export function throwawayHome(options: Pick<ThrowawayOptions, "directory" | "dataHome">): string {
  return isRoot() ? (options.dataHome ?? defaultDataHome) : options.directory;
}

type Template = { place: Place; binaries: string; password: Secret };

/** `running` belongs to the server's user, who makes and removes its own directories there. */
async function makeHome(home: string, user: SystemUser | undefined): Promise<void> {
  const running = join(home, "running");
  await mkdir(running, { recursive: true, mode: 0o700 });
  if (user === undefined) return;
  for (const directory of [dirname(home), home]) await letThrough(directory);
  await chown(running, user.uid, user.gid);
}

/** Whatever the umask, the server's user must reach what lies below. */
async function letThrough(directory: string): Promise<void> {
  const { mode } = await stat(directory);
  if ((mode & 0o001) === 0) await chmod(directory, (mode & 0o7777) | 0o011);
}

async function prepareTemplate(
  home: string,
  user: SystemUser | undefined,
  { binaries: wanted, superuser, signal }: ThrowawayOptions,
): Promise<Template> {
  const isInstalled = "directory" in wanted;
  const own = join(home, `${isInstalled ? "installed" : "embedded"}-${wanted.major}`);
  await mkdir(own, { recursive: true, mode: 0o700 });
  if (user !== undefined) await letThrough(own);
  return withFileLock(lockPath(own), signal, async () => {
    const shared = { own, id: "", home: own, logPath: "", user };
    const draft = { ...shared, dataDirectory: "", passwordPath: "" };
    await removeUnfinished(draft);
    const binaries = isInstalled ? wanted.directory : await ensureBinaries(draft, wanted.major);
    const name = `template-${await identify(join(binaries, "bin", "postgres"), superuser)}`;
    const place: Place = {
      ...shared,
      dataDirectory: join(own, name),
      passwordPath: join(own, `${name}.password`),
    };
    await removeOtherTemplates(own, name);
    const password = await ensurePassword(place);
    await ensureDataDirectory(place, {
      binaries,
      major: wanted.major,
      password,
      superuser,
      dataChecksums: false,
      signal,
    });
    return { place, binaries, password };
  });
}

/** Of versions before; a copy that is being made of one fails to start and is made anew. */
async function removeOtherTemplates(own: string, current: string): Promise<void> {
  for (const name of await readdir(own)) {
    const isOther = name.startsWith("template-") && !name.startsWith(current);
    if (isOther) await rm(join(own, name), { recursive: true, force: true });
  }
}

/** Two builds of one version may not read each other's files. */
async function identify(program: string, superuser: string): Promise<string> {
  const { size, mtimeMs } = await stat(program);
  return createHash("sha256")
    .update(JSON.stringify([program, size, mtimeMs, superuser, recipe]))
    .digest("hex")
    .slice(0, 12);
}

async function launch(
  home: string,
  { place, binaries, password }: Template,
  { settings, superuser, signal }: ThrowawayOptions,
): Promise<ThrowawayServer> {
  const { own, socketDirectory } = throwawayPaths(home, await nameThrowaway(randomBytes(6).toString("hex")));
  const dataDirectory = join(own, "data");
  const allSettings = { ...settings, listen_addresses: "", unix_socket_directories: socketDirectory };
  const guard = spawn(
    "/bin/sh",
    [
      ...["-c", guardScript, "leveredge-guard", own, socketDirectory, place.dataDirectory],
      ...[join(binaries, "bin", "postgres"), "-D", dataDirectory],
      ...Object.entries(allSettings).flatMap(([key, value]) => ["-c", `${key}=${value}`]),
    ],
    {
      cwd: "/",
      // A session of its own: a Ctrl-C on the terminal must not end the server under whoever cleans up.
      detached: true,
      stdio: ["pipe", "ignore", "pipe"],
      env: minimalEnvironment(),
      ...(place.user === undefined ? {} : { uid: place.user.uid, gid: place.user.gid }),
    },
  );
  const guarded = watch(guard);
  try {
    await waitUntilReady(dataDirectory, guarded, signal);
  } catch (cause) {
    await guarded.end();
    throw cause;
  }
  return { socketDirectory, dataDirectory, superuser, password, user: place.user, stop: () => guarded.end() };
}

type Guarded = { hasEnded(): boolean; lastWords(): string; end(): Promise<void> };

function watch(guard: ChildProcess): Guarded {
  const closed = once(guard, "close").then(
    () => undefined,
    // A shell that cannot be started says so through its missing pid.
    () => undefined,
  );
  let stderr = "";
  guard.stderr?.setEncoding("utf8").on("data", (text: string) => (stderr = (stderr + text).slice(-4000)));
  guard.stdin?.on("error", () => undefined);
  return {
    hasEnded: () => guard.pid === undefined || guard.exitCode !== null || guard.signalCode !== null,
    lastWords: () => stderr.trim(),
    end: () => {
      guard.stdin?.end();
      return closed;
    },
  };
}

async function waitUntilReady(dataDirectory: string, guard: Guarded, signal: AbortSignal): Promise<void> {
  const deadline = Date.now() + startTimeoutMs;
  while (Date.now() < deadline) {
    if ((await findPostmaster(dataDirectory))?.ready === true) return;
    if (signal.aborted) throw new AppError("unavailable", "stopped while a throw-away server was starting");
    if (guard.hasEnded()) {
      await guard.end();
      throw new AppError(
        "unavailable",
        `a throw-away server does not start: ${guard.lastWords() || "it wrote nothing"}`,
        { hint: "Look at the free space and the memory of this host: df -h; free -m" },
      );
    }
    await delay(pollMs);
  }
  throw new AppError("unavailable", `a throw-away server was not ready after ${startTimeoutMs / 1000} seconds`, {
    hint: "Look at the load of this host: uptime",
  });
}
