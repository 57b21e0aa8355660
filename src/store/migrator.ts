/**
 * The migration runner: numbered SQL files, applied once, in order. It is used
 * twice: for our own store and for the operator's databases.
 *
 * - A file and its row are one transaction: killed anywhere, it is as if the file
 *   had never run. A file that starts with `-- no-transaction` cannot have that, so
 *   its row says, before each statement, which one is about to run; a later call
 *   finds it and never guesses.
 * - What was applied is never forgotten or changed: an edited file, a file that is
 *   gone and a number below an applied one are errors.
 * - One runner at a time, by a session lock on the database and table.
 * - It goes forward only: there is no down.
 */
import { createHash } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";

import type pg from "pg";

import { AppError } from "#errors.ts";

import { describeFailure, withInvalidIndexes } from "./migration-failure.ts";
import { type MigrationFile, readStatements } from "./migration-files.ts";
import {
  type Applied,
  insertApplied,
  listApplied,
  type Progress,
  unfinishedProgress,
  updateProgress,
} from "./migration-records.ts";
import {
  ensureMigrationTable,
  listMissingWork,
  type MarkedEnvironment,
  type MigrationTable,
  tableName,
} from "./migration-table.ts";
import { lockRunner, readSession, restoreSession, type Session, unlockRunner } from "./migrator-session.ts";
import type { SqlStatement } from "./sql-statements.ts";

export { type MigrationFile, parseMigrationFile, readMigrationFiles } from "./migration-files.ts";
export {
  type Applied,
  listApplied,
  recordMirror,
  unfinishedProgress,
  updateMirrorStatus,
} from "./migration-records.ts";
export {
  ensureMigrationTable,
  inspectMigrationTable,
  type MarkedEnvironment,
  type MigrationTable,
  planMigrationTable,
  readEnvironmentMark,
  tableName,
} from "./migration-table.ts";

export type ApplyOptions = {
  /** Stored in each row: who ran it. */
  appliedBy: string;
  /** How long to wait for another runner, and for each lock a statement needs; `concurrently` waits as long as it takes. */
  lockTimeoutMs: number;
  statementTimeoutMs?: number;
  /** What the database is, marked on the table; `conflict` when it is marked as the other one. */
  environment?: MarkedEnvironment;
  /** Asked under the lock with what is about to be applied; throws to refuse all of it. */
  gate?: (pending: MigrationFile[]) => Promise<void>;
  onApplied?: (file: MigrationFile) => void;
  /** What to do with the statement that a killed run of a `-- no-transaction` file stood at; without it the run is refused. */
  interrupted?: "retry" | "skip";
  /** Honoured between statements. */
  signal?: AbortSignal;
};

type Runner = { client: pg.ClientBase; table: MigrationTable; options: ApplyOptions; session: Session };
type PreparedFile = { file: MigrationFile; statements: SqlStatement[] };

const lockPollMs = 100;

/** Applies what is not recorded yet and answers the names, in order; a second call applies nothing. Everything is checked before the first statement runs. */
export async function applyMigrations(
  client: pg.ClientBase,
  table: MigrationTable,
  files: MigrationFile[],
  options: ApplyOptions,
): Promise<string[]> {
  await waitForLock(client, table, options);
  try {
    // A database that is the wrong one is told before its record is judged.
    await listMissingWork(client, table, options.environment);
    const recorded = await listApplied(client, table);
    const pending = listPending(files, recorded);
    await options.gate?.(pending);
    const prepared = pending.map((file) => ({ file, statements: readStatements(file) }));
    await ensureMigrationTable(
      client,
      table,
      options.environment === undefined ? {} : { environment: options.environment },
    );
    const runner = { client, table, options, session: await readSession(client) };
    for (const next of prepared) {
      stopWhenAborted(options, next.file);
      const begun = recorded.find((row) => row.kind === "migration" && row.name === next.file.name);
      if (next.file.inTransaction && begun === undefined) await applyInTransaction(runner, next);
      else await applyByStatement(runner, next, begun);
      options.onApplied?.(next.file);
    }
    return pending.map((file) => file.name);
  } finally {
    await unlockRunner(client, table);
  }
}

