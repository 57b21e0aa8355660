/**
 * A drill: one backup file restored for real into a server of its own that is
 * thrown away, and the verdict.
 *
 * - Nothing a dump says can leave the server: no statement runs as a superuser, no
 *   backslash command is obeyed, foreign servers are not asked.
 * - Damage never passes as success, and doubt about this host is never called
 *   damage: a full disk, a missing extension or an older client is `unverifiable`.
 * - A restore alone proves that the file restores. Only a manifest proves that
 *   what it restores is what was dumped.
 *
 * It does not look whether the data are recent: that is the backup set's business.
 */
import { randomBytes } from "node:crypto";
import { stat, statfs } from "node:fs/promises";
import { dirname } from "node:path";

import pg from "pg";

import type { App } from "#app.ts";
import { AppError, readErrorCode } from "#errors.ts";
import {
  findThrowawayUser,
  startThrowawayServer,
  throwawayHome,
  type ThrowawayServer,
} from "#store/throwaway-server.ts";

import { newestArchiveMajor } from "./archive-header.ts";
import { majorOf } from "./client-programs.ts";
import { countRestoredRows, createRestoreDatabase, prepareRestoreDatabase } from "./drill-queries.ts";
import { chooseServer, describeServers, type DrillBinaries } from "./drill-servers.ts";
import { isWorthTelling } from "./dump-entries.ts";
import { drillSettings } from "./drill-settings.ts";
import { judgeRestore, type Judgement } from "./drill-verdict.ts";
import { type Recognized, recognizeDump } from "./dump-format.ts";
import { type Inspected, inspectDump, type Refused } from "./inspect-dump.ts";
import { compareManifest, describeFile, type Manifest, readManifest } from "./manifest.ts";
import { restoreDump } from "./restore.ts";
import type { DrillResult } from "./schema.ts";

export type DrillRequest = {
  file: string;
  manifestPath?: string;
  /** An exec command of a container, for a pg_restore where this host's is too old. */
  via?: readonly string[];
  /** False leaves the manifest's SHA-256 of the file out: what it restores is compared all the same. */
  useFileChecksum?: boolean;
  /** Where root's throw-away servers lie; default `/var/lib/leveredge`. */
  dataHome?: string;
  signal: AbortSignal;
  progress: (text: string, done?: number, total?: number) => void;
};

type DrillApp = Pick<App, "run" | "stateDir">;
type Dump = Extract<Recognized, { state: "dump" }>;
/** What is found out on the way, whatever the verdict. */
type Measures = Partial<Pick<DrillResult, "restoreMs" | "verifyMs" | "tables" | "rows" | "stubs" | "leftOut">>;
type Finding = Judgement & Measures;

const superuser = "leveredge_drill_superuser";
/** Made too, and worth no word: whoever restores has it. */
const everyClustersRole = "postgres";
const shortTimeoutMs = 15 * 60 * 1000;
const longestTimeoutMs = 24 * 60 * 60 * 1000;
const slowestBytesPerMs = 256;
/** A server that holds nothing yet. */
const spareBytes = 200 * 1024 * 1024;

/** The verdict is an answer, also `damaged`; it throws when the file cannot be read at all, or when it is stopped. */
export async function drillFile(app: DrillApp, request: DrillRequest): Promise<DrillResult> {
  const { file, signal, progress } = request;
  progress(`look at ${file}`);
  const recognized = await recognizeDump(file);
  const { size: sizeBytes } = await stat(file);
  const header = recognized.state === "dump" ? recognized.header : null;
  const measures: Measures = {};
  let manifest: Manifest | undefined;
  let manifestFault: string | null = null;
  let finding: Finding;
  try {
    const read = await tryManifest(request.manifestPath);
    if (read.state === "damaged") {
      manifestFault = read.why;
      finding = refuse("unverifiable", `${read.why}; the dump was not restored`);
    } else {
      ({ manifest } = read);
      finding = await examine(app, request, { recognized, sizeBytes, manifest, measures });
    }
  } catch (error) {
    signal.throwIfAborted();
    finding = refuse("unverifiable", describeDoubt(error));
  }
  return {
    ...{ restoreMs: null, verifyMs: null, tables: null, rows: null, stubs: [], leftOut: [] },
    ...measures,
    ...finding,
    manifestFault,
    header,
    sizeBytes,
    dataAt: manifest?.takenAt ?? header?.createdAt ?? null,
  };
}

