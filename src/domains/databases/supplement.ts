/**
 * What the comparison library does not see and PostgreSQL lets be changed in place:
 * settings of tables and columns (storage, compression, statistics, options, clustering,
 * defaults of views and of inheriting tables), extended statistics, unusable indexes of
 * partitioned tables, and the names of partitions' indexes.
 */
import pg from "pg";

import type { DeltaAction, RelationName } from "./delta-protocol.ts";
import {
  listPartitionedIndexes,
  listPartitionIndexes,
  listPresent,
  listSettings,
  listTables,
  type PartitionedIndex,
  type PartitionIndex,
  type Setting,
} from "./supplement-queries.ts";

export type SupplementScope = { schemas: readonly string[]; tables: readonly RelationName[] };

type Place = { schema: string; table: string };

/** Statements that follow those of the comparison; both sessions are only read. */
export async function supplementActions(
  desired: pg.ClientBase,
  actual: pg.ClientBase,
  scope: SupplementScope,
): Promise<DeltaAction[]> {
  const isInScope = ({ schema, table }: Place): boolean =>
    !scope.schemas.includes(schema) && !scope.tables.some((left) => left.schema === schema && left.name === table);
  const tables = new Set((await listTables(desired)).map(tableName));
  // What hangs on a table that only dev has is dev's own.
  const isCompared = (place: Place): boolean =>
    isInScope(place) && (place.table === "" || tables.has(tableName(place)));
  const unusable = (await listPartitionedIndexes(actual, { valid: false })).filter(isCompared);
  const usable = unusable.length === 0 ? [] : await listPartitionedIndexes(desired, { valid: true });
  const wanted = (await listSettings(desired)).filter(isInScope);
  const found = (await listSettings(actual)).filter(isCompared);
  const present = new Set(
    await listPresent(
      desired,
      found.map(({ object }) => object),
    ),
  );
  return [
    ...rebuildIndexes(usable, unusable),
    ...compareSettings(wanted, found, present),
    ...renameIndexes(await listPartitionIndexes(desired), (await listPartitionIndexes(actual)).filter(isCompared)),
  ];
}

/** `present`: the objects of dev that the desired state has; what is set on others goes with them. */
function compareSettings(
  wanted: readonly Setting[],
  found: readonly Setting[],
  present: ReadonlySet<string>,
): DeltaAction[] {
  const before = new Map(found.map((row) => [settingKey(row), row]));
  const after = new Map(wanted.map((row) => [settingKey(row), row]));
  const changed = wanted.filter((row) => {
    const now = before.get(settingKey(row));
    return now === undefined || (now.value !== row.value && now.context === row.context);
  });
  const left = found.filter((row) => {
    return !after.has(settingKey(row)) && (row.setting === "definition" || present.has(row.object));
  });
  const replaced = changed
    .filter(({ setting }) => setting === "definition")
    .flatMap((row) => before.get(settingKey(row)) ?? []);
  return [
    ...[...left, ...replaced].map((row) => settingAction(row, row.reset)),
    ...changed.map((row) => settingAction(row, row.apply)),
  ];
}

function settingKey({ kind, object, setting }: Setting): string {
  return JSON.stringify([kind, object, setting]);
}

function settingAction(row: Setting, sql: string): DeltaAction {
  const verb = sql.startsWith("DROP ") ? "drop" : sql.startsWith("CREATE ") ? "create" : "alter";
  return action({
    verb,
    kind: row.kind,
    object: row.object,
    place: row,
    sql,
    mayRewrite: row.setting === "access method",
  });
}

/** An index that was made for the partitioned table alone is made again with its partitions. */
function rebuildIndexes(usable: readonly PartitionedIndex[], unusable: readonly PartitionedIndex[]): DeltaAction[] {
  const definitions = new Map(usable.map(({ name, definition }) => [name, definition]));
  return unusable.flatMap((index) => {
    const definition = definitions.get(index.name);
    if (definition === undefined) return [];
    const object = index.name;
    return [
      action({ verb: "drop", kind: "index", object, place: index, sql: `DROP INDEX ${index.name}` }),
      action({ verb: "create", kind: "index", object, place: index, sql: definition }),
    ];
  });
}

/** PostgreSQL names the index of a partition itself when it makes one; prod's may have another name. */
function renameIndexes(wanted: readonly PartitionIndex[], found: readonly PartitionIndex[]): DeltaAction[] {
  const key = ({ schema, table, parentSchema, parent }: PartitionIndex): string =>
    JSON.stringify([schema, table, parentSchema, parent]);
  const names = new Map(wanted.map((row) => [key(row), row.name]));
  return found.flatMap((row) => {
    const name = names.get(key(row));
    if (name === undefined || name === row.name) return [];
    const index = `${pg.escapeIdentifier(row.schema)}.${pg.escapeIdentifier(row.name)}`;
    const sql = `ALTER INDEX ${index} RENAME TO ${pg.escapeIdentifier(name)}`;
    return [action({ verb: "alter", kind: "index", object: `${row.schema}.${row.name}`, place: row, sql })];
  });
}

function tableName({ schema, table }: Place): string {
  return `${pg.escapeIdentifier(schema)}.${pg.escapeIdentifier(table)}`;
}

function action(change: {
  verb: DeltaAction["verb"];
  kind: string;
  object: string;
  place: Place;
  sql: string;
  mayRewrite?: boolean;
}): DeltaAction {
  const { verb, kind, object, place, sql } = change;
  return {
    sql,
    verb,
    subject: { kind, object },
    destroys: verb === "drop" ? [{ kind, object }] : [],
    relations: place.table === "" ? [] : [{ schema: place.schema, name: place.table }],
    transaction: "inside",
    lock: kind === "statistics" ? "shareUpdateExclusive" : verb === "create" ? "share" : "accessExclusive",
    losesData: false,
    mayRewrite: change.mayRewrite ?? false,
    retype: null,
    endpoints: [],
  };
}
