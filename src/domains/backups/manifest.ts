/**
 * Manifest: what a database held when it was dumped. It lies beside the dump as
 * FILE.manifest.json, is taken in the dump's own snapshot, and is what a restored
 * copy is compared with.
 *
 * Left out is what changes by itself or is made anew by a restore: generated
 * columns, materialized views, rows of extensions' own tables, foreign tables.
 * Sequences move outside of every snapshot: they are read before and after the
 * dump, and a restored one must lie between.
 */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { access, readFile, stat } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { pipeline } from "node:stream/promises";

import type pg from "pg";
import { z } from "zod";

import type { App } from "#app.ts";
import { AppError, readErrorCode } from "#errors.ts";
import { findOwner } from "#system/owner.ts";
import { writeFileAtomically } from "#system/write-file.ts";

import {
  beginSnapshot,
  type ContentTable,
  type Digest,
  digestLargeObjects,
  digestRows,
  endSnapshot,
  exportSnapshot,
  findDatabase,
  listSequences,
  listTables,
  type SequenceState,
} from "./content-queries.ts";
import { type DefinitionSource, Definitions, readDefinitions } from "./definitions.ts";

const count = z.int().nonnegative();

export const Manifest = z.object({
  format: z.literal("leveredge-backup-manifest"),
  version: z.literal(1),
  programVersion: z.string(),
  /** When the snapshot was taken: the age of the data. */
  takenAt: z.iso.datetime(),
  /** As in `server_version_num`: 150018. */
  serverVersion: z.int(),
  database: z.object({ name: z.string(), encoding: z.string(), sizeBytes: count }),
  file: z.object({ sizeBytes: count, sha256: z.string().regex(/^[0-9a-f]{64}$/) }),
  tables: z.array(z.object({ schema: z.string(), name: z.string(), rows: count, hash: z.string() })),
  sequences: z.array(
    z.object({
      schema: z.string(),
      name: z.string(),
      /** Before and after the dump. */
      from: z.string().regex(/^-?\d+$/),
      to: z.string().regex(/^-?\d+$/),
    }),
  ),
  largeObjects: z.object({ count, hash: z.string() }),
  definitions: Definitions,
});
export type Manifest = z.output<typeof Manifest>;

type Content = Pick<Manifest, "database" | "serverVersion" | "tables" | "sequences" | "largeObjects">;

type Work = { signal: AbortSignal; progress?: (text: string, done: number, total: number) => void };

export type TakeOptions = Work & {
  /** Dumps what the snapshot shows and answers the finished file. */
  dump: (snapshot: string, signal: AbortSignal) => Promise<string>;
  definitions: Pick<DefinitionSource, "format" | "pgRestore" | "timeoutMs" | "env">;
};

const suffix = ".manifest.json";
const contentDiffers = "the content of its";
const maxManifestBytes = 256 * 1024 * 1024;

/** Where the manifest of a dump lies. */
export function manifestPathOf(file: string): string {
  return `${file}${suffix}`;
}

/** The manifest beside the dump; undefined when there is none. One that cannot be read is there. */
export async function findManifestBeside(file: string): Promise<string | undefined> {
  const path = manifestPathOf(file);
  return access(path).then(
    () => path,
    () => undefined,
  );
}

/** Whether this is the name of a manifest, and no dump. */
export function isManifestPath(path: string): boolean {
  return path.endsWith(suffix);
}

/**
 * Dumps and reads one state of the database. The session is the caller's, read only
 * and used by nobody else; the dump runs beside the reading.
 */
export async function takeManifest(
  app: Pick<App, "run" | "now" | "programVersion">,
  client: pg.Client,
  options: TakeOptions,
): Promise<Manifest> {
  const either = new AbortController();
  const signal = AbortSignal.any([options.signal, either.signal]);
  // Its own clock: the one that will tell the age.
  const takenAt = app.now().toISOString();
  await beginSnapshot(client);
  try {
    const before = await listSequences(client);
    const work = [
      options.dump(await exportSnapshot(client), signal),
      readContent(client, { ...options, signal }),
    ] as const;
    const [file, content] = await Promise.all(work).catch(async (error: unknown) => {
      either.abort();
      await Promise.allSettled(work);
      throw error;
    });
    const sequences = spanSequences(before, await listSequences(client));
    return {
      format: "leveredge-backup-manifest",
      version: 1,
      programVersion: app.programVersion,
      takenAt,
      ...content,
      sequences,
      file: await describeFile(file, signal),
      definitions: await readDefinitions(app, { ...options.definitions, file, signal }),
    };
  } finally {
    await endSnapshot(client);
  }
}

/** One line for each thing in which the database is not what the manifest says; none when it agrees. */
export async function compareManifest(client: pg.Client, manifest: Manifest, work: Work): Promise<string[]> {
  await beginSnapshot(client);
  try {
    return [
      ...(await compareTables(client, manifest, work)),
      ...compareSequences(manifest, await listSequences(client)),
      ...compareLargeObjects(manifest, await digestLargeObjects(client)),
    ];
  } finally {
    await endSnapshot(client);
  }
}

/** Whether a line of `compareManifest` tells of rows that are all there and not what they were: nothing that a host lacks does that. */
export function provesDamage(line: string): boolean {
  return line.includes(contentDiffers);
}

/** `not_found` when there is none, `invalid_input` when it cannot be understood. */
export async function readManifest(path: string): Promise<Manifest> {
  const parsed = Manifest.safeParse(await readJson(path));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const place = issue?.path.join(".") ?? "";
  const where = place === "" ? "" : `: ${place} is not what it should be`;
  throw new AppError("invalid_input", `the manifest ${path} is damaged or of another version${where}`, {
    hint: "Make a new backup with leveredge backups create, or verify with --manifest PATH.",
  });
}

