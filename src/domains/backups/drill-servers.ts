/** Which server a drill restores into: one of the dump's own major version, else the next newer, with the extensions it wants. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";

import { AppError } from "#errors.ts";
import { findEmbeddedPackage } from "#store/server-files.ts";
import type { ThrowawayOptions } from "#store/throwaway-server.ts";

export type DrillBinaries = ThrowawayOptions["binaries"];

type Candidate = { binaries: DrillBinaries; extensions: ReadonlySet<string> };

const installations = "/usr/lib/postgresql";
const installedExtensions = "/usr/share/postgresql";

/** Undefined when every server of this host is older than the dump's. */
export async function chooseServer(wanted: {
  major: number;
  extensions: readonly string[];
}): Promise<DrillBinaries | undefined> {
  const candidates = [...(await listEmbedded()), ...(await listInstalled())]
    .filter(({ binaries }) => binaries.major >= wanted.major)
    .map((candidate) => ({
      binaries: candidate.binaries,
      missing: wanted.extensions.filter((name) => !candidate.extensions.has(name)).length,
    }));
  return candidates.toSorted((a, b) => a.missing - b.missing || a.binaries.major - b.binaries.major)[0]?.binaries;
}

/** For messages: `15, 18`. */
export async function describeServers(): Promise<string> {
  const majors = [...(await listEmbedded()), ...(await listInstalled())].map(({ binaries }) => binaries.major);
  return [...new Set(majors)].toSorted((a, b) => a - b).join(", ");
}

async function listEmbedded(): Promise<Candidate[]> {
  const found = await Promise.all(
    ([15, 18] as const).map(async (major) => {
      const directory = findEmbedded(major);
      if (directory === undefined) return [];
      const extensions = await listExtensions(join(directory, "native", "share", "postgresql", "extension"));
      return [{ binaries: { major }, extensions }];
    }),
  );
  return found.flat();
}

/** Undefined where it is not installed for this machine. */
function findEmbedded(major: 15 | 18): string | undefined {
  try {
    return findEmbeddedPackage(major);
  } catch (error) {
    if (error instanceof AppError) return undefined;
    throw error;
  }
}

async function listInstalled(): Promise<Candidate[]> {
  const entries = (await readNames(installations)).filter((entry) => /^\d+$/.test(entry));
  const found = await Promise.all(
    entries.map(async (entry) => {
      const directory = join(installations, entry);
      const programs = await readNames(join(directory, "bin"));
      if (!programs.includes("postgres") || !programs.includes("initdb")) return [];
      const extensions = await listExtensions(join(installedExtensions, entry, "extension"));
      return [{ binaries: { major: Number(entry), directory }, extensions }];
    }),
  );
  return found.flat();
}

async function listExtensions(directory: string): Promise<ReadonlySet<string>> {
  const names = await readNames(directory);
  return new Set(names.filter((name) => name.endsWith(".control")).map((name) => name.slice(0, -".control".length)));
}

/** What is not installed holds nothing. */
function readNames(directory: string): Promise<string[]> {
  return readdir(directory).catch(() => []);
}
