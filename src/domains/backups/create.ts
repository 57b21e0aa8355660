/**
 * A backup: pg_dump's custom format and its manifest, from one snapshot. The dump
 * grows as FILE.part; its manifest is in place before it gets its name, so that a
 * kill at any point leaves nothing that counts as a backup.
 */
import { constants, createReadStream } from "node:fs";
import { type FileHandle, lstat, open, readdir, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join, matchesGlob } from "node:path";

import type pg from "pg";

import type { App } from "#app.ts";
import { AppError, readErrorCode } from "#errors.ts";
import { clientProgram, clientProgramEnvironment, connect, type DatabaseTarget } from "#postgres/connection.ts";
import { actAs, findOwner } from "#system/owner.ts";

import { isManifestPath, type Manifest, manifestPathOf, takeManifest, writeManifest } from "./manifest.ts";

export type CreateWork = {
  signal: AbortSignal;
  progress: (text: string, done?: number, total?: number) => void;
};

export type CreatedBackup = { file: string; manifestPath: string; manifest: Manifest };

const dumpTimeoutMs = 24 * 60 * 60 * 1000;
const definitionsTimeoutMs = 10 * 60 * 1000;
const lockTimeoutMs = 30_000;
const partSuffix = ".part";
/** A part that nobody wrote to for so long has lost its writer. */
const abandonedAfterMs = 24 * 60 * 60 * 1000;

/** The name of a set's backup of this moment; `conflict` when the set's pattern would not find it. */
export function nameBackup(set: { name: string; pattern: string }, at: Date): string {
  const stamp = at.toISOString().replaceAll(/[-:]|\.\d+/g, "");
  const name = `${set.name}-${stamp}.dump`;
  if (matchesGlob(name, set.pattern)) return name;
  throw new AppError(
    "conflict",
    `a backup named ${name} would not be found by the pattern ${set.pattern} of set ${set.name}`,
    {
      hint: `Write pattern: "*.dump" for set ${set.name} in leveredge.yaml, or use --from-url and --out.`,
    },
  );
}

/** Whether this is the name of a dump that is not finished. */
export function isPart(name: string): boolean {
  return name.endsWith(partSuffix);
}

/** Dumps the database into the file, which must not exist. The database is only read. */
export async function createBackup(
  app: Pick<App, "run" | "now" | "programVersion">,
  source: { target: DatabaseTarget; file: string },
  work: CreateWork,
): Promise<CreatedBackup> {
  const { target, file } = source;
  await requireFreePlace(file);
  await removeAbandoned(dirname(file), app.now());
  const client = await connect(target, { readOnly: true, lockTimeoutMs });
  // Whoever queries next is told.
  client.on("error", () => undefined);
  try {
    const part = `${file}${partSuffix}`;
    const output = await openPart(part);
    try {
      const manifest = await dumpInto(app, client, { target, part, output }, work);
      const manifestPath = manifestPathOf(file);
      await writeManifest(manifestPath, manifest);
      await giveName(part, file);
      return { file, manifestPath, manifest };
    } finally {
      await output.close();
      await rm(part, { force: true });
    }
  } finally {
    await client.end();
  }
}

async function dumpInto(
  app: Pick<App, "run" | "now" | "programVersion">,
  client: pg.Client,
  { target, part, output }: { target: DatabaseTarget; part: string; output: FileHandle },
  { signal, progress }: CreateWork,
): Promise<Manifest> {
  const restore = clientProgram(target, "pg_restore", []);
  return takeManifest(app, client, {
    signal,
    progress,
    definitions: {
      format: "custom",
      pgRestore: [restore.program, ...restore.args],
      timeoutMs: definitionsTimeoutMs,
      env: clientProgramEnvironment(target, { readOnly: true }),
    },
    dump: async (snapshot, dumpSignal) => {
      progress(`dump ${target.label}`);
      await runDump(app, { target, snapshot, output: output.fd }, dumpSignal);
      await output.sync();
      await readToEnd(app, target, part, dumpSignal);
      return part;
    },
  });
}

async function runDump(
  app: Pick<App, "run">,
  { target, snapshot, output }: { target: DatabaseTarget; snapshot: string; output: number },
  signal: AbortSignal,
): Promise<void> {
  const { program, args } = clientProgram(target, "pg_dump", [
    "--format=custom",
    "--no-password",
    `--lock-wait-timeout=${lockTimeoutMs}`,
    `--snapshot=${snapshot}`,
  ]);
  try {
    await app.run(program, args, {
      env: clientProgramEnvironment(target, { readOnly: true }),
      outputTo: output,
      timeoutMs: dumpTimeoutMs,
      signal,
    });
  } catch (cause) {
    throw explainDumpFailure(target, cause);
  }
}

