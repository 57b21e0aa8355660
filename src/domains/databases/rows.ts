/**
 * Reference rows: the rows of the listed tables travel from one database to
 * another, of all other tables never.
 *
 * A plan compares both sides and copies nothing. A copy reads one snapshot of the
 * source and writes one transaction of the target: either all tables are copied or
 * none is. The proof counts and hashes the rows of both sides, each on its server.
 */
import { pipeline } from "node:stream/promises";

import type pg from "pg";
import { from as copyFrom, to as copyTo } from "pg-copy-streams";

import type { ReferenceTable } from "#config/schema.ts";
import { formatTableName } from "#config/table-name.ts";
import { AppError } from "#errors.ts";

import { connect, type DatabaseTarget } from "#postgres/connection.ts";
import { applySettings } from "#postgres/connection-queries.ts";
import { replicaGrant } from "./reference-table-rules.ts";
import { listTableFacts, mayActAsReplica, mayMakeTemporaryTables } from "./reference-table-queries.ts";
import {
  type CopyTable,
  judgeReferenceTables,
  refuseByName,
  type RowsRefusal,
  tableOf,
  type WantedRows,
} from "./reference-tables.ts";
import { type CopiedTable, type CopySessions, copyTables } from "./rows-copy.ts";
import { rowsFailure } from "./rows-failure.ts";
import {
  beginSnapshot,
  beginWriting,
  commit,
  copyKeysOut,
  copyStageIn,
  createStage,
  digestRows,
  plainTextSettings,
  rollback,
  type Stage,
} from "./rows-queries.ts";
import { refuseSecretValues } from "./secret-search.ts";

export type RowsInput = {
  from: DatabaseTarget;
  to: DatabaseTarget;
  tables: readonly ReferenceTable[];
  /** Tables whose rows never travel; the table of migrations belongs here. */
  neverCopy: readonly string[];
  signal: AbortSignal;
  /** How long to wait for other sessions of the target; default 10 s. */
  lockTimeoutMs?: number;
  progress?: (text: string, done?: number, total?: number) => void;
};

/** Answers why nothing may be written to the target at all; asked before a copy begins. */
export type RowsGuard = () => Promise<RowsRefusal[]>;

/** Both sides of a table, without its omitted columns. */
export type RowsComparison = {
  table: string;
  rows: number;
  digest: string;
  /** Of the target's rows that have a key of the source. */
  targetRows: number;
  targetDigest: string;
  /** Rows that only the target has; part of a difference where the table's `delete` is on. */
  extraRows: number;
  isEqual: boolean;
};

export type RowsNote = { text: string; remedy: string };

export type RowsPlan = { refusals: RowsRefusal[]; tables: RowsComparison[]; notes: RowsNote[] };

export type RowsOutcome =
  | { state: "copied"; tables: CopiedTable[]; notes: RowsNote[] }
  | { state: "refused"; refusals: RowsRefusal[] };

export type RowsProof = { isEqual: boolean; refusals: RowsRefusal[]; tables: RowsComparison[] };

const statementTimeoutMs = 60 * 60 * 1000;
const defaultLockTimeoutMs = 10_000;

/** What a copy would find and refuse. Reads only, and of the source only listed tables. */
export function planReferenceRows(input: RowsInput): Promise<RowsPlan> {
  return withSessions(input, { writes: false }, async (sessions) => {
    const { ready, refusals, notes } = await judge(input, sessions);
    const secrets: RowsRefusal[] = [];
    const tables: RowsComparison[] = [];
    for (const [place, table] of ready.entries()) {
      input.progress?.(`comparing ${table.label}`, place, ready.length);
      secrets.push(...(await refuseSecretValues(sessions.source, table)));
      tables.push(await compare(sessions, table));
    }
    return { refusals: [...refusals, ...secrets], tables, notes };
  });
}

/** Copies all listed tables or, when any is refused, none. A second call finds nothing to do. */
export async function copyReferenceRows(input: RowsInput & { guard: RowsGuard }): Promise<RowsOutcome> {
  const obstacles = await input.guard();
  if (obstacles.length > 0) return { state: "refused", refusals: obstacles };
  return withSessions(input, { writes: true }, async (sessions) => {
    const { ready, refusals, notes, actsAsReplica } = await judge(input, sessions);
    if (refusals.length > 0) return { state: "refused", refusals };
    if (ready.length === 0) return { state: "copied", tables: [], notes: [] };
    const context = { side: input.to.label, actsAsReplica, progress: input.progress ?? (() => undefined) };
    await beginWriting(sessions.target);
    const { copied, refusals: secrets } = await copyTables(sessions, ready, context);
    if (secrets.length > 0) {
      await rollback(sessions.target);
      return { state: "refused", refusals: secrets };
    }
    await commit(sessions.target);
    return { state: "copied", tables: copied, notes };
  });
}

