/**
 * Queries. A query is SQL written with Kysely's `sql` tag; rows come back in
 * camelCase, instants as ISO strings, `int8` as a safe integer, and are parsed
 * by the noun's Zod schema, so that a drifted column fails at the query.
 */
import {
  CamelCasePlugin,
  Kysely,
  PostgresDialect,
  type PostgresPool,
  type PostgresPoolClient,
  type RawBuilder,
  type Transaction,
} from "kysely";
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

/** From this use on PostgreSQL plans a text once per connection and not each time. */
const preparedFromUse = 10;
const mostTexts = 1_000;

export function openDatabase(pool: pg.Pool): Kysely<Tables> {
  return new Kysely<Tables>({
    dialect: new PostgresDialect({ pool: prepareOften(pool) }),
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

/** The pool, with the texts that come often as prepared statements. Values are parameters: there are few texts. */
function prepareOften(pool: pg.Pool): PostgresPool {
  const texts = new Map<string, { name: string; uses: number }>();
  const countUse = (text: string): string | undefined => {
    if (texts.size >= mostTexts && !texts.has(text)) return undefined;
    const seen = texts.get(text) ?? { name: `store_${texts.size}`, uses: 0 };
    texts.set(text, { ...seen, uses: seen.uses + 1 });
    return seen.uses + 1 >= preparedFromUse ? seen.name : undefined;
  };
  // One for each connection: what Kysely knows of a connection hangs on it.
  const clients = new WeakMap<pg.PoolClient, PostgresPoolClient>();
  return {
    options: pool.options,
    connect: async () => {
      const client = await pool.connect();
      const known = clients.get(client) ?? wrapClient(client, countUse);
      clients.set(client, known);
      return known;
    },
    end: () => pool.end(),
  };
}

function wrapClient(client: pg.PoolClient, countUse: (text: string) => string | undefined): PostgresPoolClient {
  const query = (text: string, values: readonly unknown[] = []): Promise<pg.QueryResult> => {
    // Without parameters it may be several statements, which cannot be prepared.
    const name = values.length === 0 ? undefined : countUse(text);
    return client.query({ text, values: [...values], ...(name === undefined ? {} : { name }) });
  };
  return {
    // The other form of a query has a cursor, which only a dialect that is given one makes.
    query: query as unknown as PostgresPoolClient["query"],
    release: (destroy) => client.release(destroy),
  };
}

function parseSafeInteger(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new AppError("internal", `integer ${text} is too large`);
  return value;
}

function toIso(text: string): string {
  return new Date(text.replace(" ", "T").replace(/([+-]\d\d)$/, "$1:00")).toISOString();
}
