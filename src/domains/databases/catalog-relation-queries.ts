/** Tables, views and sequences, and what belongs to a table: columns, constraints, indexes, triggers, rules, policies, statistics. */
import { type CatalogQuery, hashedOptions, sortedOptions } from "./catalog-queries.ts";

const relations: CatalogQuery = {
  name: "tables and views",
  text: () => `
select case c.relkind
    when 'v' then 'view' when 'm' then 'materialized view' when 'f' then 'foreign table' else 'table'
  end as kind,
  r.identity,
  'pg_class:' || c.oid as address,
  array_remove(array['pg_namespace:' || c.relnamespace, 'pg_type:' || nullif(c.reloftype, 0), 'pg_foreign_server:' || ft.ftserver], null) as parents,
  true as whole,
  jsonb_strip_nulls(jsonb_build_object(
    'owner', c.relowner::regrole::text,
    'persistence', nullif(c.relpersistence, 'p'),
    'query', case when c.relkind in ('v', 'm') then pg_get_viewdef(c.oid) end,
    'partitionKey', case when c.relkind = 'p' then pg_get_partkeydef(c.oid) end,
    'partitionBound', pg_get_expr(c.relpartbound, c.oid),
    'inherits', parent.names,
    'detachPending', parent.detach_pending,
    'ofType', nullif(c.reloftype, 0)::regtype::text,
    'replicaIdentity', case when c.relkind in ('r', 'p') then nullif(c.relreplident, 'd') end,
    'rowSecurity', nullif(c.relrowsecurity, false),
    'rowSecurityForced', nullif(c.relforcerowsecurity, false),
    'accessMethod', am.amname,
    'options', ${sortedOptions("c.reloptions")},
    'toastOptions', ${sortedOptions("toast.reloptions")},
    'server', server.srvname,
    'serverOptions', ${hashedOptions("ft.ftoptions")}
  ))::text as definition,
  jsonb_strip_nulls(jsonb_build_object(
    'tablespace', space.spcname,
    'populated', case when c.relkind = 'm' then c.relispopulated end,
    'columnOrder', case when c.relkind in ('r', 'p', 'f') then (
      select jsonb_agg(a.attname order by a.attnum)
      from pg_attribute a
      where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    ) end
  ))::text as context
from relation r
join pg_class c on c.oid = r.oid
left join pg_class toast on toast.oid = c.reltoastrelid
left join pg_am am on am.oid = c.relam
left join pg_tablespace space on space.oid = c.reltablespace
left join pg_foreign_table ft on ft.ftrelid = c.oid
left join pg_foreign_server server on server.oid = ft.ftserver
left join (
  select i.inhrelid,
    jsonb_agg(i.inhparent::regclass::text order by i.inhseqno) as names,
    nullif(bool_or(i.inhdetachpending), false) as detach_pending
  from pg_inherits i
  group by i.inhrelid
) parent on parent.inhrelid = c.oid
where c.relkind in ('r', 'p', 'v', 'm', 'f')`,
};

const columns: CatalogQuery = {
  name: "columns",
  text: () => `
select case when r.relkind = 'c' then 'attribute' else 'column' end as kind,
  r.identity || '.' || quote_ident(a.attname) as identity,
  'pg_class:' || a.attrelid || ':' || a.attnum as address,
  array[case when r.relkind = 'c' then 'pg_type:' || c.reltype else 'pg_class:' || a.attrelid end] as parents,
  jsonb_strip_nulls(jsonb_build_object(
    'type', format_type(a.atttypid, a.atttypmod),
    'collation', case when a.attcollation <> t.typcollation then a.attcollation::regcollation::text end,
    'notNull', nullif(a.attnotnull, false),
    'default', case when a.attgenerated = '' then pg_get_expr(d.adbin, d.adrelid) end,
    'generated', case when a.attgenerated <> '' then pg_get_expr(d.adbin, d.adrelid) end,
    'generatedKind', nullif(a.attgenerated, ''),
    'identity', nullif(a.attidentity, ''),
    'storage', case when a.attstorage <> t.typstorage then a.attstorage end,
    'compression', nullif(a.attcompression, ''),
    'statistics', nullif(a.attstattarget, -1),
    'options', ${sortedOptions("a.attoptions")},
    'serverOptions', ${hashedOptions("a.attfdwoptions")},
    'inheritedOnly', case when not c.relispartition then nullif(not a.attislocal, false) end
  ))::text as definition
from relation r
join pg_class c on c.oid = r.oid
join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
join pg_type t on t.oid = a.atttypid
left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
where r.relkind <> 'S'`,
};

