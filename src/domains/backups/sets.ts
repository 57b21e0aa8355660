/**
 * Backup sets as they lie on the disk: which file of a directory is the newest
 * backup, and how old its data are. A file's time is that of its manifest, else
 * its own; what a drill finds in the file is more trustworthy and comes later.
 */
import { readdir, stat } from "node:fs/promises";
import { join, matchesGlob } from "node:path";

import type { Config } from "#config/schema.ts";
import { AppError, readErrorCode } from "#errors.ts";

import { isPart } from "./create.ts";
import { findManifestBeside, isManifestPath, readManifest } from "./manifest.ts";

export type BackupSet = Config["backups"][number];

export type SetFile = {
  path: string;
  name: string;
  sizeBytes: number;
  /** ISO; of the data by the manifest's word, else when the file was written last. */
  dataAt: string;
  /** Undefined when there is none beside the file. */
  manifestPath: string | undefined;
};

/** `unreadable`: nothing is known about the backups, which is no evidence against them. */
export type SetInventory =
  | { state: "found"; newest: SetFile; files: number; totalBytes: number }
  | { state: "missing"; why: string; remedy: string }
  | { state: "unreadable"; why: string; remedy: string };

type Entry = { name: string; sizeBytes: number; modifiedAt: Date };

/** Manifests are read of the files that were written last only: thousands of backups must not cost a second. */
const comparedFiles = 8;
const unitMs = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** The set of that name; `not_found` lists those there are. */
export function findSet(config: Pick<Config, "backups">, name: string): BackupSet {
  const set = config.backups.find((candidate) => candidate.name === name);
  if (set !== undefined) return set;
  const names = config.backups.map((candidate) => candidate.name).join(", ");
  throw new AppError("not_found", `there is no backup set ${name}`, {
    hint: names === "" ? "Add backups to leveredge.yaml." : `Choose one of ${names}.`,
  });
}

/** What the set's directory holds now. Links are passed over: what they lead to is the set's own, or is not. */
export async function inspectSet(set: BackupSet): Promise<SetInventory> {
  let entries: Entry[];
  try {
    entries = await listEntries(set);
  } catch (error) {
    const code = readErrorCode(error);
    if (code === "ENOENT" || code === "ENOTDIR") {
      const remedy = `Mount or make ${set.directory}, or correct directory of backup set ${set.name} in leveredge.yaml.`;
      return { state: "missing", why: `there is no directory ${set.directory}`, remedy };
    }
    if (code === undefined) throw error;
    const remedy = `Make ${set.directory} readable for this user.`;
    return { state: "unreadable", why: `cannot read ${set.directory}: ${code}`, remedy };
  }
  const latest = entries.toSorted(byTime).slice(0, comparedFiles);
  const candidates = await Promise.all(latest.map((entry) => describeEntry(set, entry)));
  const [newest] = candidates.toSorted((a, b) => b.dataAt.localeCompare(a.dataAt));
  if (newest === undefined) {
    const why = `no file of ${set.directory} matches ${set.pattern}`;
    return { state: "missing", why, remedy: `leveredge backups create ${set.name}` };
  }
  return {
    state: "found",
    newest,
    files: entries.length,
    totalBytes: entries.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
  };
}

/** Whether data of that time are older than the set allows. */
export function isStale(set: Pick<BackupSet, "max_age">, dataAt: string, now: Date): boolean {
  return now.getTime() - Date.parse(dataAt) > parseDuration(set.max_age);
}

/** `24h` in milliseconds. */
function parseDuration(text: string): number {
  const { amount = "0", unit = "s" } = /^(?<amount>\d+)(?<unit>[smhd])$/.exec(text)?.groups ?? {};
  return Number(amount) * (unit === "d" || unit === "h" || unit === "m" ? unitMs[unit] : unitMs.s);
}

async function listEntries({ directory, pattern }: BackupSet): Promise<Entry[]> {
  const found = await readdir(directory, { withFileTypes: true });
  const names = found.filter((entry) => entry.isFile() && isBackupName(entry.name, pattern)).map(({ name }) => name);
  const entries = await Promise.all(
    names.map(async (name) => {
      // Another program may remove old backups at this moment.
      const status = await stat(join(directory, name)).catch((error: unknown) => {
        if (readErrorCode(error) === "ENOENT") return undefined;
        throw error;
      });
      return status === undefined ? [] : [{ name, sizeBytes: status.size, modifiedAt: status.mtime }];
    }),
  );
  return entries.flat();
}

function isBackupName(name: string, pattern: string): boolean {
  return !name.startsWith(".") && !isManifestPath(name) && !isPart(name) && matchesGlob(name, pattern);
}

function byTime(a: Entry, b: Entry): number {
  return b.modifiedAt.getTime() - a.modifiedAt.getTime() || b.name.localeCompare(a.name);
}

async function describeEntry({ directory }: BackupSet, entry: Entry): Promise<SetFile> {
  const path = join(directory, entry.name);
  const manifestPath = await findManifestBeside(path);
  // One that is damaged or not ours to read tells no time; the drill says what is wrong with it.
  const manifest = manifestPath === undefined ? undefined : await readManifest(manifestPath).catch(ignoreRefused);
  return {
    path,
    name: entry.name,
    sizeBytes: entry.sizeBytes,
    dataAt: manifest?.takenAt ?? entry.modifiedAt.toISOString(),
    manifestPath,
  };
}

function ignoreRefused(error: unknown): undefined {
  if (!(error instanceof AppError)) throw error;
}
