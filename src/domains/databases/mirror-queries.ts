/** SQL of the mirror: what it asks both databases about, and the locks it holds. */
import pg from "pg";
import { z } from "zod";

import type { RelationName } from "./delta-protocol.ts";

const Names = z.array(z.object({ name: z.string() }));

/** What the role of a session may do on its server. */
const Ability = z.object({
  role: z.string(),
  superuser: z.boolean(),
  createDatabase: z.boolean(),
  createRole: z.boolean(),
});
export type Ability = z.output<typeof Ability>;

export async function findAbility(client: pg.ClientBase): Promise<Ability> {
  const { rows } = await client.query(
    `select rolname as role, rolsuper as superuser, rolcreatedb or rolsuper as "createDatabase",
            rolcreaterole or rolsuper as "createRole"
       from pg_catalog.pg_roles where rolname = current_user`,
  );
  return Ability.parse(rows[0]);
}

/** One mirror at a time writes a database; answers whether this session is the one. */
export async function tryMirrorLock(client: pg.ClientBase): Promise<boolean> {
  const { rows } = await client.query(
    "select pg_catalog.pg_try_advisory_lock(pg_catalog.hashtextextended('leveredge mirror', 0)) as locked",
  );
  return z.object({ locked: z.boolean() }).parse(rows[0]).locked;
}

/** The sequences that belong to columns of these tables. */
export async function listOwnedSequences(
  client: pg.ClientBase,
  tables: readonly RelationName[],
): Promise<RelationName[]> {
  const { rows } = await client.query(
    `select n.nspname::text as schema, s.relname::text as name
       from unnest($1::text[], $2::text[]) as wanted (schema, name)
       join pg_catalog.pg_namespace tn on tn.nspname = wanted.schema
       join pg_catalog.pg_class t on t.relnamespace = tn.oid and t.relname = wanted.name
       join pg_catalog.pg_depend d on d.refclassid = 'pg_catalog.pg_class'::regclass and d.refobjid = t.oid
        and d.classid = 'pg_catalog.pg_class'::regclass and d.deptype in ('a', 'i')
       join pg_catalog.pg_class s on s.oid = d.objid and s.relkind = 'S'
       join pg_catalog.pg_namespace n on n.oid = s.relnamespace
      order by 1, 2`,
    [tables.map((table) => table.schema), tables.map((table) => table.name)],
  );
  return z.array(z.object({ schema: z.string(), name: z.string() })).parse(rows);
}

const AskedRow = z.object({ index: z.int(), assumed: z.boolean() });

/** The tables that hold at least one row, of those asked about; the estimate is enough, and hidden rows count. */
export async function listPopulated(
  client: pg.ClientBase,
  relations: readonly RelationName[],
): Promise<RelationName[]> {
  const { rows } = await client.query(
    `select asked.index::int - 1 as index,
            c.reltuples > 0 or pg_catalog.row_security_active(c.oid)
              or not pg_catalog.has_table_privilege(c.oid, 'select') as assumed
       from unnest($1::text[], $2::text[]) with ordinality as asked (schema, name, index)
       join pg_catalog.pg_namespace n on n.nspname = asked.schema
       join pg_catalog.pg_class c on c.relnamespace = n.oid and c.relname = asked.name
      where c.relkind in ('r', 'p') or (c.relkind = 'm' and c.relispopulated)`,
    [relations.map(({ schema }) => schema), relations.map(({ name }) => name)],
  );
  const found = z.array(AskedRow).parse(rows);
  const pick = (wanted: boolean): RelationName[] =>
    found.flatMap(({ index, assumed }) => (assumed === wanted ? (relations[index] ?? []) : []));
  return [...pick(true), ...(await listFilled(client, pick(false)))];
}

async function listFilled(client: pg.ClientBase, relations: readonly RelationName[]): Promise<RelationName[]> {
  if (relations.length === 0) return [];
  const probes = relations.map(({ schema, name }, index) => {
    const relation = `${pg.escapeIdentifier(schema)}.${pg.escapeIdentifier(name)}`;
    return `select ${index} as index where exists (select from ${relation})`;
  });
  const { rows } = await client.query(probes.join("\nunion all\n"));
  return rows.flatMap((row) => relations[z.object({ index: z.int() }).parse(row).index] ?? []);
}