/**
 * A foreign key from or to a partitioned table has one clone for each partition,
 * and PostgreSQL numbers their names as they come: a clone is named after the key
 * it belongs to.
 */
const constraints: CatalogQuery = {
  name: "constraints",
  text: (serverVersion) => `,
clone as (
  select k.oid, p.oid as origin, p.conname, p.conrelid
  from pg_constraint k
  join pg_constraint p on p.oid = k.conparentid and p.conparentid = 0
  where k.contype = 'f'
  union all
  select k.oid, c.origin, c.conname, c.conrelid
  from clone c
  join pg_constraint k on k.conparentid = c.oid and k.contype = 'f'
)
select case when k.contype = 'n' then 'not null constraint' else 'constraint' end as kind,
  case when clone.oid is null then r.identity || '.' || quote_ident(k.conname)
    else format('%s.%I of %s to %s', r.identity, clone.conname, clone.conrelid::regclass, k.confrelid::regclass)
  end as identity,
  'pg_constraint:' || k.oid as address,
  array['pg_class:' || k.conrelid] as parents,
  jsonb_strip_nulls(jsonb_build_object(
    'constraint', pg_get_constraintdef(k.oid),
    'type', k.contype,
    'validated', k.convalidated,
    'enforced', ${serverVersion >= 180000 ? "nullif(k.conenforced, true)" : "null"},
    'deferrable', nullif(k.condeferrable, false),
    'deferred', nullif(k.condeferred, false),
    'noInherit', case when k.contype in ('c', 'n') then nullif(k.connoinherit, false) end,
    'inheritedOnly', case when not c.relispartition and k.contype in ('c', 'n') then nullif(not k.conislocal, false) end,
    'partOf', case when k.contype <> 'f' then part.conname end,
    'triggers', case when k.contype = 'f' then (
      select jsonb_agg(distinct t.tgenabled)
      from pg_trigger t
      where t.tgconstraint = k.oid and t.tgisinternal and t.tgenabled <> 'O'
    ) end
  ))::text as definition
from relation r
join pg_class c on c.oid = r.oid
join pg_constraint k on k.conrelid = c.oid
left join pg_constraint part on part.oid = k.conparentid
left join clone on clone.oid = k.oid
where k.contype <> 't'`,
};

/** Options come apart from the definition, because their order means nothing. */
const indexes: CatalogQuery = {
  name: "indexes",
  text: () => `
select 'index' as kind,
  format('%I.%I', r.nspname, c.relname) as identity,
  'pg_class:' || c.oid as address,
  array['pg_class:' || i.indrelid] as parents,
  jsonb_strip_nulls(jsonb_build_object(
    'index', replace(pg_get_indexdef(c.oid), coalesce(options.text, ''), ''),
    'table', r.identity,
    'options', options.sorted,
    'valid', i.indisvalid and i.indisready and i.indislive,
    'clustered', nullif(i.indisclustered, false),
    'replicaIdentity', nullif(i.indisreplident, false),
    'constraint', k.conname,
    'partOf', inherits.inhparent::regclass::text,
    'statistics', case when i.indexprs is not null then (
      select jsonb_object_agg(a.attnum, a.attstattarget)
      from pg_attribute a
      where a.attrelid = c.oid and a.attstattarget <> -1
    ) end
  ))::text as definition,
  jsonb_strip_nulls(jsonb_build_object('tablespace', space.spcname))::text as context
from relation r
join pg_index i on i.indrelid = r.oid
join pg_class c on c.oid = i.indexrelid
left join pg_constraint k on k.conindid = c.oid and k.conrelid = i.indrelid and k.contype in ('p', 'u', 'x')
left join pg_inherits inherits on inherits.inhrelid = c.oid
left join pg_tablespace space on space.oid = c.reltablespace
cross join lateral (
  select ${sortedOptions("c.reloptions")} as sorted,
    ' WITH (' || string_agg(format('%I=%s', name, case when quote_ident(value) = value then value else quote_literal(value) end), ', ' order by position) || ')' as text
  from unnest(c.reloptions) with ordinality as option (o, position)
  cross join lateral (select split_part(o, '=', 1) as name, substr(o, strpos(o, '=') + 1) as value) as part
) as options`,
};

