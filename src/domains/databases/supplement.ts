/**
 * What the comparison library does not see and PostgreSQL lets be changed in place:
 * how a column is stored, compressed and sampled, the index a table is clustered on,
 * extended statistics, unusable indexes of partitioned tables, and the names of
 * partitions' indexes.
 */
import pg from "pg";

import type { DeltaAction, RelationName } from "./delta-protocol.ts";
import {
  type ColumnRow,
  listClustered,
  listColumnSettings,
  listPartitionedIndexes,
  listPartitionIndexes,
  listStatistics,
  listTables,
  type NamedRow,
  type PartitionIndexRow,
} from "./supplement-queries.ts";

export type SupplementScope = {
  schemas: readonly string[];
  tables: readonly RelationName[];
};

/** Statements that follow those of the comparison; both sessions are only read. */
export async function supplementActions(
  desired: pg.ClientBase,
  actual: pg.ClientBase,
  scope: SupplementScope,
): Promise<DeltaAction[]> {
  const isInScope = ({ schema, table }: { schema: string; table: string }): boolean =>
    !scope.schemas.includes(schema) && !scope.tables.some((left) => left.schema === schema && left.name === table);
  const tables = new Set((await listTables(desired)).map(tableName));
  // What hangs on a table that only dev has is dev's own.
  const isCompared = (row: { schema: string; table: string }): boolean => isInScope(row) && tables.has(tableName(row));
  const onDev = (await listColumnSettings(actual, [])).filter(isCompared);
  const wantedColumns = (await listColumnSettings(desired, onDev)).filter(isInScope);
  const unusable = (await listPartitionedIndexes(actual, { valid: false })).filter(isCompared);
  const actions = [
    ...compareColumns(wantedColumns, onDev),
    ...compareNamed(
      (await listStatistics(desired)).filter(isInScope),
      (await listStatistics(actual)).filter(isCompared),
      statisticsWords,
    ),
    ...compareClustered((await listClustered(desired)).filter(isInScope), (await listClustered(actual)).filter(isCompared)),
    ...compareNamed(
      unusable.length === 0 ? [] : sharedWith(await listPartitionedIndexes(desired, { valid: true }), unusable),
      unusable.map((row) => ({ ...row, definition: "unusable" })),
      indexWords,
    ),
    ...renameIndexes(await listPartitionIndexes(desired), (await listPartitionIndexes(actual)).filter(isCompared)),
  ];
  return actions;
}

function compareColumns(wanted: readonly ColumnRow[], found: readonly ColumnRow[]): DeltaAction[] {
  const byName = new Map(found.map((row) => [columnKey(row), row]));
  return wanted.flatMap((row) => {
    const now = byName.get(columnKey(row)) ?? { storage: row.defaultStorage, compression: "default", statistics: -1 };
    const changes = [
      row.storage === now.storage ? [] : [`SET STORAGE ${row.storage}`],
      row.compression === now.compression ? [] : [`SET COMPRESSION ${row.compression}`],
      row.statistics === now.statistics ? [] : [`SET STATISTICS ${row.statistics}`],
    ].flat();
    return changes.map((change) =>
      action({
        verb: "alter",
        kind: "column",
        object: `${row.schema}.${row.table}.${row.column}`,
        table: row,
        sql: `ALTER TABLE ${tableName(row)} ALTER COLUMN ${pg.escapeIdentifier(row.column)} ${change}`,
      }),
    );
  });
}

function columnKey({ schema, table, column }: Pick<ColumnRow, "schema" | "table" | "column">): string {
  return JSON.stringify([schema, table, column]);
}

type NamedWords = { kind: string; drop: (name: string) => string; create: (definition: string) => string };

const statisticsWords: NamedWords = {
  kind: "statistics",
  drop: (name) => `DROP STATISTICS ${name}`,
  create: (definition) => definition,
};
const indexWords: NamedWords = {
  kind: "index",
  drop: (name) => `DROP INDEX ${name}`,
  create: (definition) => definition,
};

function compareNamed(wanted: readonly NamedRow[], found: readonly NamedRow[], words: NamedWords): DeltaAction[] {
  const before = new Map(found.map((row) => [row.name, row]));
  const after = new Map(wanted.map((row) => [row.name, row]));
  const dropped = found.filter((row) => after.get(row.name)?.definition !== row.definition);
  const created = wanted.filter((row) => before.get(row.name)?.definition !== row.definition);
  const { kind } = words;
  return [
    ...dropped.map((row) => action({ verb: "drop", kind, object: row.name, table: row, sql: words.drop(row.name) })),
    ...created.map((row) =>
      action({ verb: "create", kind, object: row.name, table: row, sql: words.create(row.definition) }),
    ),
  ];
}

function sharedWith(rows: readonly NamedRow[], others: readonly NamedRow[]): NamedRow[] {
  const names = new Set(others.map(({ name }) => name));
  return rows.filter(({ name }) => names.has(name));
}

function compareClustered(wanted: readonly NamedRow[], found: readonly NamedRow[]): DeltaAction[] {
  const key = ({ schema, table }: NamedRow): string => JSON.stringify([schema, table]);
  const before = new Map(found.map((row) => [key(row), row]));
  const after = new Map(wanted.map((row) => [key(row), row]));
  const change = (row: NamedRow, sql: string): DeltaAction =>
    action({ verb: "alter", kind: "table", object: `${row.schema}.${row.table}`, table: row, sql: `ALTER TABLE ${tableName(row)} ${sql}` });
  return [
    ...found.filter((row) => !after.has(key(row))).map((row) => change(row, "SET WITHOUT CLUSTER")),
    ...wanted.filter((row) => before.get(key(row))?.name !== row.name).map((row) => change(row, `CLUSTER ON ${row.name}`)),
  ];
}

/** PostgreSQL names the index of a partition itself when it makes one; prod's may have another name. */
function renameIndexes(wanted: readonly PartitionIndexRow[], found: readonly PartitionIndexRow[]): DeltaAction[] {
  const key = ({ schema, table, parentSchema, parent }: PartitionIndexRow): string =>
    JSON.stringify([schema, table, parentSchema, parent]);
  const names = new Map(wanted.map((row) => [key(row), row.name]));
  return found.flatMap((row) => {
    const name = names.get(key(row));
    if (name === undefined || name === row.name) return [];
    const index = `${pg.escapeIdentifier(row.schema)}.${pg.escapeIdentifier(row.name)}`;
    return [
      action({
        verb: "alter",
        kind: "index",
        object: `${row.schema}.${row.name}`,
        table: row,
        sql: `ALTER INDEX ${index} RENAME TO ${pg.escapeIdentifier(name)}`,
      }),
    ];
  });
}

function tableName({ schema, table }: { schema: string; table: string }): string {
  return `${pg.escapeIdentifier(schema)}.${pg.escapeIdentifier(table)}`;
}

function action(change: {
  verb: DeltaAction["verb"];
  kind: string;
  object: string;
  table: { schema: string; table: string };
  sql: string;
}): DeltaAction {
  const { verb, kind, object, table, sql } = change;
  return {
    sql,
    verb,
    subject: { kind, object },
    destroys: verb === "drop" ? [{ kind, object }] : [],
    relations: [{ schema: table.schema, name: table.table }],
    transaction: "inside",
    lock: verb === "alter" ? "accessExclusive" : kind === "index" ? "share" : "shareUpdateExclusive",
    losesData: false,
    mayRewrite: false,
    retype: null,
    endpoints: [],
  };
}