/** One that is there and cannot be understood says nothing about the dump. */
async function tryManifest(
  path: string | undefined,
): Promise<{ state: "read"; manifest: Manifest | undefined } | { state: "damaged"; why: string }> {
  try {
    return { state: "read", manifest: path === undefined ? undefined : await readManifest(path) };
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== "invalid_input") throw error;
    return { state: "damaged", why: error.message };
  }
}

type Known = { recognized: Recognized; sizeBytes: number; manifest: Manifest | undefined; measures: Measures };

async function examine(app: DrillApp, request: DrillRequest, known: Known): Promise<Finding> {
  const { recognized, sizeBytes, manifest } = known;
  if (manifest !== undefined && request.useFileChecksum !== false) {
    request.progress(`read ${request.file}`);
    const found = await describeFile(request.file, request.signal);
    const expected = manifest.file;
    if (found.sizeBytes !== expected.sizeBytes) {
      return refuse("damaged", `it has ${found.sizeBytes} bytes instead of the manifest's ${expected.sizeBytes}`);
    }
    if (found.sha256 !== expected.sha256) return refuse("damaged", "its bytes are not those of the manifest (SHA-256)");
  }
  if (recognized.state !== "dump") {
    const isDamaged = recognized.state === "damaged" || (manifest !== undefined && wasReadable(recognized, manifest));
    return refuse(isDamaged ? "damaged" : "unverifiable", recognized.why);
  }
  const timeoutMs = Math.min(shortTimeoutMs + sizeBytes / slowestBytesPerMs, longestTimeoutMs);
  const { header } = recognized;
  const inspected = await inspectDump(app, {
    ...{ file: request.file, header, manifest, timeoutMs },
    ...{ via: request.via ?? [], user: await findThrowawayUser(), signal: request.signal },
  });
  if (inspected.state !== "restorable") return refuse(inspected.state, inspected.why);
  const extensions = inspected.needs.extensions.map(({ name }) => name);
  const major = majorOf(header.format === "custom" ? header.serverVersion : newestOf(header));
  const binaries = await chooseServer({ major, extensions });
  if (binaries === undefined) return refuseNewer(header.serverVersion);
  return restoreInto(app, request, { ...known, dump: recognized, inspected, binaries, timeoutMs });
}

/** A manifest tells that a dump was here, and which program read it then. */
function wasReadable({ state }: Recognized, { definitions }: Manifest): boolean {
  return state !== "newer" || (definitions.tool !== null && majorOf(definitions.tool) <= newestArchiveMajor);
}

type Restorable = Known & { dump: Dump; inspected: Inspected; binaries: DrillBinaries; timeoutMs: number };

async function restoreInto(app: DrillApp, request: DrillRequest, restorable: Restorable): Promise<Finding> {
  const { signal, progress } = request;
  const lack = await findDiskLack(throwawayHome({ directory: app.stateDir, dataHome: request.dataHome }), restorable);
  if (lack !== undefined) return lack;
  progress("start a throw-away server");
  const server = await startThrowawayServer({
    directory: app.stateDir,
    dataHome: request.dataHome,
    binaries: restorable.binaries,
    superuser,
    settings: drillSettings(restorable.binaries.major),
    signal,
  });
  try {
    return await restoreAndCompare(app, request, restorable, server);
  } finally {
    await server.stop();
  }
}

