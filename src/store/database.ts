/**
 * Queries. A query is SQL written with Kysely's `sql` tag; rows come back in
 * camelCase, instants as ISO strings, `int8` as a safe integer, and are parsed
 * by the noun's Zod schema, so that a drifted column fails at the query.
 */
import { CamelCasePlugin, Kysely, PostgresDialect, type RawBuilder, type Transaction } from "kysely";
import pg from "pg";
import type { z } from "zod";

import { AppError } from "#errors.ts";

/** Tables are not typed here: rows are typed by the schema each query names. */
type Tables = Record<string, Record<string, unknown>>;

/** The store, or a transaction on it: functions that take a `Db` work in both. */
export type Db = Kysely<Tables> | Transaction<Tables>;

const typeParsers = new Map<number, (text: string) => unknown>([
  [pg.types.builtins.INT8, parseSafeInteger],
  [pg.types.builtins.TIMESTAMPTZ, toIso],
]);

/** Parsers for `pg` connections of the store: applied once, here. */
export const storeTypes: pg.CustomTypesConfig = {
  getTypeParser: (oid, format) => typeParsers.get(oid) ?? pg.types.getTypeParser(oid, format),
};

export function openDatabase(pool: pg.Pool): Kysely<Tables> {
  return new Kysely<Tables>({
    dialect: new PostgresDialect({ pool }),
    plugins: [new CamelCasePlugin({ maintainNestedObjectKeys: true })],
  });
}

/** All rows, parsed. */
export async function many<T extends z.ZodType>(db: Db, shape: T, query: RawBuilder<unknown>): Promise<z.output<T>[]> {
  const { rows } = await query.execute(db);
  return rows.map((row) => shape.parse(row));
}

/** The one row or undefined; more than one is a bug. */
export async function maybe<T extends z.ZodType>(
  db: Db,
  shape: T,
  query: RawBuilder<unknown>,
): Promise<z.output<T> | undefined> {
  const rows = await many(db, shape, query);
  if (rows.length > 1) throw new AppError("internal", `a query for one row returned ${rows.length}`);
  return rows[0];
}

/** Exactly one row; none is a bug. */
export async function one<T extends z.ZodType>(db: Db, shape: T, query: RawBuilder<unknown>): Promise<z.output<T>> {
  const row = await maybe(db, shape, query);
  if (row === undefined) throw new AppError("internal", "a query for one row returned none");
  return row;
}

/** The number of rows changed. */
export async function run(db: Db, query: RawBuilder<unknown>): Promise<number> {
  const { numAffectedRows } = await query.execute(db);
  return Number(numAffectedRows ?? 0n);
}

/** Commits when `work` resolves, rolls back when it throws. No nesting; nothing outside the database inside. */
export function transaction<T>(db: Db, work: (tx: Db) => Promise<T>): Promise<T> {
  return db.transaction().execute(work);
}

function parseSafeInteger(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new AppError("internal", `integer ${text} is too large`);
  return value;
}

function toIso(text: string): string {
  return new Date(text.replace(" ", "T").replace(/([+-]\d\d)$/, "$1:00")).toISOString();
}