/** Counts and hashes the listed tables on both sides, each on its own server. Reads only. */
export function verifyReferenceRows(input: RowsInput): Promise<RowsProof> {
  return withSessions(input, { writes: false }, async (sessions) => {
    const { ready, refusals } = await judge(input, sessions);
    const tables: RowsComparison[] = [];
    for (const [place, table] of ready.entries()) {
      input.progress?.(`verifying ${table.label}`, place, ready.length);
      tables.push(await compare(sessions, table));
    }
    return { isEqual: refusals.length === 0 && tables.every(({ isEqual }) => isEqual), refusals, tables };
  });
}

async function judge(
  input: RowsInput,
  { source, target }: CopySessions,
): Promise<{ ready: CopyTable[]; refusals: RowsRefusal[]; notes: RowsNote[]; actsAsReplica: boolean }> {
  const wanted: WantedRows = {
    tables: input.tables,
    neverCopy: input.neverCopy,
    from: input.from.label,
    to: input.to.label,
  };
  const named = refuseByName(wanted);
  const refusedNames = new Set(named.map(({ table }) => table));
  const allowed = input.tables.filter(({ table }) => !refusedNames.has(formatTableName(tableOf(table))));
  const names = allowed.map(({ table }) => tableOf(table));
  const rights = {
    actsAsReplica: await mayActAsReplica(target),
    mayMakeTemporaryTables: await mayMakeTemporaryTables(target),
  };
  const [sourceFacts, targetFacts] = [await listTableFacts(source, names), await listTableFacts(target, names)];
  const { ready, refusals } = judgeReferenceTables({ ...wanted, tables: allowed }, sourceFacts, targetFacts, rights);
  const notes = ready.flatMap((table) => triggerNotes(table, input.to.label, rights));
  return { ready, refusals: [...named, ...refusals], notes, actsAsReplica: rights.actsAsReplica };
}

function triggerNotes(table: CopyTable, side: string, rights: { actsAsReplica: boolean }): RowsNote[] {
  const firing = table.triggers.filter(({ firesAsReplica, firesOrdinarily }) =>
    rights.actsAsReplica ? firesAsReplica : firesOrdinarily,
  );
  return firing.map(({ name }) => ({
    text: `trigger ${name} of ${table.label} fires on ${side} for each copied row`,
    remedy: rights.actsAsReplica ? `alter table ${table.label} enable trigger ${name}` : replicaGrant(side),
  }));
}

async function compare(sessions: CopySessions, table: CopyTable): Promise<RowsComparison> {
  const { source, target } = sessions;
  const [wanted, present] = await both(digestRows(source, table), digestRows(target, table));
  const isSame = wanted.rows === present.rows && wanted.digest === present.digest;
  const shared = isSame || present.rows === 0 ? present : await digestSharedRows(sessions, table);
  const extraRows = present.rows - shared.rows;
  return {
    table: table.label,
    rows: wanted.rows,
    digest: wanted.digest,
    targetRows: shared.rows,
    targetDigest: shared.digest,
    extraRows,
    isEqual: wanted.rows === shared.rows && wanted.digest === shared.digest && (extraRows === 0 || !table.deletes),
  };
}

/** Of the target's rows, only those whose key the source has: the keys travel into a temporary table. */
async function digestSharedRows({ source, target }: CopySessions, table: CopyTable): ReturnType<typeof digestRows> {
  const stage: Stage = "leveredge_keys_0";
  await beginWriting(target);
  try {
    const keys = table.keys.map(({ column }) => column);
    await createStage(target, stage, table, keys);
    await pipeline(source.query(copyTo(copyKeysOut(table))), target.query(copyFrom(copyStageIn(stage))));
    return await digestRows(target, table, stage);
  } finally {
    await rollback(target);
  }
}

/** Both results; when one fails the other is awaited too, so that no session is left with work under way. */
async function both<A, B>(left: Promise<A>, right: Promise<B>): Promise<[A, B]> {
  await Promise.allSettled([left, right]);
  return [await left, await right];
}

/** A session of the source in one snapshot and one of the target; both end with the work, or at once when it is stopped. */
async function withSessions<T>(
  input: RowsInput,
  options: { writes: boolean },
  work: (sessions: CopySessions) => Promise<T>,
): Promise<T> {
  const opened: pg.Client[] = [];
  const lockTimeoutMs = input.lockTimeoutMs ?? defaultLockTimeoutMs;
  const open = async (target: DatabaseTarget, readOnly: boolean): Promise<pg.Client> => {
    const client = await connect(target, { readOnly, statementTimeoutMs, lockTimeoutMs });
    opened.push(client);
    await applySettings(client, plainTextSettings);
    return client;
  };
  const stop = (): void => {
    for (const client of opened) void client.end();
  };
  input.signal.addEventListener("abort", stop, { once: true });
  try {
    const source = await open(input.from, true);
    const target = await open(input.to, !options.writes);
    await beginSnapshot(source);
    input.signal.throwIfAborted();
    return await work({ source, target });
  } catch (cause) {
    if (input.signal.aborted) throw new AppError("unavailable", "copying rows was stopped", { cause });
    throw rowsFailure("reference rows", input.to.label, cause);
  } finally {
    input.signal.removeEventListener("abort", stop);
    await Promise.all(opened.map((client) => client.end()));
  }
}