async function restoreAndCompare(
  app: DrillApp,
  { file, signal, progress }: DrillRequest,
  { dump, inspected, manifest, binaries, timeoutMs, measures }: Restorable,
  server: ThrowawayServer,
): Promise<Finding> {
  const { needs } = inspected;
  const role = { name: `leveredge_drill_${randomBytes(4).toString("hex")}`, password: randomBytes(24).toString("hex") };
  const database = role.name;
  const roles = needs.roles.filter((name) => name !== superuser);
  const { encoding, extensions } = needs;
  await withSession(server, "postgres", (client) => createRestoreDatabase(client, { database, role, roles, encoding }));
  const missingExtensions = await withSession(server, database, (client) =>
    prepareRestoreDatabase(client, role, extensions),
  );
  const strangers = roles.filter((name) => name !== everyClustersRole);
  const stubs = [...strangers.map((name) => `role ${name}`), ...missingExtensions.map((name) => `extension ${name}`)];
  const leftOut = needs.leftOut.filter(isWorthTelling);
  Object.assign(measures, { stubs, leftOut });

  progress(`restore ${file}`);
  const restoring = performance.now();
  const madeSchemas = new Set(["public", ...extensions.map(({ schema }) => schema)]);
  const { list, programs } = inspected;
  const failures = await restoreDump(app, {
    ...{ file, format: dump.header.format, list, programs },
    ...{ server, database, role, madeSchemas, timeoutMs, signal },
    tables: manifest?.tables ?? [],
  });
  const comparing = performance.now();
  Object.assign(measures, { restoreMs: Math.round(comparing - restoring) });

  const found = await withSession(server, database, async (client) =>
    manifest === undefined
      ? { ...(await countRestoredRows(client)), mismatches: undefined }
      : { ...countListed(manifest), mismatches: await compareManifest(client, manifest, { signal, progress }) },
  );
  const { tables, rows, mismatches } = found;
  Object.assign(measures, { tables, rows, verifyMs: Math.round(performance.now() - comparing) });
  const isSameMajor = binaries.major === majorOf(dump.header.serverVersion);
  const { format } = dump.header;
  const judgement = judgeRestore({
    ...{ failures, missingExtensions, roles: strangers, leftOut, mismatches },
    ...{ isSameMajor, tables, rows, format, compression: dump.compression },
  });
  return { ...judgement, notes: [...inspected.notes, ...judgement.notes] };
}

/** The space that a restore takes is known with a manifest; without one it is three times the file at least. */
async function findDiskLack(
  home: string,
  { manifest, sizeBytes }: Pick<Restorable, "manifest" | "sizeBytes">,
): Promise<Finding | undefined> {
  const freeBytes = await findFreeBytes(home);
  // Once more for the file: a server that runs as another user gets a copy of it.
  const neededBytes = (manifest?.database.sizeBytes ?? sizeBytes * 3) + sizeBytes + spareBytes;
  if (freeBytes >= neededBytes) return undefined;
  const [free, needed] = [freeBytes, neededBytes].map((bytes) => `${Math.round(bytes / 1024 ** 2)} MB`);
  return refuse("unverifiable", `the disk is too full for it: about ${needed} are needed at ${home}, ${free} are free`);
}

/** Of a directory that may not be made yet. */
async function findFreeBytes(directory: string): Promise<number> {
  try {
    const { bavail, bsize } = await statfs(directory);
    return bavail * bsize;
  } catch (error) {
    if (readErrorCode(error) !== "ENOENT" || directory === dirname(directory)) throw error;
    return findFreeBytes(dirname(directory));
  }
}

async function withSession<T>(
  server: ThrowawayServer,
  database: string,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const { socketDirectory: host, password } = server;
  const client = new pg.Client({ host, port: 5432, user: superuser, password: () => password.reveal(), database });
  // When the server ends, whoever queries next is told.
  client.on("error", () => undefined);
  try {
    await client.connect();
    return await work(client);
  } finally {
    await client.end();
  }
}

function countListed({ tables }: Manifest): { tables: number; rows: number } {
  return { tables: tables.length, rows: tables.reduce((sum, { rows }) => sum + rows, 0) };
}

/** A script speaks the language of the program that wrote it. */
function newestOf({ dumpVersion, serverVersion }: Dump["header"]): string {
  return majorOf(dumpVersion) > majorOf(serverVersion) ? dumpVersion : serverVersion;
}

async function refuseNewer(serverVersion: string): Promise<Finding> {
  const major = majorOf(serverVersion);
  const why = `it is from PostgreSQL ${serverVersion} and this host can start ${await describeServers()}: install postgresql-${major}`;
  return refuse("unverifiable", why);
}

function refuse(verdict: Refused["state"], why: string): Finding {
  return { verdict, assurance: null, why, notes: [] };
}

/** What stopped the drill itself says nothing about the file. */
function describeDoubt(error: unknown): string {
  const code = readErrorCode(error);
  const isKnown = error instanceof AppError || error instanceof pg.DatabaseError || code !== undefined;
  if (!isKnown || !(error instanceof Error)) throw error;
  if (code === "ENOSPC" || code === "53100" || /no space left/i.test(error.message))
    return `the disk was full: ${error.message}`;
  return `the drill did not come to its end: ${error.message}`;
}