/** Where the sequences stand, by the quoted names they were asked by. */
export async function listLastValues(
  client: pg.ClientBase,
  sequences: readonly string[],
): Promise<Map<string, bigint>> {
  const { rows } = await client.query(
    `select asked.name, coalesce(s.last_value, s.start_value)::text as value
       from pg_catalog.unnest($1::text[]) as asked (name)
       join pg_catalog.pg_sequences s
         on pg_catalog.format('%I.%I', s.schemaname, s.sequencename)::regclass = pg_catalog.to_regclass(asked.name)`,
    [sequences],
  );
  const parsed = z.array(z.object({ name: z.string(), value: z.string() })).parse(rows);
  return new Map(parsed.map(({ name, value }) => [name, BigInt(value)]));
}

const stampedCatalogs = [
  "pg_aggregate",
  "pg_attrdef",
  "pg_attribute",
  "pg_cast",
  "pg_class",
  "pg_collation",
  "pg_constraint",
  "pg_default_acl",
  "pg_description",
  "pg_enum",
  "pg_event_trigger",
  "pg_extension",
  "pg_foreign_data_wrapper",
  "pg_foreign_server",
  "pg_foreign_table",
  "pg_index",
  "pg_inherits",
  "pg_namespace",
  "pg_operator",
  "pg_partitioned_table",
  "pg_policy",
  "pg_proc",
  "pg_publication",
  "pg_publication_namespace",
  "pg_publication_rel",
  "pg_range",
  "pg_rewrite",
  "pg_seclabel",
  "pg_sequence",
  "pg_statistic_ext",
  "pg_trigger",
  "pg_type",
];

/**
 * Changes whenever the catalogue is written; equal means that nothing was. It may
 * change for nothing (a temporary table), so a changed one is a question, no answer.
 */
export async function readCatalogStamp(client: pg.ClientBase): Promise<string> {
  const parts = stampedCatalogs.map(
    (name) =>
      `select '${name}' as name, count(*) as rows,
              coalesce(sum(pg_catalog.hashtextextended(t.xmin::text || t.ctid::text, 0)), 0) as hash
         from pg_catalog.${name} t`,
  );
  const { rows } = await client.query(
    `select pg_catalog.md5(pg_catalog.string_agg(name || ':' || rows || ':' || hash, ' ' order by name)) as stamp
       from (${parts.join("\nunion all\n")}) as catalogs`,
  );
  return z.object({ stamp: z.string() }).parse(rows[0]).stamp;
}

/** Whether the user made anything in the database besides what is left out. */
export async function isEmptyDatabase(
  client: pg.ClientBase,
  excluded: { schemas: readonly string[]; tables: readonly RelationName[] },
): Promise<boolean> {
  const { rows } = await client.query(
    `with outside as (
       select n.oid from pg_catalog.pg_namespace n
        where n.nspname ~ '^pg_' or n.nspname = 'information_schema' or n.nspname = any($1)
     ), left_out as (
       select c.oid from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
         join unnest($2::text[], $3::text[]) as t (schema, name) on t.schema = n.nspname and t.name = c.relname
     ), hanging as (
       select objid from pg_catalog.pg_depend
        where deptype = 'e'
           or (refclassid = 'pg_catalog.pg_class'::regclass and refobjid in (select oid from left_out))
     )
     select not exists (select from pg_catalog.pg_class c where c.relnamespace not in (select oid from outside)
                          and c.relkind <> 'i' and c.oid not in (select oid from left_out) and c.oid not in (select objid from hanging))
        and not exists (select from pg_catalog.pg_proc p where p.pronamespace not in (select oid from outside)
                          and p.oid not in (select objid from hanging))
        and not exists (select from pg_catalog.pg_type t where t.typnamespace not in (select oid from outside)
                          and t.typtype in ('e', 'd', 'r') and t.oid not in (select objid from hanging))
        and not exists (select from pg_catalog.pg_namespace n where n.oid not in (select oid from outside)
                          and n.nspname <> 'public' and n.oid not in (select objid from hanging))
        and not exists (select from pg_catalog.pg_event_trigger e where e.oid not in (select objid from hanging))
        and not exists (select from pg_catalog.pg_publication)
        and not exists (select from pg_catalog.pg_default_acl)
        and not exists (select from pg_catalog.pg_extension where extname <> 'plpgsql') as empty`,
    [excluded.schemas, excluded.tables.map(({ schema }) => schema), excluded.tables.map(({ name }) => name)],
  );
  return z.object({ empty: z.boolean() }).parse(rows[0]).empty;
}

