/**
 * SQL of reference rows. Names come from the operator's databases and are always
 * quoted; the columns of our temporary tables are named by position, so that no
 * name of theirs meets one of ours.
 */
import pg from "pg";

import type { QualifiedName } from "#config/table-name.ts";

import type { Equality, ForeignKey, Sequence } from "./reference-table-queries.ts";
import type { CopyTable } from "./reference-tables.ts";
import { secretMarks, secretValuePattern } from "./secret-shapes.ts";

/** A temporary table of ours: what was copied, or is to be changed, of the n-th table. */
export type Stage = `leveredge_${"rows" | "keys" | "changed"}_${number}`;

/** Count and content of rows, whatever their order. */
export type RowsDigest = { rows: number; digest: string };

const quote = pg.escapeIdentifier;

/** Settings that make text output and input of all types equal on both sides; `row_security` turns hidden rows into an error. */
export const plainTextSettings = {
  search_path: "pg_catalog",
  datestyle: "ISO, YMD",
  intervalstyle: "postgres",
  timezone: "UTC",
  extra_float_digits: "3",
  bytea_output: "hex",
  lc_monetary: "C",
  xmloption: "content",
  row_security: "off",
  idle_in_transaction_session_timeout: "0",
};

function qualified({ schema, name }: QualifiedName): string {
  return `${quote(schema)}.${quote(name)}`;
}

/** The rows of a table itself: those of its partitions, but not of tables that inherit from it. */
function rowsOf(table: QualifiedName & { isPartitioned: boolean }): string {
  return table.isPartitioned ? qualified(table) : `only ${qualified(table)}`;
}

function rowsOfTable({ name, isPartitioned }: CopyTable): string {
  return rowsOf({ ...name, isPartitioned });
}

function temporary(stage: Stage): string {
  return `pg_temp.${quote(stage)}`;
}

function listed(columns: readonly string[]): string {
  return columns.map(quote).join(", ");
}

function matches(pairs: readonly { left: string; right: string; equality: Equality }[]): string {
  return pairs
    .map(
      ({ left, right, equality }) =>
        `${left} operator(${quote(equality.operatorSchema)}.${equality.operator}) ${right}`,
    )
    .join(" and ");
}

/** `t` is the row of the table with the key of the row `alias`, whose columns are named by position. */
function sameKey(table: CopyTable, alias: string, positionOf: (column: string) => number): string {
  return matches(
    table.keys.map((key) => ({
      left: `t.${quote(key.column)}`,
      right: `${alias}.c${positionOf(key.column)}`,
      equality: key,
    })),
  );
}

function copiedPosition(table: CopyTable): (column: string) => number {
  return (column) => table.columns.indexOf(column);
}

function keyPosition(table: CopyTable): (column: string) => number {
  return (column) => table.keys.findIndex((key) => key.column === column);
}

/** All that follows in this session reads one state of the database. */
export async function beginSnapshot(client: pg.Client): Promise<void> {
  await client.query("begin isolation level repeatable read read only");
}

/** Also in a session that is otherwise read only: temporary tables are written in it. */
export async function beginWriting(client: pg.Client): Promise<void> {
  await client.query("begin read write");
}

export async function commit(client: pg.Client): Promise<void> {
  await client.query("commit");
}

export async function rollback(client: pg.Client): Promise<void> {
  await client.query("rollback");
}

/** `sha256` of each row's text, its first 128 bits summed: independent of order, equal on every server. */
export async function digestRows(client: pg.Client, table: CopyTable, only?: Stage): Promise<RowsDigest> {
  const restriction =
    only === undefined
      ? ""
      : `where exists (select from ${temporary(only)} k where ${sameKey(table, "k", keyPosition(table))})`;
  const { rows } = await client.query<{ rows: string; high: string | null; low: string | null }>(`
    select count(*)::text as rows,
           sum(('x' || substr(h, 1, 16))::bit(64)::bigint)::text as high,
           sum(('x' || substr(h, 17, 16))::bit(64)::bigint)::text as low
      from (
        select encode(sha256(convert_to(row(${table.columns.map((name) => `t.${quote(name)}`).join(", ")})::text, 'UTF8')), 'hex') as h
          from ${rowsOfTable(table)} t
        ${restriction}
        offset 0
      ) hashed`);
  const [row] = rows;
  return { rows: Number(row?.rows ?? 0), digest: `${row?.high ?? 0}:${row?.low ?? 0}` };
}

