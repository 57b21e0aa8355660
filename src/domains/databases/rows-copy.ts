/**
 * Copies reference rows between two open sessions, in one transaction of the
 * target. An empty table is filled directly; another gets its rows through a
 * temporary table, so that only what differs is written.
 */
import { pipeline } from "node:stream/promises";

import type pg from "pg";
import { from as copyFrom } from "pg-copy-streams";

import { formatTableName } from "#config/table-name.ts";

import type { ForeignKey } from "./reference-table-queries.ts";
import type { CopyTable, RowsRefusal } from "./reference-tables.ts";
import { brokenKeyFailure, rowsFailure } from "./rows-failure.ts";
import {
  actAsReplica,
  advanceSequence,
  analyzeStage,
  copyRowsIn,
  copyStageIn,
  countOrphans,
  countRowsInTheWay,
  createChanges,
  createStage,
  deferConstraints,
  deleteMissingRows,
  insertNewRows,
  isEmpty,
  lockTables,
  replaceChangedRows,
  type Stage,
  updateChangedRows,
  useOrdinarySearchPath,
} from "./rows-queries.ts";
import { readRows } from "./secret-search.ts";

/** `source` reads one snapshot; `target` is in a transaction. */
export type CopySessions = { source: pg.Client; target: pg.Client };

export type CopyContext = {
  /** How the target is named in messages. */
  side: string;
  actsAsReplica: boolean;
  progress: (text: string, done?: number, total?: number) => void;
};

export type CopiedTable = { table: string; inserted: number; updated: number; deleted: number };

/** How a table is brought up to date; `staged` holds the source's rows then. */
type Way = { table: CopyTable } & ({ kind: "fill" } | { kind: "merge"; staged: Stage; changed: Stage });

/**
 * Leaves the transaction open. The caller commits it, or rolls it back when a
 * column turned out to hold secrets while its rows were on their way.
 */
export async function copyTables(
  sessions: CopySessions,
  tables: readonly CopyTable[],
  context: CopyContext,
): Promise<{ copied: CopiedTable[]; refusals: RowsRefusal[] }> {
  const { target } = sessions;
  const refusals: RowsRefusal[] = [];
  await prepareTarget(target, tables, context);
  const ways: Way[] = [];
  for (const [place, table] of tables.entries()) {
    context.progress(`reading ${table.label}`, place, tables.length);
    ways.push(await guarded(table, context, () => chooseWay(sessions, table, place, refusals)));
  }
  const deleted = await deleteMissing(target, ways, context);
  const copied: CopiedTable[] = [];
  for (const [place, way] of ways.entries()) {
    context.progress(`writing ${way.table.label}`, place, tables.length);
    const written = await guarded(way.table, context, () => write(sessions, way, context, refusals));
    copied.push({ table: way.table.label, ...written, deleted: deleted.get(way.table.label) ?? 0 });
  }
  if (context.actsAsReplica) await proveForeignKeys(target, tables, copied, context);
  return { copied, refusals };
}

async function prepareTarget(target: pg.Client, tables: readonly CopyTable[], context: CopyContext): Promise<void> {
  try {
    await useOrdinarySearchPath(target);
    if (context.actsAsReplica) await actAsReplica(target);
    else await deferConstraints(target);
    await lockTables(target, tables);
  } catch (cause) {
    throw rowsFailure("reference tables", context.side, cause);
  }
}

async function chooseWay(
  sessions: CopySessions,
  table: CopyTable,
  place: number,
  refusals: RowsRefusal[],
): Promise<Way> {
  const { target } = sessions;
  if (await isEmpty(target, table)) return { table, kind: "fill" };
  const staged: Stage = `leveredge_rows_${place}`;
  await createStage(target, staged, table, table.columns);
  await streamRows(sessions, table, copyStageIn(staged), refusals);
  await analyzeStage(target, staged);
  return { table, kind: "merge", staged, changed: `leveredge_changed_${place}` };
}

/** Referring tables first, so that no row is deleted before the rows that refer to it. */
async function deleteMissing(
  target: pg.Client,
  ways: readonly Way[],
  context: CopyContext,
): Promise<Map<string, number>> {
  const listed = new Set(ways.map(({ table }) => table.label));
  const deleted = new Map<string, number>();
  for (const way of ways.toReversed()) {
    if (way.kind !== "merge" || !way.table.deletes) continue;
    const { table, staged } = way;
    await guarded(table, context, async () => {
      for (const key of table.referredBy.filter(({ from }) => !listed.has(formatTableName(from)))) {
        const rows = await countRowsInTheWay(target, key, staged, table);
        if (rows > 0) throw brokenKeyFailure(`rows of ${table.label}`, key.constraint, formatTableName(key.from), rows);
      }
      deleted.set(table.label, await deleteMissingRows(target, staged, table));
    });
  }
  return deleted;
}

async function write(
  sessions: CopySessions,
  way: Way,
  context: CopyContext,
  refusals: RowsRefusal[],
): Promise<{ inserted: number; updated: number }> {
  const { target } = sessions;
  const { table } = way;
  const written = { inserted: 0, updated: 0 };
  if (way.kind === "fill") {
    written.inserted = await streamRows(sessions, table, copyRowsIn(table), refusals);
  } else {
    await createChanges(target, way.changed, way.staged, table);
    const change = context.actsAsReplica ? replaceChangedRows : updateChangedRows;
    written.updated = await change(target, way.changed, table);
    written.inserted = await insertNewRows(target, way.changed, table);
  }
  for (const sequence of table.sequences) await advanceSequence(target, sequence, table);
  return written;
}

async function streamRows(
  { source, target }: CopySessions,
  table: CopyTable,
  into: string,
  refusals: RowsRefusal[],
): Promise<number> {
  const { rows, refuseSecrets } = readRows(source, table);
  const writing = target.query(copyFrom(into));
  await pipeline(rows, writing);
  refusals.push(...(await refuseSecrets()));
  return writing.rowCount;
}

/** As a replica nothing checks foreign keys: those that the new rows touch are proven to hold. */
async function proveForeignKeys(
  target: pg.Client,
  tables: readonly CopyTable[],
  copied: readonly CopiedTable[],
  context: CopyContext,
): Promise<void> {
  const touched = new Map<string, { table: CopyTable; key: ForeignKey }>();
  for (const table of tables) {
    const { inserted, updated, deleted } = copied.find((one) => one.table === table.label) ?? noRows;
    const outgoing = inserted + updated > 0 ? table.foreignKeys : [];
    const incoming = updated + deleted > 0 ? table.referredBy : [];
    for (const key of [...outgoing, ...incoming]) {
      if (key.isValidated) touched.set(`${formatTableName(key.from)} ${key.constraint}`, { table, key });
    }
  }
  for (const { table, key } of touched.values()) {
    await guarded(table, context, async () => {
      const rows = await countOrphans(target, key);
      if (rows > 0) throw brokenKeyFailure(`rows of ${table.label}`, key.constraint, formatTableName(key.from), rows);
    });
  }
}

const noRows = { inserted: 0, updated: 0, deleted: 0 };

async function guarded<T>(table: CopyTable, context: CopyContext, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw rowsFailure(`rows of ${table.label}`, context.side, cause);
  }
}