/** Roles that objects of this database name: as owner, grantee, of a policy or of default privileges. */
export async function listReferencedRoles(client: pg.ClientBase): Promise<string[]> {
  const { rows } = await client.query(
    `select r.rolname::text as name from pg_catalog.pg_roles r
      where r.rolname !~ '^pg_' and (
            r.oid in (select s.refobjid from pg_catalog.pg_shdepend s join pg_catalog.pg_database d on d.oid = s.dbid
                       where d.datname = pg_catalog.current_database()
                         and s.refclassid = 'pg_catalog.pg_authid'::regclass)
         or exists (select from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
                     where c.relowner = r.oid and n.nspname !~ '^pg_' and n.nspname <> 'information_schema')
         or exists (select from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace
                     where p.proowner = r.oid and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'))
      order by 1`,
  );
  return Names.parse(rows).map(({ name }) => name);
}

export async function listRoles(client: pg.ClientBase): Promise<string[]> {
  const { rows } = await client.query("select rolname::text as name from pg_catalog.pg_roles order by 1");
  return Names.parse(rows).map(({ name }) => name);
}

export async function listExtensions(client: pg.ClientBase): Promise<string[]> {
  const { rows } = await client.query("select extname::text as name from pg_catalog.pg_extension order by 1");
  return Names.parse(rows).map(({ name }) => name);
}

export async function listAvailableExtensions(client: pg.ClientBase): Promise<string[]> {
  const { rows } = await client.query("select name::text as name from pg_catalog.pg_available_extensions order by 1");
  return Names.parse(rows).map(({ name }) => name);
}

/** Whether an index of that quoted name is there and unusable, as a broken concurrent build leaves it. */
export async function isInvalidIndex(client: pg.ClientBase, index: string): Promise<boolean> {
  const { rows } = await client.query(
    "select true as found from pg_catalog.pg_index where indexrelid = pg_catalog.to_regclass($1) and not indisvalid",
    [index],
  );
  return rows.length > 0;
}

/** Whether both sessions are in one database, however it is reached: each sees the other's lock. */
export async function sharesLocks(left: pg.ClientBase, right: pg.ClientBase): Promise<boolean> {
  await left.query("begin");
  try {
    const { rows } = await left.query(
      `select key::text as key, pg_catalog.pg_advisory_xact_lock(key)
         from (select (pg_catalog.random() * 1e15)::bigint as key) as random`,
    );
    const { key } = z.object({ key: z.string() }).parse(rows[0]);
    const seen = await right.query(
      `select from pg_catalog.pg_locks l join pg_catalog.pg_database d on d.oid = l.database
        where l.locktype = 'advisory' and d.datname = pg_catalog.current_database() and l.objsubid = 1
          and ((l.classid::bigint << 32) | l.objid::bigint) = $1::bigint`,
      [key],
    );
    return seen.rows.length > 0;
  } finally {
    await left.query("rollback");
  }
}

/** Whether the database holds what is bound to its environment: a dump would copy prod's addresses. */
export async function hasForeignServers(client: pg.ClientBase): Promise<boolean> {
  const { rows } = await client.query("select exists (select from pg_catalog.pg_foreign_server) as found");
  return z.object({ found: z.boolean() }).parse(rows[0]).found;
}