/** pg_dump ends well also when the disk had no room for its last bytes, or a container's pipe lost them. */
async function readToEnd(
  app: Pick<App, "run">,
  target: DatabaseTarget,
  part: string,
  signal: AbortSignal,
): Promise<void> {
  const { program, args } = clientProgram(target, "pg_restore", ["--file=/dev/null"]);
  const input = createReadStream(part);
  try {
    await app.run(program, args, {
      env: clientProgramEnvironment(target, { readOnly: true }),
      input,
      timeoutMs: dumpTimeoutMs,
      signal,
    });
  } catch (cause) {
    throw new AppError("upstream_failed", `the dump of ${target.label} cannot be read to its end`, {
      hint: "Look whether the disk of the backups is full, then try again.",
      cause,
    });
  } finally {
    input.destroy();
  }
}

function explainDumpFailure(target: DatabaseTarget, cause: unknown): unknown {
  if (!(cause instanceof AppError)) return cause;
  if (/No space left on device|Disk quota exceeded/.test(cause.message)) {
    return new AppError("unavailable", `cannot back up ${target.label}: the disk is full`, {
      hint: "Make room on the disk of the backups.",
      cause,
    });
  }
  if (/server version mismatch/.test(cause.message)) {
    return new AppError("precondition_failed", `cannot back up ${target.label}: ${cause.message}`, {
      hint: "Install client programs of the server's version, or name the container that has them with via:.",
      cause,
    });
  }
  return cause;
}

/** The part belongs to whom the directory belongs to, and is read by nobody else. */
async function openPart(part: string): Promise<FileHandle> {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  try {
    const handle = await open(part, flags, 0o600);
    const as = actAs(await findOwner(dirname(part)));
    if (as !== undefined) await handle.chown(as.uid, as.gid);
    return handle;
  } catch (cause) {
    throw describePlaceFailure(part, cause);
  }
}

/** Nothing is replaced: while the part is there, no other writer gets as far. */
async function giveName(part: string, file: string): Promise<void> {
  try {
    await rename(part, file);
    const directory = await open(dirname(file), constants.O_RDONLY | constants.O_DIRECTORY);
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
  } catch (cause) {
    throw describePlaceFailure(file, cause);
  }
}

async function requireFreePlace(file: string): Promise<void> {
  const isThere = await lstat(file).then(
    () => true,
    (cause: unknown) => {
      if (readErrorCode(cause) === "ENOENT") return false;
      throw describePlaceFailure(file, cause);
    },
  );
  if (isThere) throw describePlaceFailure(file, Object.assign(new Error(`${file} exists`), { code: "EEXIST" }));
  const directory = await stat(dirname(file)).catch((cause: unknown) => {
    throw describePlaceFailure(file, cause);
  });
  if (!directory.isDirectory()) throw describePlaceFailure(file, undefined);
}

/** What writers that were killed left: parts, and manifests whose dump never got its name. */
async function removeAbandoned(directory: string, now: Date): Promise<void> {
  const names = new Set(await readdir(directory));
  for (const name of names) {
    const isPartOfOurs = /-\d{8}T\d{6}Z\.dump\.part$/.test(name);
    const isLonely = /-\d{8}T\d{6}Z\.dump\.manifest\.json$/.test(name) && !names.has(basename(name, ".manifest.json"));
    if (!isPartOfOurs && !(isLonely && isManifestPath(name))) continue;
    const path = join(directory, name);
    const { mtimeMs } = await lstat(path);
    if (now.getTime() - mtimeMs > abandonedAfterMs) await rm(path, { force: true });
  }
}

function describePlaceFailure(path: string, cause: unknown): AppError {
  const directory = dirname(path);
  switch (readErrorCode(cause)) {
    case "EEXIST":
      return new AppError("conflict", `${path} exists already`, {
        hint: "Name another file, or try again in a second.",
        cause,
      });
    case "ENOENT":
      return new AppError("not_found", `there is no directory ${directory}`, { hint: `mkdir -p ${directory}`, cause });
    case "ENOSPC":
    case "EDQUOT":
      return new AppError("unavailable", `cannot write ${path}: the disk is full`, {
        hint: "Make room on the disk of the backups.",
        cause,
      });
    default:
      return new AppError("forbidden", `cannot write ${path}: ${readErrorCode(cause) ?? "its place is no directory"}`, {
        hint: `Make ${directory} a directory that this user may write to.`,
        cause,
      });
  }
}
