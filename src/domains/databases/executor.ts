/**
 * Runs a plan's statements on dev. What PostgreSQL lets run in a transaction runs in
 * one: all of it is there, or none. What must be committed before its use, or refuses
 * a transaction, is a segment of its own, and the record on dev says how far it got.
 *
 * A statement that fails only because another one of the plan has to come first is
 * tried again after the others; a round without progress, or any other error, takes
 * back the whole segment. Killed at any point, dev holds whole segments, and the next
 * plan holds the rest.
 */
import pg from "pg";

import { refusalWords } from "#store/refusal-words.ts";

import {
  applySetting,
  beginTransaction,
  dropIndexConcurrently,
  releaseSavepoint,
  resetSearchPath,
  rollbackToSavepoint,
  rollbackTransaction,
  runText,
  setSavepoint,
} from "./executor-queries.ts";
import { isInvalidIndex } from "./mirror-queries.ts";
import type { SegmentStatus } from "./schema.ts";

export type Segment = { transactional: boolean; statements: string[] };

export type Execution = {
  segments: SegmentStatus[];
  /** Name of the record on dev; null when nothing was recorded. */
  recordedAs: string | null;
  failure: { segment: number; sql: string; code: string; message: string } | null;
};

/** Writes the record on dev; called inside the transaction that it speaks of. */
export type Recording = {
  insert(segments: SegmentStatus[]): Promise<string>;
  update(name: string, segments: SegmentStatus[]): Promise<void>;
};

export type ExecutorOptions = {
  lockTimeoutMs: number;
  statementTimeoutMs: number;
  signal: AbortSignal;
  onStatement?: (done: number) => void;
};

/** The object that the statement needs, or that is in its way, may be another statement's work. */
const orderFaults = new Set([
  "0A000", // type of a column that a view or policy uses
  "22P02", // label of an enum that is not added yet
  "2BP01", // something still depends on it
  "2F003",
  "3F000", // schema
  "42701", // duplicate column
  "42703", // column
  "42704", // type, role, collation …
  "42710", // duplicate object
  "42723", // duplicate function
  "42804", // default that does not fit the type yet
  "42809", // wrong kind of object
  "42830", // foreign key without its unique key
  "42883", // function
  "42P01", // table
  "42P07", // duplicate table
  "42P16", // table definition
  "42P17", // expression that is not immutable yet
  "55000", // object not in the needed state
]);
/** Names that a function body leaves unqualified are found on the path that the database gives its sessions. */
const pathFaults = new Set(["42P01", "42704", "42883", "3F000"]);
const retriedWholes = new Set(["55P03", "40P01"]);
const maxRounds = 12;
const maxAttempts = 3;

const settings: Record<string, string> = {
  search_path: "pg_catalog",
  check_function_bodies: "off",
  client_min_messages: "error",
  standard_conforming_strings: "on",
  default_tablespace: "",
  default_table_access_method: "heap",
  default_toast_compression: "pglz",
  idle_in_transaction_session_timeout: "0",
};

class StatementFailure extends Error {
  readonly sql: string;
  constructor(sql: string, cause: unknown) {
    super(refusalWords(cause), { cause });
    this.sql = sql;
  }
}

/** Runs the segments in order and stops at the first that fails; never throws for what the database answers. */
export async function runSegments(
  client: pg.Client,
  segments: readonly Segment[],
  recording: Recording,
  options: ExecutorOptions,
): Promise<Execution> {
  const statuses = segments.map((segment, index): SegmentStatus => {
    return { segment: index, statements: segment.statements.length, state: "planned" };
  });
  await prepareSession(client, options);
  const progress = { done: 0 };
  let recordedAs: string | null = null;
  for (const [index, segment] of segments.entries()) {
    const after = statuses.map((status, at): SegmentStatus =>
      at === index ? { ...status, state: "committed" } : status,
    );
    const record = (): Promise<string> => writeRecord(recording, recordedAs, after);
    try {
      recordedAs = segment.transactional
        ? await runTransactional(client, segment, record, options, progress)
        : await runOutside(client, segment, record, options, progress);
      statuses[index] = { segment: index, statements: segment.statements.length, state: "committed" };
    } catch (cause) {
      const state = stateAfter(segment, cause);
      statuses[index] = { segment: index, statements: segment.statements.length, state };
      recordedAs = await recordFailure(client, () => writeRecord(recording, recordedAs, statuses), recordedAs);
      return { segments: statuses, recordedAs, failure: { segment: index, ...describeFailure(cause) } };
    }
  }
  return { segments: statuses, recordedAs, failure: null };
}

function stateAfter(segment: Segment, cause: unknown): SegmentStatus["state"] {
  if (!segment.transactional) return "failed";
  return cause instanceof StatementFailure && cause.sql === "COMMIT" && errorCode(cause) === ""
    ? "in-doubt"
    : "rolled-back";
}

async function prepareSession(client: pg.Client, options: ExecutorOptions): Promise<void> {
  const all = {
    ...settings,
    lock_timeout: `${options.lockTimeoutMs}`,
    statement_timeout: `${options.statementTimeoutMs}`,
  };
  for (const [name, value] of Object.entries(all)) {
    await applySetting(client, name, value);
  }
}