/** The files that are not recorded, or recorded and not finished, by number. `conflict` names every file that contradicts the record. */
export function listPending(files: MigrationFile[], recorded: Applied[]): MigrationFile[] {
  const faults = contradictions(files, recorded);
  if (faults.length > 0) {
    throw new AppError("conflict", `the migration files contradict what is recorded:\n  ${faults.join("\n  ")}`, {
      hint: "Restore the files as they were applied, and put new changes into a new file with the next number.",
    });
  }
  const finished = new Set(
    migrationsOf(recorded)
      .filter((row) => !unfinishedProgress(row))
      .map((row) => row.name),
  );
  return files.filter((file) => !finished.has(file.name));
}

/** What is wrong between files and record, one line each; a row without checksum proves nothing and contradicts nothing. */
export function contradictions(files: MigrationFile[], recorded: Applied[]): string[] {
  const byName = new Map(files.map((file) => [file.name, file]));
  const rows = migrationsOf(recorded);
  const faults: string[] = [];
  for (const row of rows) {
    const file = byName.get(row.name);
    if (row.checksum === null || unfinishedProgress(row)) continue;
    if (file === undefined)
      faults.push(
        `${row.name} is recorded as applied at ${row.appliedAt ?? "an unknown time"}, but the file is missing`,
      );
    else if (file.checksum !== row.checksum) {
      faults.push(
        `${row.name} was edited after it was applied: recorded ${row.checksum}, the file has ${file.checksum}`,
      );
    }
  }
  const names = new Set(rows.map((row) => row.name));
  const last = files.findLast((file) => names.has(file.name));
  for (const file of files) {
    if (last === undefined || names.has(file.name) || file.number > last.number) continue;
    faults.push(`${file.name} is new, but its number is below ${last.name}, which is applied already`);
  }
  return faults;
}

function migrationsOf(recorded: Applied[]): Applied[] {
  return recorded.filter((row) => row.kind === "migration");
}

async function applyInTransaction(runner: Runner, { file, statements }: PreparedFile): Promise<void> {
  const { client, table, options } = runner;
  await client.query("begin");
  try {
    await setTimeouts(client, "local", options.lockTimeoutMs, options.statementTimeoutMs ?? 0);
    for (const statement of statements) {
      stopWhenAborted(options, file);
      await runStatement(client, file, statement);
    }
    // The file may have changed role and settings; the row is ours to write.
    await restoreSession(client, runner.session);
    await insertApplied(client, table, { name: file.name, appliedBy: options.appliedBy, checksum: file.checksum });
    await client.query("commit").catch((cause: unknown) => {
      throw describeFailure(file, undefined, cause);
    });
  } catch (error) {
    await rollBack(client);
    throw error;
  }
}

/** Each statement by itself; the row says which one is about to run, so that a kill in the middle is seen. */
async function applyByStatement(runner: Runner, prepared: PreparedFile, begun: Applied | undefined): Promise<void> {
  const { client, table, options } = runner;
  const { file, statements } = prepared;
  const first = begun === undefined ? 0 : await resumeAt(runner, prepared, begun);
  if (begun === undefined) {
    const status = progressAt(file, statements, 0, "running");
    await insertApplied(client, table, {
      name: file.name,
      appliedBy: options.appliedBy,
      checksum: file.checksum,
      status,
    });
  }
  for (const [position, statement] of statements.entries()) {
    const isDone = position < first;
    // Settings of the statements before hold for the rest of the file.
    if (isDone && statement.words[0] !== "set") continue;
    stopWhenAborted(options, file);
    const concurrently = statement.words.includes("concurrently");
    await setTimeouts(
      client,
      "session",
      concurrently ? 0 : options.lockTimeoutMs,
      concurrently ? 0 : (options.statementTimeoutMs ?? 0),
    );
    const record = (state: Progress["state"]): Promise<void> =>
      updateProgress(client, table, file.name, {
        checksum: file.checksum,
        status: progressAt(file, statements, position, state),
      });
    if (!isDone) await record("running");
    try {
      await runStatement(client, file, statement);
    } catch (error) {
      if (!isServerRefusal(error)) throw error;
      await record("failed");
      await restoreSession(client, runner.session);
      throw await withInvalidIndexes(client, error);
    }
  }
  await restoreSession(client, runner.session);
  const done = progressAt(file, statements, statements.length - 1, "done");
  await updateProgress(client, table, file.name, { checksum: file.checksum, status: done });
}