/** Not its last value: that is data. */
const sequences: CatalogQuery = {
  name: "sequences",
  text: () => `
select 'sequence' as kind,
  r.identity,
  'pg_class:' || c.oid as address,
  case when d.refobjid is null then array['pg_namespace:' || c.relnamespace] else array['pg_class:' || d.refobjid] end as parents,
  d.refobjid is null as whole,
  jsonb_strip_nulls(jsonb_build_object(
    'owner', c.relowner::regrole::text,
    'persistence', nullif(c.relpersistence, 'p'),
    'type', format_type(s.seqtypid, null),
    'start', s.seqstart::text,
    'increment', s.seqincrement::text,
    'minimum', s.seqmin::text,
    'maximum', s.seqmax::text,
    'cache', s.seqcache::text,
    'cycle', s.seqcycle,
    'ownedBy', d.refobjid::regclass || '.' || quote_ident(a.attname),
    'identity', nullif(d.deptype = 'i', false)
  ))::text as definition,
  jsonb_strip_nulls(jsonb_build_object('tablespace', space.spcname))::text as context
from relation r
join pg_class c on c.oid = r.oid
join pg_sequence s on s.seqrelid = c.oid
left join pg_depend d on d.classid = 'pg_class'::regclass and d.objid = c.oid and d.objsubid = 0
  and d.refclassid = 'pg_class'::regclass and d.refobjsubid > 0 and d.deptype in ('a', 'i')
left join pg_attribute a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid
left join pg_tablespace space on space.oid = c.reltablespace`,
};

/**
 * Also on tables of extensions, where a policy or trigger is the operator's own
 * (Supabase's storage and auth schemas are ordinary ones).
 */
const triggers: CatalogQuery = {
  name: "triggers",
  text: () => `
select 'trigger' as kind,
  format('%I.%I.%I', n.nspname, c.relname, t.tgname) as identity,
  'pg_trigger:' || t.oid as address,
  array['pg_class:' || t.tgrelid] as parents,
  jsonb_strip_nulls(jsonb_build_object(
    'trigger', pg_get_triggerdef(t.oid),
    'enabled', t.tgenabled,
    'partOf', parent.tgrelid::regclass::text
  ))::text as definition
from own_schema n
join pg_class c on c.relnamespace = n.oid and c.oid <> all ($2::oid[])
join pg_trigger t on t.tgrelid = c.oid and not t.tgisinternal
left join pg_trigger parent on parent.oid = t.tgparentid`,
};

const rules: CatalogQuery = {
  name: "rules",
  text: () => `
select 'rule' as kind,
  r.identity || '.' || quote_ident(w.rulename) as identity,
  'pg_rewrite:' || w.oid as address,
  array['pg_class:' || w.ev_class] as parents,
  jsonb_build_object('rule', pg_get_ruledef(w.oid), 'enabled', w.ev_enabled)::text as definition
from relation r
join pg_rewrite w on w.ev_class = r.oid and w.rulename <> '_RETURN'`,
};

const policies: CatalogQuery = {
  name: "policies",
  text: () => `
select 'policy' as kind,
  format('%I.%I.%I', n.nspname, c.relname, p.polname) as identity,
  'pg_policy:' || p.oid as address,
  array['pg_class:' || p.polrelid] as parents,
  jsonb_strip_nulls(jsonb_build_object(
    'command', p.polcmd,
    'permissive', p.polpermissive,
    'roles', (
      select jsonb_agg(case when role.oid = 0 then 'PUBLIC' else role.oid::regrole::text end order by role.oid::regrole::text collate "C")
      from unnest(p.polroles) as role (oid)
    ),
    'using', pg_get_expr(p.polqual, p.polrelid),
    'check', pg_get_expr(p.polwithcheck, p.polrelid)
  ))::text as definition
from own_schema n
join pg_class c on c.relnamespace = n.oid and c.oid <> all ($2::oid[])
join pg_policy p on p.polrelid = c.oid`,
};

const statistics: CatalogQuery = {
  name: "statistics objects",
  text: () => `
select 'statistics' as kind,
  format('%I.%I', n.nspname, s.stxname) as identity,
  'pg_statistic_ext:' || s.oid as address,
  array['pg_class:' || s.stxrelid, 'pg_namespace:' || s.stxnamespace] as parents,
  jsonb_strip_nulls(jsonb_build_object(
    'owner', s.stxowner::regrole::text,
    'statistics', pg_get_statisticsobjdef(s.oid),
    'target', nullif(s.stxstattarget, -1)
  ))::text as definition
from own_schema n
join pg_statistic_ext s on s.stxnamespace = n.oid
join relation r on r.oid = s.stxrelid`,
};

export const relationQueries: readonly CatalogQuery[] = [
  relations,
  sequences,
  columns,
  constraints,
  indexes,
  triggers,
  rules,
  policies,
  statistics,
];
