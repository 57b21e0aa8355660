/** SQL of what the comparison library does not look at: settings of tables and columns, and indexes of partitions. */
import type pg from "pg";
import { z } from "zod";

const Setting = z.object({
  /** The table it hangs on; of a function, its schema and nothing. */
  schema: z.string(),
  table: z.string(),
  kind: z.string(),
  /** The object in SQL's words, and which of its settings this is: unique together with `kind`. */
  object: z.string(),
  setting: z.string(),
  value: z.string(),
  /** What the value follows when it is not set: differs only while another statement will change it. */
  context: z.string(),
  /** The statement that makes it so, and the one that returns to what holds without it. */
  apply: z.string(),
  reset: z.string(),
});
/** One setting that is not as it would be by default. */
export type Setting = z.output<typeof Setting>;

const PartitionedIndex = z.object({ schema: z.string(), table: z.string(), name: z.string(), definition: z.string() });
export type PartitionedIndex = z.output<typeof PartitionedIndex>;

const PartitionIndex = z.object({
  schema: z.string(),
  table: z.string(),
  parentSchema: z.string(),
  parent: z.string(),
  name: z.string(),
});
export type PartitionIndex = z.output<typeof PartitionIndex>;

const userTables = `n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
  and not exists (select from pg_catalog.pg_depend e
                   where e.classid = 'pg_catalog.pg_class'::regclass and e.objid = c.oid and e.deptype = 'e')`;
const tableColumns = `pg_catalog.pg_attribute a
  join pg_catalog.pg_class c on c.oid = a.attrelid
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace`;
const columnName = "pg_catalog.format('%I.%I.%I', n.nspname, c.relname, a.attname)";
const tableName = "pg_catalog.format('%I.%I', n.nspname, c.relname)";
/** `ALTER TABLE schema.table`, with VIEW where it is one. */
const alter = `pg_catalog.format('ALTER %s %I.%I', case c.relkind when 'v' then 'VIEW' when 'm' then 'MATERIALIZED VIEW' else 'TABLE' end, n.nspname, c.relname)`;
const alterColumn = `pg_catalog.format('%s ALTER COLUMN %I', ${alter}, a.attname)`;
const storageWord = (column: string): string =>
  `case ${column} when 'p' then 'plain' when 'e' then 'external' when 'm' then 'main' else 'extended' end`;