/** The position that an unfinished file goes on from. */
async function resumeAt(runner: Runner, { file, statements }: PreparedFile, row: Applied): Promise<number> {
  const progress = unfinishedProgress(row);
  if (progress === undefined) return 0;
  const position = progress.statement - 1;
  const now = progressAt(file, statements, position, progress.state);
  if (statements[position] === undefined || now.prefixSha256 !== progress.prefixSha256) {
    throw new AppError(
      "conflict",
      `migration ${file.name} stopped at statement ${progress.statement}, and what was done before it has been edited since`,
      {
        hint: `Restore ${file.name} up to line ${progress.line}, then run again.`,
      },
    );
  }
  if (progress.state === "failed") return position;
  if (runner.options.interrupted === "retry") return position;
  if (runner.options.interrupted === "skip") return position + 1;
  const stood = `statement ${progress.statement} of ${progress.of} (line ${progress.line}: ${progress.headline})`;
  throw await withInvalidIndexes(
    runner.client,
    new AppError(
      "conflict",
      `migration ${file.name} was interrupted at ${stood}; whether it took effect is not known`,
      {
        hint: `Look at the database, then run again with --interrupted retry, or with --interrupted skip when it took effect.`,
      },
    ),
  );
}

function progressAt(
  file: MigrationFile,
  statements: SqlStatement[],
  position: number,
  state: Progress["state"],
): Progress {
  const statement = statements[position];
  return {
    state,
    statement: position + 1,
    of: statements.length,
    line: statement?.line ?? 0,
    headline: statement?.headline ?? "",
    prefixSha256: createHash("sha256").update(file.sql.slice(0, statement?.start)).digest("hex"),
  };
}

async function runStatement(client: pg.ClientBase, file: MigrationFile, statement: SqlStatement): Promise<void> {
  try {
    await client.query(statement.text);
  } catch (cause) {
    throw describeFailure(file, statement, cause);
  }
}

function isServerRefusal(error: unknown): error is AppError {
  return error instanceof AppError && error.code === "upstream_failed";
}

async function setTimeouts(
  client: pg.ClientBase,
  scope: "local" | "session",
  lockTimeoutMs: number,
  statementTimeoutMs: number,
): Promise<void> {
  await client.query(
    "select pg_catalog.set_config('lock_timeout', $1, $3), pg_catalog.set_config('statement_timeout', $2, $3)",
    [String(lockTimeoutMs), String(statementTimeoutMs), scope === "local"],
  );
}

async function rollBack(client: pg.ClientBase): Promise<void> {
  // When the connection is gone the server rolls back by itself, and the first error says why.
  await client.query("rollback").catch(() => undefined);
}

/** Tries again and again instead of waiting inside the server: a waiting statement holds a snapshot, which `create index concurrently` of the other runner would wait for. */
async function waitForLock(client: pg.ClientBase, table: MigrationTable, options: ApplyOptions): Promise<void> {
  for (let waitedMs = 0; ; waitedMs += lockPollMs) {
    const holder = await lockRunner(client, table);
    if (holder === undefined) return;
    if (waitedMs >= options.lockTimeoutMs || options.signal?.aborted) {
      throw new AppError("conflict", `another run is applying migrations to ${tableName(table)}: ${holder}`, {
        hint: "Wait until it has ended and run again.",
      });
    }
    await delay(lockPollMs);
  }
}

function stopWhenAborted(options: ApplyOptions, file: MigrationFile): void {
  if (!options.signal?.aborted) return;
  throw new AppError("unavailable", `stopped in migration ${file.name}`, {
    hint: "Run again to go on; what was applied is recorded.",
  });
}