/** Writes it for its owner alone; a reader sees all of it or nothing. */
export async function writeManifest(path: string, manifest: Manifest): Promise<void> {
  const root = dirname(path);
  await writeFileAtomically({
    root,
    path: basename(path),
    content: `${JSON.stringify(manifest, null, 1)}\n`,
    mode: 0o600,
    owner: await findOwner(root),
  });
}

/** Size and SHA-256 of a file as it is now. */
export async function describeFile(path: string, signal: AbortSignal): Promise<Manifest["file"]> {
  const hash = createHash("sha256");
  let sizeBytes = 0;
  await pipeline(
    createReadStream(path, { highWaterMark: 1024 * 1024 }),
    async (chunks: AsyncIterable<Buffer>) => {
      for await (const chunk of chunks) {
        sizeBytes += chunk.length;
        hash.update(chunk);
      }
    },
    { signal },
  );
  return { sizeBytes, sha256: hash.digest("hex") };
}

async function readContent(client: pg.Client, { signal, progress }: Work): Promise<Omit<Content, "sequences">> {
  const { name, encoding, sizeBytes, serverVersion } = await findDatabase(client);
  const found = await listTables(client);
  const tables: Manifest["tables"] = [];
  for (const [done, table] of found.entries()) {
    signal.throwIfAborted();
    progress?.(`read ${table.schema}.${table.name}`, done, found.length);
    const { rows, hash } = await readTable(client, table, encoding);
    tables.push({ schema: table.schema, name: table.name, rows, hash });
  }
  return {
    database: { name, encoding, sizeBytes: Number(sizeBytes) },
    serverVersion: Number(serverVersion),
    tables,
    largeObjects: await digestLargeObjects(client),
  };
}

async function compareTables(client: pg.Client, manifest: Manifest, { signal, progress }: Work): Promise<string[]> {
  const found = new Map((await listTables(client)).map((table) => [keyOf(table), table]));
  const lines: string[] = [];
  for (const [done, expected] of manifest.tables.entries()) {
    signal.throwIfAborted();
    const name = `${expected.schema}.${expected.name}`;
    progress?.(`compare ${name}`, done, manifest.tables.length);
    const table = found.get(keyOf(expected));
    if (table === undefined) {
      lines.push(`${name}: the table is missing`);
      continue;
    }
    const { rows, hash } = await readTable(client, table, manifest.database.encoding);
    if (rows !== expected.rows) lines.push(`${name}: ${rows} rows instead of ${expected.rows}`);
    else if (hash !== expected.hash) lines.push(`${name}: ${contentDiffers} ${rows} rows differs`);
  }
  return lines;
}

/** The names of the columns are part of the content. Bytes of SQL_ASCII have no meaning: they are hashed as they are. */
async function readTable(
  client: pg.Client,
  table: ContentTable,
  encoding: string,
): Promise<{ rows: number; hash: string }> {
  const { count: rows, hash } = await digestRows(client, table, encoding === "SQL_ASCII" ? "SQL_ASCII" : "UTF8");
  const whole = createHash("sha256").update(JSON.stringify([table.columns, hash]));
  return { rows, hash: whole.digest("hex").slice(0, 32) };
}

function compareSequences(manifest: Manifest, states: readonly SequenceState[]): string[] {
  const found = new Map(states.map((state) => [keyOf(state), valueOf(state)]));
  return manifest.sequences.flatMap((expected) => {
    const name = `${expected.schema}.${expected.name}`;
    const value = found.get(keyOf(expected));
    if (value === undefined) return [`${name}: the sequence is missing`];
    const [low, high] = [BigInt(expected.from), BigInt(expected.to)].toSorted((a, b) => (a < b ? -1 : 1));
    const isBetween = low !== undefined && high !== undefined && value >= low && value <= high;
    return isBetween ? [] : [`${name}: the sequence stands at ${value} instead of ${expected.to}`];
  });
}

function compareLargeObjects({ largeObjects: expected }: Manifest, found: Digest): string[] {
  if (found.count !== expected.count) return [`large objects: ${found.count} instead of ${expected.count}`];
  return found.hash === expected.hash ? [] : [`large objects: the content of ${found.count} differs`];
}

/** Those that came or went meanwhile are in no snapshot for certain. */
function spanSequences(before: readonly SequenceState[], after: readonly SequenceState[]): Manifest["sequences"] {
  const later = new Map(after.map((state) => [keyOf(state), valueOf(state)]));
  return before.flatMap((state) => {
    const to = later.get(keyOf(state));
    if (to === undefined) return [];
    return [{ schema: state.schema, name: state.name, from: String(valueOf(state)), to: String(to) }];
  });
}

/** What the sequence gives next, when it counts by one: a value that was not yet handed out is one less. */
function valueOf({ value, isCalled }: SequenceState): bigint {
  return isCalled ? BigInt(value) : BigInt(value) - 1n;
}

function keyOf({ schema, name }: { schema: string; name: string }): string {
  return JSON.stringify([schema, name]);
}

async function readJson(path: string): Promise<unknown> {
  try {
    if ((await stat(path)).size > maxManifestBytes) throw new SyntaxError("it is too large");
    return JSON.parse(await readFile(path, "utf8"));
  } catch (cause) {
    if (cause instanceof SyntaxError) {
      throw new AppError("invalid_input", `the manifest ${path} is damaged: ${cause.message}`, { cause });
    }
    const isMissing = readErrorCode(cause) === "ENOENT";
    throw new AppError(
      isMissing ? "not_found" : "forbidden",
      `cannot read the manifest ${path}: ${readErrorCode(cause)}`,
      {
        cause,
        hint: isMissing ? "Name another with --manifest PATH." : `Make ${path} readable for this user.`,
      },
    );
  }
}
