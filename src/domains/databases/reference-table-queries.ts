/** What the catalogue says about the reference tables of one side; no row of theirs is read. */
import type pg from "pg";
import { z } from "zod";

import type { QualifiedName } from "#config/table-name.ts";

const Name = z.object({ schema: z.string(), name: z.string() });

const Column = z.object({
  name: z.string(),
  type: z.string(),
  /** As in `pg_type.typcategory`: S string, N number, U user-defined … */
  category: z.string(),
  isNotNull: z.boolean(),
  hasDefault: z.boolean(),
  isGenerated: z.boolean(),
  isIdentityAlways: z.boolean(),
  maySelect: z.boolean(),
  mayInsert: z.boolean(),
  mayUpdate: z.boolean(),
});
export type Column = z.output<typeof Column>;

/** An equality that an index or a foreign key uses, with the schema of its operator. */
const Equality = z.object({
  column: z.string(),
  referred: z.string(),
  operatorSchema: z.string(),
  operator: z.string(),
});
export type Equality = z.output<typeof Equality>;

const ForeignKey = z.object({
  constraint: z.string(),
  from: Name.extend({ isPartitioned: z.boolean() }),
  to: Name.extend({ isPartitioned: z.boolean() }),
  columns: z.array(Equality),
  isDeferrable: z.boolean(),
  isValidated: z.boolean(),
  isMatchFull: z.boolean(),
});
export type ForeignKey = z.output<typeof ForeignKey>;

const Sequence = z.object({ column: z.string(), oid: z.string(), mayUpdate: z.boolean() }).extend(Name.shape);
export type Sequence = z.output<typeof Sequence>;

const TableFacts = Name.extend({
  /** As in `pg_class.relkind`. */
  kind: z.string(),
  isPartition: z.boolean(),
  /** Row-level security would hide rows from this role. */
  isFiltered: z.boolean(),
  hasRules: z.boolean(),
  mayUseSchema: z.boolean(),
  mayDelete: z.boolean(),
  columns: z.array(Column),
  primaryKey: z.array(Equality),
  hasPrimaryKey: z.boolean(),
  foreignKeys: z.array(ForeignKey),
  /** Foreign keys of any table that point here. */
  referredBy: z.array(ForeignKey),
  /** Parents and children by inheritance or partitioning, at any depth. */
  family: z.array(Name.extend({ kind: z.string() })),
  /** User triggers that fire in an ordinary session and in a replica's. */
  triggers: z.array(z.object({ name: z.string(), firesOrdinarily: z.boolean(), firesAsReplica: z.boolean() })),
  sequences: z.array(Sequence),
});
export type TableFacts = z.output<typeof TableFacts>;

const foreignKeyFields = `
  jsonb_build_object(
    'constraint', k.conname,
    'from', jsonb_build_object('schema', fn.nspname, 'name', fc.relname, 'isPartitioned', fc.relkind = 'p'),
    'to', jsonb_build_object('schema', tn.nspname, 'name', tc.relname, 'isPartitioned', tc.relkind = 'p'),
    'columns', (
      select jsonb_agg(
               jsonb_build_object('column', fa.attname, 'referred', ta.attname,
                                  'operatorSchema', opn.nspname, 'operator', op.oprname)
               order by u.place)
        from unnest(k.conkey, k.confkey, k.conpfeqop) with ordinality as u (attnum, referred, operator, place)
        join pg_attribute fa on fa.attrelid = k.conrelid and fa.attnum = u.attnum
        join pg_attribute ta on ta.attrelid = k.confrelid and ta.attnum = u.referred
        join pg_operator op on op.oid = u.operator
        join pg_namespace opn on opn.oid = op.oprnamespace),
    'isDeferrable', k.condeferrable,
    'isValidated', k.convalidated,
    'isMatchFull', k.confmatchtype = 'f')`;

const foreignKeyTables = `
  pg_constraint k
  join pg_class fc on fc.oid = k.conrelid
  join pg_namespace fn on fn.oid = fc.relnamespace
  join pg_class tc on tc.oid = k.confrelid
  join pg_namespace tn on tn.oid = tc.relnamespace`;

const columnsOfTable = `
  select jsonb_agg(
           jsonb_build_object(
             'name', a.attname,
             'type', format_type(a.atttypid, a.atttypmod),
             'category', ty.typcategory,
             'isNotNull', a.attnotnull,
             'hasDefault', a.atthasdef or a.attidentity <> '',
             'isGenerated', a.attgenerated <> '',
             'isIdentityAlways', a.attidentity = 'a',
             'maySelect', has_column_privilege(c.oid, a.attnum, 'select'),
             'mayInsert', has_column_privilege(c.oid, a.attnum, 'insert'),
             'mayUpdate', has_column_privilege(c.oid, a.attnum, 'update'))
           order by a.attnum)
    from pg_attribute a
    join pg_type ty on ty.oid = a.atttypid
   where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped`;

/** Only a B-tree key has an equality of strategy 3; a temporal key comes back without operators. */
const primaryKeyOfTable = `
  select jsonb_agg(
           jsonb_build_object('column', a.attname, 'referred', a.attname,
                              'operatorSchema', opn.nspname, 'operator', op.oprname)
           order by u.place)
    from pg_index i
   cross join lateral unnest(i.indkey::int2[], i.indclass::oid[]) with ordinality as u (attnum, opclass, place)
    join pg_attribute a on a.attrelid = i.indrelid and a.attnum = u.attnum
    join pg_opclass oc on oc.oid = u.opclass
    join pg_am am on am.oid = oc.opcmethod and am.amname = 'btree'
    join pg_amop ao on ao.amopfamily = oc.opcfamily and ao.amopstrategy = 3
                   and ao.amoplefttype = oc.opcintype and ao.amoprighttype = oc.opcintype
    join pg_operator op on op.oid = ao.amopopr
    join pg_namespace opn on opn.oid = op.oprnamespace
   where i.indrelid = c.oid and i.indisprimary and i.indisvalid and u.place <= i.indnkeyatts`;