async function writeRecord(recording: Recording, known: string | null, statuses: SegmentStatus[]): Promise<string> {
  if (known === null) return recording.insert(statuses);
  await recording.update(known, statuses);
  return known;
}

/** A broken connection cannot record anything; the report still says what happened. */
async function recordFailure(
  client: pg.Client,
  write: () => Promise<string>,
  known: string | null,
): Promise<string | null> {
  try {
    await rollbackTransaction(client);
    return await write();
  } catch {
    return known;
  }
}

async function runTransactional(
  client: pg.Client,
  segment: Segment,
  record: () => Promise<string>,
  options: ExecutorOptions,
  progress: { done: number },
): Promise<string> {
  const doneBefore = progress.done;
  for (let attempt = 1; ; attempt += 1) {
    progress.done = doneBefore;
    await beginTransaction(client);
    try {
      await runRounds(client, segment.statements, options, progress);
      const name = await record();
      await runStatement(client, "COMMIT");
      return name;
    } catch (cause) {
      await rollbackTransaction(client).catch(() => undefined);
      // Another session held a lock or wanted ours: all is taken back, so the whole can be tried again.
      if (attempt < maxAttempts && retriedWholes.has(errorCode(cause))) continue;
      throw cause;
    }
  }
}

async function runRounds(
  client: pg.Client,
  statements: readonly string[],
  options: ExecutorOptions,
  progress: { done: number },
): Promise<void> {
  let pending = [...statements];
  for (let round = 1; pending.length > 0; round += 1) {
    const later: string[] = [];
    let first: StatementFailure | undefined;
    for (const sql of pending) {
      if (options.signal.aborted) throw new StatementFailure(sql, new Error("it was stopped by the operator"));
      const failure = await tryStatement(client, sql);
      if (failure === undefined) {
        progress.done += 1;
        options.onStatement?.(progress.done);
        continue;
      }
      if (!orderFaults.has(errorCode(failure))) throw failure;
      first ??= failure;
      later.push(sql);
    }
    if (first !== undefined && (later.length === pending.length || round === maxRounds)) throw first;
    pending = later;
  }
}

/** Runs one statement under a savepoint; answers the failure that was taken back. */
async function tryStatement(client: pg.Client, sql: string): Promise<StatementFailure | undefined> {
  await setSavepoint(client);
  try {
    await runStatement(client, sql);
    await releaseSavepoint(client);
    return undefined;
  } catch (cause) {
    if (!(cause instanceof StatementFailure)) throw cause;
    await rollbackToSavepoint(client);
    if (!pathFaults.has(errorCode(cause))) return cause;
    return (await tryOnDefaultPath(client, sql)) ? undefined : cause;
  }
}

async function tryOnDefaultPath(client: pg.Client, sql: string): Promise<boolean> {
  try {
    await resetSearchPath(client);
    await runStatement(client, sql);
    await applySetting(client, "search_path", "pg_catalog");
    await releaseSavepoint(client);
    return true;
  } catch (cause) {
    if (!(cause instanceof StatementFailure)) throw cause;
    await rollbackToSavepoint(client);
    return false;
  }
}

/** A statement that refuses a transaction. A concurrent build waits for others as long as it takes; its remains are cleared away. */
async function runOutside(
  client: pg.Client,
  segment: Segment,
  record: () => Promise<string>,
  options: ExecutorOptions,
  progress: { done: number },
): Promise<string> {
  for (const sql of segment.statements) {
    if (options.signal.aborted) throw new StatementFailure(sql, new Error("it was stopped by the operator"));
    await applySetting(client, "lock_timeout", "0");
    try {
      await runStatement(client, sql);
    } catch (cause) {
      const index = /^CREATE (?:UNIQUE )?INDEX CONCURRENTLY /.test(sql) ? concurrentIndex(sql) : undefined;
      if (index !== undefined && (await isInvalidIndex(client, index))) {
        await dropIndexConcurrently(client, index);
      }
      throw cause;
    } finally {
      await applySetting(client, "lock_timeout", `${options.lockTimeoutMs}`);
    }
    progress.done += 1;
    options.onStatement?.(progress.done);
  }
  return record();
}

/** The index lies in the schema of its table: `CREATE INDEX CONCURRENTLY name ON schema.table …`. */
function concurrentIndex(sql: string): string | undefined {
  const part = String.raw`("(?:[^"]|"")+"|[^\s".]+)`;
  const match = new RegExp(`CONCURRENTLY ${part} ON ${part}\\.`).exec(sql);
  return match === null ? undefined : `${match[2]}.${match[1]}`;
}

async function runStatement(client: pg.Client, sql: string): Promise<void> {
  try {
    await runText(client, sql);
  } catch (cause) {
    throw new StatementFailure(sql, cause);
  }
}

function errorCode(failure: unknown): string {
  const cause = failure instanceof StatementFailure ? failure.cause : failure;
  return cause instanceof pg.DatabaseError ? (cause.code ?? "") : "";
}

function describeFailure(cause: unknown): { sql: string; code: string; message: string } {
  return {
    sql: cause instanceof StatementFailure ? cause.sql : "",
    code: errorCode(cause),
    message: refusalWords(cause),
  };
}
