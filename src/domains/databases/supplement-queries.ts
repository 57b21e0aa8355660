/** SQL of what the comparison library does not look at: how columns are stored, statistics, clustering, indexes of partitions. */
import type pg from "pg";
import { z } from "zod";

const ColumnRow = z.object({
  schema: z.string(),
  table: z.string(),
  column: z.string(),
  storage: z.string(),
  defaultStorage: z.string(),
  compression: z.string(),
  statistics: z.int(),
});
export type ColumnRow = z.output<typeof ColumnRow>;

const NamedRow = z.object({ schema: z.string(), table: z.string(), name: z.string(), definition: z.string() });
/** An object that hangs on a table: its definition is what must be equal. */
export type NamedRow = z.output<typeof NamedRow>;

const PartitionIndexRow = z.object({
  schema: z.string(),
  table: z.string(),
  parentSchema: z.string(),
  parent: z.string(),
  name: z.string(),
});
export type PartitionIndexRow = z.output<typeof PartitionIndexRow>;

const userTables = `n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
  and not exists (select from pg_catalog.pg_depend e
                   where e.classid = 'pg_catalog.pg_class'::regclass and e.objid = c.oid and e.deptype = 'e')`;

export async function listTables(client: pg.ClientBase): Promise<{ schema: string; table: string }[]> {
  const { rows } = await client.query(
    `select n.nspname::text as schema, c.relname::text as table
       from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
      where c.relkind in ('r', 'p', 'm') and ${userTables}`,
  );
  return z.array(z.object({ schema: z.string(), table: z.string() })).parse(rows);
}

const storageWords = "case %s when 'p' then 'plain' when 'e' then 'external' when 'm' then 'main' else 'extended' end";

/** Columns that are not stored as their type is by default, and those that are asked about by name. */
export async function listColumnSettings(
  client: pg.ClientBase,
  asked: readonly Pick<ColumnRow, "schema" | "table" | "column">[],
): Promise<ColumnRow[]> {
  const { rows } = await client.query(
    `select n.nspname::text as schema, c.relname::text as table, a.attname::text as column,
            ${storageWords.replace("%s", "a.attstorage")} as storage,
            ${storageWords.replace("%s", "t.typstorage")} as "defaultStorage",
            case a.attcompression when 'p' then 'pglz' when 'l' then 'lz4' else 'default' end as compression,
            coalesce(a.attstattarget, -1)::int as statistics
       from pg_catalog.pg_attribute a
       join pg_catalog.pg_class c on c.oid = a.attrelid
       join pg_catalog.pg_namespace n on n.oid = c.relnamespace
       join pg_catalog.pg_type t on t.oid = a.atttypid
      where c.relkind in ('r', 'p', 'm') and a.attnum > 0 and not a.attisdropped and ${userTables}
        and (a.attstorage <> t.typstorage or a.attcompression <> '' or coalesce(a.attstattarget, -1) <> -1
          or (n.nspname::text, c.relname::text, a.attname::text) in (select * from unnest($1::text[], $2::text[], $3::text[])))`,
    [asked.map(({ schema }) => schema), asked.map(({ table }) => table), asked.map(({ column }) => column)],
  );
  return z.array(ColumnRow).parse(rows);
}

/** Extended statistics; the definition is the statement that makes them. */
export async function listStatistics(client: pg.ClientBase): Promise<NamedRow[]> {
  const { rows } = await client.query(
    `select n.nspname::text as schema, c.relname::text as table,
            pg_catalog.format('%I.%I', sn.nspname, s.stxname) as name,
            pg_catalog.pg_get_statisticsobjdef(s.oid) as definition
       from pg_catalog.pg_statistic_ext s
       join pg_catalog.pg_namespace sn on sn.oid = s.stxnamespace
       join pg_catalog.pg_class c on c.oid = s.stxrelid
       join pg_catalog.pg_namespace n on n.oid = c.relnamespace
      where ${userTables}`,
  );
  return z.array(NamedRow).parse(rows);
}

/** Tables that are clustered on an index; name and definition are the index. */
export async function listClustered(client: pg.ClientBase): Promise<NamedRow[]> {
  const { rows } = await client.query(
    `select n.nspname::text as schema, c.relname::text as table,
            pg_catalog.format('%I', ic.relname) as name, pg_catalog.format('%I', ic.relname) as definition
       from pg_catalog.pg_index i
       join pg_catalog.pg_class ic on ic.oid = i.indexrelid
       join pg_catalog.pg_class c on c.oid = i.indrelid
       join pg_catalog.pg_namespace n on n.oid = c.relnamespace
      where i.indisclustered and ${userTables}`,
  );
  return z.array(NamedRow).parse(rows);
}

/** Indexes of partitioned tables that are (un)usable and belong to no constraint. */
export async function listPartitionedIndexes(client: pg.ClientBase, state: { valid: boolean }): Promise<NamedRow[]> {
  const { rows } = await client.query(
    `select n.nspname::text as schema, c.relname::text as table,
            pg_catalog.format('%I.%I', xn.nspname, ic.relname) as name,
            pg_catalog.pg_get_indexdef(ic.oid) as definition
       from pg_catalog.pg_index i
       join pg_catalog.pg_class ic on ic.oid = i.indexrelid and ic.relkind = 'I'
       join pg_catalog.pg_namespace xn on xn.oid = ic.relnamespace
       join pg_catalog.pg_class c on c.oid = i.indrelid
       join pg_catalog.pg_namespace n on n.oid = c.relnamespace
      where i.indisvalid = $1 and ${userTables}
        and not exists (select from pg_catalog.pg_inherits h where h.inhrelid = ic.oid)
        and not exists (select from pg_catalog.pg_constraint k where k.conindid = ic.oid and k.contype in ('p', 'u', 'x'))`,
    [state.valid],
  );
  return z.array(NamedRow).parse(rows);
}

/** The index of each partition, by the index of the partitioned table that it is part of. */
export async function listPartitionIndexes(client: pg.ClientBase): Promise<PartitionIndexRow[]> {
  const { rows } = await client.query(
    `select n.nspname::text as schema, c.relname::text as table, pn.nspname::text as "parentSchema",
            pc.relname::text as parent, ic.relname::text as name
       from pg_catalog.pg_inherits h
       join pg_catalog.pg_class ic on ic.oid = h.inhrelid and ic.relkind in ('i', 'I')
       join pg_catalog.pg_class pc on pc.oid = h.inhparent
       join pg_catalog.pg_namespace pn on pn.oid = pc.relnamespace
       join pg_catalog.pg_index i on i.indexrelid = ic.oid
       join pg_catalog.pg_class c on c.oid = i.indrelid
       join pg_catalog.pg_namespace n on n.oid = c.relnamespace
      where ${userTables}`,
  );
  return z.array(PartitionIndexRow).parse(rows);
}