/** The columns in which a value has the shape of a secret. Marks are looked for first: they are cheap. */
export async function findSecretColumns(client: pg.Client, table: CopyTable): Promise<string[]> {
  if (table.searched.length === 0) return [];
  const tests = table.searched.map((column, place) => {
    const value = searchedText(column);
    return `case when bool_or(case when ${value} like any ($1) then ${value} ~ $2 end) then ${place} end`;
  });
  const { rows } = await client.query<{ places: number[] }>(
    `select array_remove(array[${tests.join(", ")}]::int[], null) as places from ${rowsOfTable(table)} t`,
    [secretMarks.map((mark) => `%${mark.replaceAll("_", "\\_")}%`), secretValuePattern],
  );
  const places = rows[0]?.places ?? [];
  return table.searched.filter((_, place) => places.includes(place)).map(({ column }) => column);
}

/** Bytes as the text they may be; in a collation that patterns can be matched in. */
function searchedText({ column, type }: { column: string; type: string }): string {
  const text = type === "bytea" ? `encode(t.${quote(column)}, 'escape')` : `t.${quote(column)}::text`;
  return `(${text} collate "C")`;
}

/** `copy … to stdout` of what is searched for secrets. */
export function copySearchedOut(table: CopyTable): string {
  return `copy (select ${listed(table.searched.map(({ column }) => column))} from ${rowsOfTable(table)}) to stdout`;
}

/** `copy … to stdout` of the copied columns: of a plain table without the cost of a query. */
export function copyRowsOut(table: CopyTable): string {
  const columns = listed(table.columns);
  return table.isPartitioned
    ? `copy (select ${columns} from ${qualified(table.name)}) to stdout`
    : `copy ${qualified(table.name)} (${columns}) to stdout`;
}

/** `copy … to stdout` of the key alone. */
export function copyKeysOut(table: CopyTable): string {
  return `copy (select ${listed(table.keys.map(({ column }) => column))} from ${rowsOfTable(table)}) to stdout`;
}

/** `copy … from stdin` straight into the table. */
export function copyRowsIn(table: CopyTable): string {
  return `copy ${qualified(table.name)} (${listed(table.columns)}) from stdin`;
}

export function copyStageIn(stage: Stage): string {
  return `copy ${temporary(stage)} from stdin`;
}

/** An empty temporary table with the types of these columns, named by position; it goes with the transaction. */
export async function createStage(
  client: pg.Client,
  stage: Stage,
  table: CopyTable,
  columns: readonly string[],
): Promise<void> {
  const named = columns.map((name, place) => `t.${quote(name)} as c${place}`).join(", ");
  await client.query(
    `create temporary table ${quote(stage)} on commit drop as select ${named} from ${rowsOfTable(table)} t where false`,
  );
}

export async function analyzeStage(client: pg.Client, stage: Stage): Promise<void> {
  await client.query(`analyze ${temporary(stage)}`);
}

/** Nobody else writes to the tables until the transaction ends; readers go on. */
export async function lockTables(client: pg.Client, tables: readonly CopyTable[]): Promise<void> {
  const names = tables.map(rowsOfTable).toSorted();
  await client.query(`lock table ${names.join(", ")} in share row exclusive mode`);
}

/** Foreign keys unchecked and triggers at rest for this transaction. */
export async function actAsReplica(client: pg.Client): Promise<void> {
  await client.query("set local session_replication_role = replica");
}

export async function deferConstraints(client: pg.Client): Promise<void> {
  await client.query("set constraints all deferred");
}

/** Expressions of the tables' own (checks, indexes) find the functions they find in ordinary sessions. */
export async function useOrdinarySearchPath(client: pg.Client): Promise<void> {
  await client.query("select set_config('search_path', reset_val, true) from pg_settings where name = 'search_path'");
}

export async function isEmpty(client: pg.Client, table: CopyTable): Promise<boolean> {
  const { rows } = await client.query<{ empty: boolean }>(
    `select not exists (select from ${rowsOfTable(table)}) as empty`,
  );
  return rows[0]?.empty === true;
}

/** Collects new and changed rows; the bytes are compared, so that types without an equality are compared too. */
export async function createChanges(client: pg.Client, changed: Stage, staged: Stage, table: CopyTable): Promise<void> {
  const staging = table.columns.map((_, place) => `s.c${place}`).join(", ");
  const kept = table.omitted.map((name, place) => `, t.${quote(name)} as o${place}`).join("");
  const current = table.columns.map((name) => `t.${quote(name)}`).join(", ");
  const [firstKey] = table.keys;
  const isNew = `t.${quote(firstKey?.column ?? "")} is null`;
  await client.query(`
    create temporary table ${quote(changed)} on commit drop as
    select ${staging}${kept}, ${isNew} as is_new
      from ${temporary(staged)} s
      left join ${rowsOfTable(table)} t on ${sameKey(table, "s", copiedPosition(table))}
     where ${isNew} or row(${staging})::record operator(pg_catalog.*<>) row(${current})::record`);
}