const familyOfTable = `
  with recursive
    up (oid) as (
      select i.inhparent from pg_inherits i where i.inhrelid = c.oid
      union
      select i.inhparent from pg_inherits i join up on up.oid = i.inhrelid),
    down (oid) as (
      select i.inhrelid from pg_inherits i where i.inhparent = c.oid
      union
      select i.inhrelid from pg_inherits i join down on down.oid = i.inhparent)
  select jsonb_agg(jsonb_build_object('schema', rn.nspname, 'name', rc.relname, 'kind', rc.relkind))
    from (select oid from up union select oid from down) relative
    join pg_class rc on rc.oid = relative.oid
    join pg_namespace rn on rn.oid = rc.relnamespace`;

const triggersOfTable = `
  select jsonb_agg(
           jsonb_build_object('name', g.tgname,
                              'firesOrdinarily', g.tgenabled in ('O', 'A'),
                              'firesAsReplica', g.tgenabled in ('R', 'A'))
           order by g.tgname)
    from pg_trigger g
   where g.tgrelid = c.oid and not g.tgisinternal and g.tgenabled <> 'D'`;

/** Sequences of whole-number columns: owned by them, or named in their default. */
const sequencesOfTable = `
  select jsonb_agg(
           jsonb_build_object('column', a.attname, 'oid', s.oid::text, 'schema', sn.nspname, 'name', s.relname,
                              'mayUpdate', has_sequence_privilege(s.oid, 'update'))
           order by a.attnum, s.oid)
    from (
      select d.refobjsubid as attnum, d.objid as sequence
        from pg_depend d
       where d.classid = 'pg_class'::regclass and d.refclassid = 'pg_class'::regclass
         and d.refobjid = c.oid and d.deptype in ('a', 'i')
      union
      select ad.adnum, d.refobjid
        from pg_attrdef ad
        join pg_depend d on d.classid = 'pg_attrdef'::regclass and d.objid = ad.oid and d.refclassid = 'pg_class'::regclass
       where ad.adrelid = c.oid
    ) used
    join pg_class s on s.oid = used.sequence and s.relkind = 'S'
    join pg_namespace sn on sn.oid = s.relnamespace
    join pg_attribute a on a.attrelid = c.oid and a.attnum = used.attnum
   where a.atttypid in ('int2'::regtype, 'int4'::regtype, 'int8'::regtype)`;

/** Facts of those of the named tables that exist, in no order. */
export async function listTableFacts(client: pg.Client, names: readonly QualifiedName[]): Promise<TableFacts[]> {
  const { rows } = await client.query(
    `
    select n.nspname as "schema",
           c.relname as "name",
           c.relkind as "kind",
           c.relispartition as "isPartition",
           row_security_active(c.oid) as "isFiltered",
           exists (select from pg_rewrite r where r.ev_class = c.oid and r.rulename <> '_RETURN') as "hasRules",
           has_schema_privilege(n.oid, 'usage') as "mayUseSchema",
           has_table_privilege(c.oid, 'delete') as "mayDelete",
           coalesce((${columnsOfTable}), '[]') as "columns",
           coalesce((${primaryKeyOfTable}), '[]') as "primaryKey",
           exists (select from pg_index i where i.indrelid = c.oid and i.indisprimary) as "hasPrimaryKey",
           coalesce((select jsonb_agg(${foreignKeyFields} order by k.conname) from ${foreignKeyTables}
                      where k.contype = 'f' and k.conparentid = 0 and k.conrelid = c.oid), '[]') as "foreignKeys",
           coalesce((select jsonb_agg(${foreignKeyFields} order by fn.nspname, fc.relname, k.conname) from ${foreignKeyTables}
                      where k.contype = 'f' and k.conparentid = 0 and k.confrelid = c.oid), '[]') as "referredBy",
           coalesce((${familyOfTable}), '[]') as "family",
           coalesce((${triggersOfTable}), '[]') as "triggers",
           coalesce((${sequencesOfTable}), '[]') as "sequences"
      from unnest($1::text[], $2::text[]) as wanted (schema, name)
      join pg_namespace n on n.nspname = wanted.schema
      join pg_class c on c.relnamespace = n.oid and c.relname = wanted.name`,
    [names.map(({ schema }) => schema), names.map(({ name }) => name)],
  );
  return z.array(TableFacts).parse(rows);
}

/** Whether this role may make temporary tables here. */
export async function mayMakeTemporaryTables(client: pg.Client): Promise<boolean> {
  const { rows } = await client.query<{ may: boolean }>(
    "select has_database_privilege(current_database(), 'temporary') as may",
  );
  return rows[0]?.may === true;
}

/** Whether this role may work as a replica does: foreign keys unchecked, triggers at rest. Tried, because hosters grant it in their own ways. */
export async function mayActAsReplica(client: pg.Client): Promise<boolean> {
  await client.query("begin");
  try {
    await client.query("set local session_replication_role = replica");
    return true;
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "42501") return false;
    throw cause;
  } finally {
    await client.query("rollback");
  }
}
