/**
 * Where a server's files lie and who owns them. An ordinary user has everything
 * under the state directory. As root PostgreSQL runs as `leveredge-db`, which
 * cannot read a state directory under somebody's 0700 home: its data and
 * binaries lie under `/var/lib/leveredge`, its socket under `/run`.
 *
 * The place is recorded in the state directory: one that was deleted and made
 * again gets a new place, never the data of the old one without its password.
 */
import { randomBytes } from "node:crypto";
import { chmod, chown, lstat, mkdir, open, readdir, readFile, realpath, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

import { z } from "zod";

import { AppError } from "#errors.ts";

import { findOrMakeDatabaseUser, isRoot, ownUid, type SystemUser, userName } from "./system-user.ts";

export type ServerAddress = {
  /** The state directory; made when missing. */
  directory: string;
  /** Which server of the state directory: `store`, `sample`. */
  name: string;
  /** `$XDG_RUNTIME_DIR` of an ordinary user, for the socket. Default: under `/tmp`. */
  runtimeDirectory?: string | undefined;
  /** Where data and binaries are put when root starts the server for the first time. Default `/var/lib/leveredge`. */
  dataHome?: string | undefined;
};

export type Place = {
  /** The server's own directory in the state directory. */
  own: string;
  id: string;
  /** `<home>/data` and `<home>/postgres-<version>`. */
  home: string;
  dataDirectory: string;
  passwordPath: string;
  logPath: string;
  /** The system user that PostgreSQL runs as; undefined when it runs as this process does. */
  user: SystemUser | undefined;
};

/** What of a place cannot be worked out again: `home` when it is not in the state directory. */
const PlaceRecord = z.object({ id: z.string().regex(/^[0-9a-f]{8}$/), home: z.string().optional() });
type PlaceRecord = z.output<typeof PlaceRecord>;

const recordName = "place.json";
const deepestServer = 3;
export const defaultDataHome = "/var/lib/leveredge";
/** In a home outside the state directory: the path of the directory it belongs to. */
export const homeRecordName = "belongs-to";
/** The name PostgreSQL gives its socket. */
export const socketFile = ".s.PGSQL.5432";
/** `sun_path` has 108 bytes, the last one is NUL. */
const maxSocketPathBytes = 107;

export function lockPath(own: string): string {
  return join(own, "lock");
}

/** Makes the server's own directory in the state directory; refuses another user's by name. */
export async function claimDirectory(address: ServerAddress): Promise<string> {
  await refuseForeign(address.directory);
  const own = join(address.directory, address.name);
  await mkdir(own, { recursive: true, mode: 0o700 }).catch((cause: unknown) => {
    throw new AppError("forbidden", `cannot make the state directory ${own}: ${reason(cause)}`, {
      hint: "Name a directory you may write with --state DIR.",
      cause,
    });
  });
  await refuseForeign(own);
  return realpath(own);
}

/** The place as it is, without making anything; undefined when no server was ever started here. */
export async function findPlace(address: ServerAddress): Promise<Place | undefined> {
  await refuseForeign(address.directory);
  const own = await realpath(join(address.directory, address.name)).catch(undefinedWhenMissing);
  if (own === undefined) return undefined;
  const record = await readRecord(own);
  if (record !== undefined) await refuseCopy(own, record);
  return record === undefined ? undefined : describePlace(own, record, undefined);
}

/** The names of all servers that were ever started in a state directory, also deeper in it: `store`, `sample/postgres/sample`. */
export async function listServerNames(directory: string): Promise<string[]> {
  await refuseForeign(directory);
  return (await findNames(directory, "", deepestServer)).toSorted();
}

async function findNames(directory: string, path: string, depth: number): Promise<string[]> {
  const entries = await readdir(join(directory, path), { withFileTypes: true }).catch(undefinedWhenMissing);
  const names: string[] = [];
  for (const entry of entries ?? []) {
    const name = join(path, entry.name);
    if (!entry.isDirectory()) continue;
    if ((await readRecord(join(directory, name))) !== undefined) names.push(name);
    else if (depth > 1) names.push(...(await findNames(directory, name, depth - 1)));
  }
  return names;
}

/** Makes what a server needs besides binaries and data. Call it under the lock. */
export async function makePlace(address: ServerAddress, own: string): Promise<Place> {
  const record = (await readRecord(own)) ?? (await writeRecord(address, own));
  await refuseCopy(own, record);
  const user = isRoot() ? await findOrMakeDatabaseUser() : undefined;
  const place = describePlace(own, record, user);
  if (user !== undefined) await makeSharedHome(place);
  return place;
}

/** Where the data of a server's own directory lie; undefined when it is gone or holds no server. */
export async function findHome(own: string): Promise<string | undefined> {
  return (await readRecord(own))?.home;
}

/** A private directory whose path leaves room for the socket's name. Safe to call again. */
export async function makeSocketDirectory(address: ServerAddress, place: Place): Promise<string> {
  const candidates = isRoot()
    ? [join("/run", `leveredge-${basename(place.home)}`)]
    : [
        ...(address.runtimeDirectory === undefined ? [] : [join(address.runtimeDirectory, `leveredge-${place.id}`)]),
        join("/tmp", `leveredge-${ownUid()}-${place.id}`),
      ];
  let refusal: AppError | undefined;
  for (const candidate of candidates) {
    const outcome = await tryPrivateDirectory(candidate, place.user);
    if (outcome === undefined) return candidate;
    refusal = outcome;
  }
  throw refusal ?? new AppError("internal", "no candidate for a socket directory");
}

/** The last part of a system error, for a message: `permission denied`. */
export function reason(cause: unknown): string {
  const code = errorCode(cause);
  if (code === "EACCES" || code === "EPERM") return "permission denied";
  if (code === "ENOSPC" || code === "EDQUOT") return "no space left on the device";
  if (code === "EROFS") return "the file system is read-only";
  if (code === "ENOTDIR" || code === "EEXIST") return "a file of that name is in the way";
  return cause instanceof Error ? cause.message : String(cause);
}

export function errorCode(cause: unknown): string | undefined {
  return cause instanceof Error && "code" in cause && typeof cause.code === "string" ? cause.code : undefined;
}

/** For `.catch`: a missing file is an answer, everything else goes on. */
export function undefinedWhenMissing(cause: unknown): undefined {
  if (errorCode(cause) === "ENOENT") return undefined;
  throw cause;
}

function describePlace(own: string, { id, home = own }: PlaceRecord, user: SystemUser | undefined): Place {
  return {
    own,
    id,
    home,
    dataDirectory: join(home, "data"),
    passwordPath: join(own, "password"),
    logPath: join(own, "server.log"),
    user,
  };
}

async function refuseForeign(path: string): Promise<void> {
  const status = await stat(path).catch((cause: unknown) => {
    if (errorCode(cause) === "ENOENT") return undefined;
    throw new AppError("forbidden", `cannot read the state directory ${path}: ${reason(cause)}`, {
      hint: "Run as the user it belongs to, or name another directory with --state DIR.",
      cause,
    });
  });
  if (status === undefined || status.uid === ownUid()) return;
  const owner = await userName(status.uid);
  throw new AppError("forbidden", `state directory ${path} belongs to ${owner}`, {
    hint: `Run as ${owner}, or name another directory with --state DIR.`,
  });
}

async function readRecord(own: string): Promise<PlaceRecord | undefined> {
  const text = await readFile(join(own, recordName), "utf8").catch(undefinedWhenMissing);
  // Written once, before there are data: one that was cut short by a crash is written again.
  return text === undefined || !text.endsWith("}\n") ? undefined : PlaceRecord.parse(JSON.parse(text));
}

async function writeRecord(address: ServerAddress, own: string): Promise<PlaceRecord> {
  const id = randomBytes(4).toString("hex");
  const label = basename(dirname(own)).replaceAll(/[^A-Za-z0-9]/g, "");
  const name = `${label.slice(0, 20) || "state"}-${id}`;
  const record = isRoot() ? { id, home: join(address.dataHome ?? defaultDataHome, name) } : { id };
  await writeDurably(join(own, recordName), `${JSON.stringify(record)}\n`);
  return record;
}

/**
 * Root's data lie outside of the state directory: a copy of that would work on the
 * original's. One that was moved is no copy, because nothing is left where it was.
 */
async function refuseCopy(own: string, { home }: PlaceRecord): Promise<void> {
  if (home === undefined) return;
  const owner = (await readFile(join(home, homeRecordName), "utf8").catch(undefinedWhenMissing))?.trimEnd();
  if (owner === undefined || owner === own || (await findHome(owner)) !== home) return;
  throw new AppError(
    "conflict",
    `state directory ${dirname(own)} is a copy of ${dirname(owner)}: both lead to ${home}`,
    {
      hint: `Use the original with --state ${dirname(owner)}, or let the copy begin anew: rm -r ${own}`,
    },
  );
}

/** Writes a private file so that it survives a power cut once this returns. */
export async function writeDurably(path: string, text: string): Promise<void> {
  const file = await open(path, "w", 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** The directory and its parent must let `leveredge-db` through; what lies in them has its own modes. */
async function makeSharedHome({ home, own }: Place): Promise<void> {
  try {
    await mkdir(home, { recursive: true, mode: 0o755 });
    for (const directory of [dirname(home), home]) {
      const { mode, uid } = await stat(directory);
      if (uid !== 0) throw notRoots(directory);
      if ((mode & 0o001) === 0) await chmod(directory, (mode & 0o7777) | 0o011);
    }
    await writeDurably(join(home, homeRecordName), `${own}\n`);
  } catch (cause) {
    if (cause instanceof AppError) throw cause;
    throw new AppError("forbidden", `cannot make ${home}: ${reason(cause)}`, {
      hint: "Make it writable for root, or set DATABASE_URL to a PostgreSQL of your own.",
      cause,
    });
  }
}

function notRoots(directory: string): AppError {
  return new AppError("forbidden", `${directory} does not belong to root`, {
    hint: `Look at it, then remove it: ls -ld ${directory}`,
  });
}

/** Undefined when the directory is there and private, else why not. */
async function tryPrivateDirectory(path: string, user: SystemUser | undefined): Promise<AppError | undefined> {
  const bytes = Buffer.byteLength(join(path, socketFile));
  if (bytes > maxSocketPathBytes) {
    return new AppError(
      "unavailable",
      `the socket path ${path}/${socketFile} has ${bytes} bytes, the system allows ${maxSocketPathBytes}`,
      {
        hint: "Set XDG_RUNTIME_DIR to a shorter directory.",
      },
    );
  }
  const uid = user?.uid ?? ownUid();
  try {
    await mkdir(path, { mode: 0o700 }).catch((cause: unknown) => {
      if (errorCode(cause) !== "EEXIST") throw cause;
    });
    // A crash between mkdir and chown leaves root's directory: only root can have made it there.
    if (user !== undefined && (await lstat(path)).uid === 0) await chown(path, user.uid, user.gid);
    const status = await lstat(path);
    if (status.isDirectory() && status.uid === uid && (status.mode & 0o077) === 0) return undefined;
  } catch (cause) {
    return new AppError("unavailable", `cannot make the socket directory ${path}: ${reason(cause)}`, {
      hint: "Set XDG_RUNTIME_DIR to a directory you may write.",
      cause,
    });
  }
  return new AppError("forbidden", `${path} is not a private directory of this user: somebody else made it`, {
    hint: `Look at it, then remove it: ls -ld ${path}`,
  });
}
