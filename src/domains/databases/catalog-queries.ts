/**
 * How the catalogue is read: one snapshot, settings that make deparsed text the
 * same on every server, and the part of the SQL that says what is in scope.
 */
import type pg from "pg";

import { AppError } from "#errors.ts";

/** One statement for every object of a kind. Its columns are those of `CatalogRow`. */
export type CatalogQuery = {
  /** For people, when a statement fails: `columns`. */
  name: string;
  /** Continues `with recursive` of the scope: with a statement, or with a comma and more of its kind. */
  text: (serverVersion: number) => string;
  /** Asked only where this table is there. */
  needs?: { schema: string; table: string };
};

/** What a statement does not select has the default of `CatalogObject`. */
export type CatalogRow = {
  kind: string;
  identity: string;
  /** `pg_class:16384` or `pg_class:16384:2`: what other rows call it as their parent. */
  address?: string;
  parents?: string[];
  whole?: boolean;
  /** The identity continues that of the first parent. */
  namedAfterParent?: boolean;
  definition?: string;
  context?: string | null;
};

export type LeftOut = { schemas: string[]; relations: string[] };

/**
 * What every catalogue query may start from. $1: schemas left out, $2: relations
 * left out. An index, a rule or a trigger is no member of its extension by
 * itself: it is in scope when its table is.
 */
const scope = `
own_schema as (
  select n.oid, n.nspname, n.nspowner, n.nspacl
  from pg_namespace n
  where n.nspname !~ '^pg_' and n.nspname <> 'information_schema' and n.nspname <> all ($1::text[])
),
relation as (
  select c.oid, c.relname, c.relkind, c.relowner, c.relacl, n.oid as schema_oid, n.nspname,
    format('%I.%I', n.nspname, c.relname) as identity
  from pg_class c
  join own_schema n on n.oid = c.relnamespace
  where c.relkind in ('r', 'p', 'v', 'm', 'f', 'S', 'c')
    and c.relpersistence <> 't'
    and c.oid <> all ($2::oid[])
    and not ${isMember("pg_class", "c.oid")}
)`;

/** Names appear qualified, constants in one notation; the planner must not compile or fan out for catalogue reads. */
const settings = [
  "search_path = pg_catalog",
  "timezone = 'UTC'",
  "datestyle = 'ISO, MDY'",
  "intervalstyle = 'postgres'",
  "extra_float_digits = 3",
  "bytea_output = 'hex'",
  "lc_monetary = 'C'",
  "xmloption = 'content'",
  "standard_conforming_strings = on",
  "quote_all_identifiers = off",
  // A migration that holds a table is waited for, not forever.
  "lock_timeout = '30s'",
  "jit = off",
  "max_parallel_workers_per_gather = 0",
];

/** SQL for an array of `name=value` in an order that does not depend on who wrote it. */
export function sortedOptions(options: string): string {
  return `case when ${options} is not null then (
    select jsonb_agg(o order by o collate "C") from unnest(${options}) as o
  ) end`;
}

/** The same with values nobody can read: they may be passwords. */
export function hashedOptions(options: string): string {
  return `case when ${options} is not null then (
    select jsonb_object_agg(split_part(o, '=', 1), encode(sha256(convert_to(o, 'UTF8')), 'hex'))
    from unnest(${options}) as o
  ) end`;
}

/** SQL: this object came with an extension. Written so that an index answers, however many members there are. */
export function isMember(catalog: string, oid: string): string {
  return isMemberOf(`'${catalog}'::regclass`, oid);
}

/** The same where the catalogue is an expression too. */
export function isMemberOf(catalog: string, oid: string): string {
  return `exists (select from pg_depend came where came.classid = ${catalog} and came.objid = ${oid} and came.deptype = 'e')`;
}

export async function findServerVersion(client: pg.ClientBase): Promise<number> {
  const { rows } = await client.query<{ version: number }>(
    "select pg_catalog.current_setting('server_version_num')::pg_catalog.int4 as version",
  );
  return rows[0]?.version ?? 0;
}

export async function beginSnapshot(client: pg.ClientBase): Promise<void> {
  await client.query("begin transaction isolation level repeatable read read only");
  await client.query(settings.map((setting) => `set local ${setting}`).join("; "));
}

export async function endSnapshot(client: pg.ClientBase): Promise<void> {
  await client.query("rollback");
}

/** `absent`, `readable` or `denied`. */
export async function findTableAccess(
  client: pg.ClientBase,
  name: { schema: string; table: string },
): Promise<"absent" | "readable" | "denied"> {
  const { rows } = await client.query<{ readable: boolean }>(
    `select has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, 'select') as readable
    from pg_namespace n
    join pg_class c on c.relnamespace = n.oid
    where n.nspname = $1 and c.relname = $2`,
    [name.schema, name.table],
  );
  if (rows[0] === undefined) return "absent";
  return rows[0].readable ? "readable" : "denied";
}

/** The tables, and the sequences that belong to their columns. A table that is not there is no fault. */
export async function listLeftOutRelations(
  client: pg.ClientBase,
  tables: readonly { schema: string; name: string }[],
): Promise<string[]> {
  const { rows } = await client.query<{ oid: string }>(
    `with named as (
      select c.oid
      from unnest($1::text[], $2::text[]) as t (schema, name)
      join pg_namespace n on n.nspname = t.schema
      join pg_class c on c.relnamespace = n.oid and c.relname = t.name
    )
    select oid::text from named
    union all
    select d.objid::text
    from named
    join pg_depend d on d.refclassid = 'pg_class'::regclass and d.refobjid = named.oid
    join pg_class s on d.classid = 'pg_class'::regclass and s.oid = d.objid and s.relkind = 'S'
    where d.deptype in ('a', 'i')`,
    [tables.map((table) => table.schema), tables.map((table) => table.name)],
  );
  return rows.map((row) => row.oid);
}

export async function listCatalogRows(
  client: pg.ClientBase,
  query: CatalogQuery,
  serverVersion: number,
  leftOut: LeftOut,
): Promise<CatalogRow[]> {
  try {
    const { rows } = await client.query<CatalogRow>(`with recursive ${scope}${query.text(serverVersion)}`, [
      leftOut.schemas,
      leftOut.relations,
    ]);
    return rows;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new AppError("upstream_failed", `cannot read the ${query.name} of the catalogue: ${reason}`, {
      hint: "Run it again when no migration is running on that database.",
      cause,
    });
  }
}