/** Each answers `schema, table, kind, object, setting, value, context, apply, reset`. */
const settingQueries = [
  `select n.nspname, c.relname, 'column', ${columnName}, 'storage', ${storageWord("a.attstorage")}, '',
          pg_catalog.format('%s SET STORAGE %s', ${alterColumn}, ${storageWord("a.attstorage")}),
          pg_catalog.format('%s SET STORAGE %s', ${alterColumn}, ${storageWord("t.typstorage")})
     from ${tableColumns} join pg_catalog.pg_type t on t.oid = a.atttypid
    where c.relkind in ('r', 'p', 'm') and a.attnum > 0 and not a.attisdropped and a.attstorage <> t.typstorage and ${userTables}`,
  `select n.nspname, c.relname, 'column', ${columnName}, 'compression', a.attcompression::text, '',
          pg_catalog.format('%s SET COMPRESSION %s', ${alterColumn}, case a.attcompression when 'l' then 'lz4' else 'pglz' end),
          pg_catalog.format('%s SET COMPRESSION default', ${alterColumn})
     from ${tableColumns}
    where c.relkind in ('r', 'p', 'm') and a.attnum > 0 and not a.attisdropped and a.attcompression <> '' and ${userTables}`,
  `select n.nspname, c.relname, 'column', ${columnName}, 'statistics', a.attstattarget::text, '',
          pg_catalog.format('%s SET STATISTICS %s', ${alterColumn}, a.attstattarget),
          pg_catalog.format('%s SET STATISTICS -1', ${alterColumn})
     from ${tableColumns}
    where c.relkind in ('r', 'p', 'm', 'f') and a.attnum > 0 and not a.attisdropped and a.attstattarget >= 0 and ${userTables}`,
  `select n.nspname, c.relname, 'index', pg_catalog.format('%I.%I.%I', n.nspname, i.relname, a.attname), 'statistics', a.attstattarget::text, '',
          pg_catalog.format('ALTER INDEX %I.%I ALTER COLUMN %s SET STATISTICS %s', n.nspname, i.relname, a.attnum, a.attstattarget),
          pg_catalog.format('ALTER INDEX %I.%I ALTER COLUMN %s SET STATISTICS -1', n.nspname, i.relname, a.attnum)
     from pg_catalog.pg_attribute a
     join pg_catalog.pg_class i on i.oid = a.attrelid and i.relkind in ('i', 'I')
     join pg_catalog.pg_index x on x.indexrelid = i.oid
     join pg_catalog.pg_class c on c.oid = x.indrelid
     join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where a.attstattarget >= 0 and ${userTables}`,
  `select n.nspname, c.relname, 'column', ${columnName}, 'option ' || o.option_name, o.option_value, '',
          pg_catalog.format('%s SET (%I = %L)', ${alterColumn}, o.option_name, o.option_value),
          pg_catalog.format('%s RESET (%I)', ${alterColumn}, o.option_name)
     from ${tableColumns} cross join lateral pg_catalog.pg_options_to_table(a.attoptions) o
    where a.attoptions is not null and not a.attisdropped and c.relkind in ('r', 'p', 'm', 'f') and ${userTables}`,
  `select n.nspname, c.relname, 'table', ${tableName}, 'toast option ' || o.option_name, o.option_value, '',
          pg_catalog.format('%s SET (toast.%I = %L)', ${alter}, o.option_name, o.option_value),
          pg_catalog.format('%s RESET (toast.%I)', ${alter}, o.option_name)
     from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
     join pg_catalog.pg_class toast on toast.oid = c.reltoastrelid
     cross join lateral pg_catalog.pg_options_to_table(toast.reloptions) o
    where toast.reloptions is not null and ${userTables}`,
  `select n.nspname, c.relname, 'table', ${tableName}, 'access method', am.amname, '',
          pg_catalog.format('%s SET ACCESS METHOD %I', ${alter}, am.amname),
          pg_catalog.format('%s SET ACCESS METHOD heap', ${alter})
     from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
     join pg_catalog.pg_am am on am.oid = c.relam
    where c.relkind in ('r', 'm') and am.amname <> 'heap' and ${userTables}`,
  `select n.nspname, c.relname, 'table', ${tableName}, 'type', pg_catalog.format_type(c.reloftype, null), '',
          pg_catalog.format('%s OF %s', ${alter}, pg_catalog.format_type(c.reloftype, null)),
          pg_catalog.format('%s NOT OF', ${alter})
     from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where c.reloftype <> 0 and ${userTables}`,
  `select n.nspname, c.relname, 'table', ${tableName}, 'clustered on', i.relname, '',
          pg_catalog.format('%s CLUSTER ON %I', ${alter}, i.relname),
          pg_catalog.format('%s SET WITHOUT CLUSTER', ${alter})
     from pg_catalog.pg_index x join pg_catalog.pg_class i on i.oid = x.indexrelid
     join pg_catalog.pg_class c on c.oid = x.indrelid join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where x.indisclustered and ${userTables}`,
  `select n.nspname, c.relname, 'column', ${columnName}, 'default', pg_catalog.pg_get_expr(d.adbin, d.adrelid), '',
          pg_catalog.format('%s SET DEFAULT %s', ${alterColumn}, pg_catalog.pg_get_expr(d.adbin, d.adrelid)),
          pg_catalog.format('%s DROP DEFAULT', ${alterColumn})
     from ${tableColumns} join pg_catalog.pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
    where c.relkind = 'v' and ${userTables}`,
  // A default that a child has instead of its parent's; what it inherits is the parent's statement.
  `select n.nspname, c.relname, 'column', ${columnName}, 'inherited default',
          coalesce(pg_catalog.pg_get_expr(own.adbin, own.adrelid), ''),
          coalesce(pg_catalog.pg_get_expr(above.adbin, above.adrelid), ''),
          ${alterColumn} || coalesce(' SET DEFAULT ' || pg_catalog.pg_get_expr(own.adbin, own.adrelid), ' DROP DEFAULT'),
          ${alterColumn} || coalesce(' SET DEFAULT ' || pg_catalog.pg_get_expr(above.adbin, above.adrelid), ' DROP DEFAULT')
     from ${tableColumns}
     join pg_catalog.pg_inherits h on h.inhrelid = c.oid and h.inhseqno = 1
     join pg_catalog.pg_attribute p on p.attrelid = h.inhparent and p.attname = a.attname and not p.attisdropped
     left join pg_catalog.pg_attrdef own on own.adrelid = a.attrelid and own.adnum = a.attnum
     left join pg_catalog.pg_attrdef above on above.adrelid = p.attrelid and above.adnum = p.attnum
    where c.relkind in ('r', 'p', 'f') and not a.attislocal and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
      and pg_catalog.pg_get_expr(own.adbin, own.adrelid) is distinct from pg_catalog.pg_get_expr(above.adbin, above.adrelid)
      and ${userTables}`,
  `select n.nspname, c.relname, 'trigger', ${tableName} || '.' || pg_catalog.quote_ident(t.tgname), 'state', t.tgenabled::text,
          p.tgenabled::text,
          pg_catalog.format('%s %s TRIGGER %I', ${alter},
            case t.tgenabled when 'D' then 'DISABLE' when 'R' then 'ENABLE REPLICA' when 'A' then 'ENABLE ALWAYS' else 'ENABLE' end, t.tgname),
          pg_catalog.format('%s %s TRIGGER %I', ${alter},
            case p.tgenabled when 'D' then 'DISABLE' when 'R' then 'ENABLE REPLICA' when 'A' then 'ENABLE ALWAYS' else 'ENABLE' end, t.tgname)
     from pg_catalog.pg_trigger t join pg_catalog.pg_trigger p on p.oid = t.tgparentid
     join pg_catalog.pg_class c on c.oid = t.tgrelid join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where not t.tgisinternal and t.tgenabled <> p.tgenabled and ${userTables}`,
  `select n.nspname, c.relname, 'statistics', pg_catalog.format('%I.%I', sn.nspname, s.stxname), 'definition',
          pg_catalog.pg_get_statisticsobjdef(s.oid), '', pg_catalog.pg_get_statisticsobjdef(s.oid),
          pg_catalog.format('DROP STATISTICS IF EXISTS %I.%I', sn.nspname, s.stxname)
     from pg_catalog.pg_statistic_ext s
     join pg_catalog.pg_namespace sn on sn.oid = s.stxnamespace
     join pg_catalog.pg_class c on c.oid = s.stxrelid join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where ${userTables}`,
  `select n.nspname, c.relname, 'statistics', pg_catalog.format('%I.%I', sn.nspname, s.stxname), 'target',
          s.stxstattarget::text, '',
          pg_catalog.format('ALTER STATISTICS %I.%I SET STATISTICS %s', sn.nspname, s.stxname, s.stxstattarget),
          pg_catalog.format('ALTER STATISTICS %I.%I SET STATISTICS -1', sn.nspname, s.stxname)
     from pg_catalog.pg_statistic_ext s
     join pg_catalog.pg_namespace sn on sn.oid = s.stxnamespace
     join pg_catalog.pg_class c on c.oid = s.stxrelid join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where s.stxstattarget >= 0 and ${userTables}`,
  `select n.nspname, '', 'function', f.name, 'depends on ' || e.extname, 'yes', '',
          pg_catalog.format('ALTER %s %s DEPENDS ON EXTENSION %I', f.word, f.name, e.extname),
          pg_catalog.format('ALTER %s %s NO DEPENDS ON EXTENSION %I', f.word, f.name, e.extname)
     from pg_catalog.pg_depend d
     join pg_catalog.pg_extension e on e.oid = d.refobjid
     join pg_catalog.pg_proc p on p.oid = d.objid
     join pg_catalog.pg_namespace n on n.oid = p.pronamespace
     cross join lateral (select
       pg_catalog.format('%I.%I(%s)', n.nspname, p.proname, pg_catalog.pg_get_function_identity_arguments(p.oid)) as name,
       case p.prokind when 'p' then 'PROCEDURE' else 'FUNCTION' end as word) f
    where d.classid = 'pg_catalog.pg_proc'::regclass and d.refclassid = 'pg_catalog.pg_extension'::regclass and d.deptype = 'x'`,
];