export async function deleteMissingRows(client: pg.Client, staged: Stage, table: CopyTable): Promise<number> {
  return affected(
    await client.query(`
      delete from ${rowsOfTable(table)} t
       where not exists (select from ${temporary(staged)} s where ${sameKey(table, "s", copiedPosition(table))})`),
  );
}

/** Writes changed rows in place; for sessions in which a DELETE would set foreign keys in motion. */
export async function updateChangedRows(client: pg.Client, changed: Stage, table: CopyTable): Promise<number> {
  const position = copiedPosition(table);
  const settable = table.columns.filter((name) => !table.fixed.includes(name));
  if (settable.length === 0) return 0;
  const assignments = settable.map((name) => `${quote(name)} = c.c${position(name)}`).join(", ");
  return affected(
    await client.query(`
      update ${rowsOfTable(table)} t
         set ${assignments}
        from ${temporary(changed)} c
       where not c.is_new and ${sameKey(table, "c", position)}`),
  );
}

/** Replaces changed rows, so that two rows may exchange a unique value; only where triggers are at rest. */
export async function replaceChangedRows(client: pg.Client, changed: Stage, table: CopyTable): Promise<number> {
  const position = copiedPosition(table);
  await client.query(`
    delete from ${rowsOfTable(table)} t
     using ${temporary(changed)} c
     where not c.is_new and ${sameKey(table, "c", position)}`);
  const columns = listed([...table.columns, ...table.omitted]);
  const values = [...table.columns.map((_, place) => `c${place}`), ...table.omitted.map((_, place) => `o${place}`)];
  return affected(
    await client.query(`
      insert into ${qualified(table.name)} (${columns}) overriding system value
      select ${values.join(", ")} from ${temporary(changed)} where not is_new`),
  );
}

/** Omitted columns get their default. */
export async function insertNewRows(client: pg.Client, changed: Stage, table: CopyTable): Promise<number> {
  const values = table.columns.map((_, place) => `c${place}`).join(", ");
  return affected(
    await client.query(`
      insert into ${qualified(table.name)} (${listed(table.columns)}) overriding system value
      select ${values} from ${temporary(changed)} where is_new`),
  );
}

/** How many rows of the key's table refer to rows of `table` that `deleteMissingRows` would take away. */
export async function countRowsInTheWay(
  client: pg.Client,
  key: ForeignKey,
  staged: Stage,
  table: CopyTable,
): Promise<number> {
  return count(
    client,
    `select count(*)::text as count
       from ${rowsOf(key.from)} f
       join ${rowsOfTable(table)} t on ${referring(key, "t")}
      where not exists (select from ${temporary(staged)} s where ${sameKey(table, "s", copiedPosition(table))})`,
  );
}

/** How many rows break a foreign key. */
export async function countOrphans(client: pg.Client, key: ForeignKey): Promise<number> {
  const columns = key.columns.map(({ column }) => `f.${quote(column)}`);
  const isComplete = columns.map((column) => `${column} is not null`).join(" and ");
  const isPartial = `num_nonnulls(${columns.join(", ")}) between 1 and ${columns.length - 1}`;
  return count(
    client,
    `select count(*)::text as count
       from ${rowsOf(key.from)} f
      where (${isComplete} and not exists (select from ${rowsOf(key.to)} t where ${referring(key, "t")}))
            ${key.isMatchFull ? `or ${isPartial}` : ""}`,
  );
}

function referring(key: ForeignKey, alias: string): string {
  return matches(
    key.columns.map((pair) => ({
      left: `${alias}.${quote(pair.referred)}`,
      right: `f.${quote(pair.column)}`,
      equality: pair,
    })),
  );
}

/** Moves the sequence past the highest value of its column; it never goes back. */
export async function advanceSequence(client: pg.Client, sequence: Sequence, table: CopyTable): Promise<void> {
  await client.query(
    `
    select setval($1::oid::regclass, used.value)
      from pg_sequence q,
           ${qualified(sequence)} s,
           lateral (
             select (case when q.seqincrement > 0 then max(t.${quote(sequence.column)}) else min(t.${quote(sequence.column)}) end)::bigint as value
               from ${rowsOfTable(table)} t
           ) used
     where q.seqrelid = $1::oid
       and used.value between q.seqmin and q.seqmax
       and (used.value - s.last_value) * sign(q.seqincrement) >= (case when s.is_called then 1 else 0 end)`,
    [sequence.oid],
  );
}

async function count(client: pg.Client, query: string): Promise<number> {
  const { rows } = await client.query<{ count: string }>(query);
  return Number(rows[0]?.count ?? 0);
}

function affected(result: pg.QueryResult): number {
  return result.rowCount ?? 0;
}