/** Everything that is set otherwise than by default, on user tables, views and functions. */
export async function listSettings(client: pg.ClientBase): Promise<Setting[]> {
  const shape = '(schema, "table", kind, object, setting, value, context, apply, reset)';
  const parts = settingQueries.map((query) => `select * from (${query}) as found ${shape}`);
  const columns = ["schema", '"table"', "kind", "object", "setting", "value", "context", "apply", "reset"];
  const { rows } = await client.query(
    `select ${columns.map((column) => `${column}::text`).join(", ")} from (${parts.join("\nunion all\n")}) as settings
      order by kind, object, setting`,
  );
  return z.array(Setting).parse(rows);
}

/** Which of the objects that settings name exist, whatever they are set to. */
export async function listPresent(client: pg.ClientBase, objects: readonly string[]): Promise<string[]> {
  if (objects.length === 0) return [];
  const { rows } = await client.query(
    `with named as (
       select ${columnName} as object from ${tableColumns} where a.attnum > 0 and not a.attisdropped
       union all
       select ${tableName} from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
       union all
       select ${tableName} || '.' || pg_catalog.quote_ident(t.tgname)
         from pg_catalog.pg_trigger t join pg_catalog.pg_class c on c.oid = t.tgrelid
         join pg_catalog.pg_namespace n on n.oid = c.relnamespace
       union all
       select pg_catalog.format('%I.%I', n.nspname, s.stxname)
         from pg_catalog.pg_statistic_ext s join pg_catalog.pg_namespace n on n.oid = s.stxnamespace
       union all
       select pg_catalog.format('%I.%I(%s)', n.nspname, p.proname, pg_catalog.pg_get_function_identity_arguments(p.oid))
         from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace)
     select object as name from named where object = any($1)`,
    [objects],
  );
  return rows.map((row) => z.object({ name: z.string() }).parse(row).name);
}

export async function listTables(client: pg.ClientBase): Promise<{ schema: string; table: string }[]> {
  const { rows } = await client.query(
    `select n.nspname::text as schema, c.relname::text as table
       from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
      where c.relkind in ('r', 'p', 'm', 'v', 'f') and ${userTables}`,
  );
  return z.array(z.object({ schema: z.string(), table: z.string() })).parse(rows);
}

/** Indexes of partitioned tables that are (un)usable and belong to no constraint. */
export async function listPartitionedIndexes(
  client: pg.ClientBase,
  state: { valid: boolean },
): Promise<PartitionedIndex[]> {
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
  return z.array(PartitionedIndex).parse(rows);
}

/** The index of each partition, by the index of the partitioned table that it is part of. */
export async function listPartitionIndexes(client: pg.ClientBase): Promise<PartitionIndex[]> {
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
  return z.array(PartitionIndex).parse(rows);
}
