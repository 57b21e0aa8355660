/** Schemas, extensions, types, collations and text search. */
import { type CatalogQuery, isMember, isMemberOf } from "./catalog-queries.ts";

const schemas: CatalogQuery = {
  name: "schemas",
  text: () => `
select 'schema' as kind,
  quote_ident(n.nspname) as identity,
  'pg_namespace:' || n.oid as address,
  true as whole,
  jsonb_build_object('owner', n.nspowner::regrole::text)::text as definition
from own_schema n
where not ${isMember("pg_namespace", "n.oid")}`,
};

const extensions: CatalogQuery = {
  name: "extensions",
  text: () => `
select 'extension' as kind,
  quote_ident(e.extname) as identity,
  'pg_extension:' || e.oid as address,
  true as whole,
  jsonb_build_object('schema', e.extnamespace::regnamespace::text)::text as definition,
  jsonb_build_object('version', e.extversion)::text as context
from pg_extension e`,
};

/** Array types and the row types of tables come with their element or table. */
const types: CatalogQuery = {
  name: "types",
  text: () => `
select case t.typtype
    when 'e' then 'enum' when 'd' then 'domain' when 'r' then 'range' when 'c' then 'composite type' else 'type'
  end as kind,
  format('%I.%I', n.nspname, t.typname) as identity,
  'pg_type:' || t.oid as address,
  array['pg_namespace:' || t.typnamespace] as parents,
  true as whole,
  jsonb_strip_nulls(jsonb_build_object(
    'owner', t.typowner::regrole::text,
    'labels', (select jsonb_agg(e.enumlabel order by e.enumsortorder) from pg_enum e where e.enumtypid = t.oid),
    'baseType', case when t.typtype = 'd' then format_type(t.typbasetype, t.typtypmod) end,
    'collation', case when t.typtype = 'd' and t.typcollation <> base.typcollation then t.typcollation::regcollation::text end,
    'notNull', nullif(t.typnotnull, false),
    'default', case when t.typtype = 'd' then coalesce(pg_get_expr(t.typdefaultbin, 0), t.typdefault) else t.typdefault end,
    'subtype', format_type(range.rngsubtype, null),
    'subtypeCollation', nullif(range.rngcollation, 0)::regcollation::text,
    'subtypeOperatorClass', (
      select format('%s.%I', o.opcnamespace::regnamespace, o.opcname) from pg_opclass o where o.oid = range.rngsubopc
    ),
    'canonical', nullif(range.rngcanonical, 0)::regprocedure::text,
    'subtypeDifference', nullif(range.rngsubdiff, 0)::regprocedure::text,
    'multirange', nullif(range.rngmultitypid, 0)::regtype::text,
    'defined', nullif(t.typisdefined, true),
    'base', case when t.typtype = 'b' and t.typisdefined then jsonb_build_object(
      'input', t.typinput::regprocedure::text,
      'output', t.typoutput::regprocedure::text,
      'receive', nullif(t.typreceive, 0)::regprocedure::text,
      'send', nullif(t.typsend, 0)::regprocedure::text,
      'modifierInput', nullif(t.typmodin, 0)::regprocedure::text,
      'modifierOutput', nullif(t.typmodout, 0)::regprocedure::text,
      'analyze', nullif(t.typanalyze, 0)::regprocedure::text,
      'subscript', nullif(t.typsubscript, 0)::regproc::text,
      'length', t.typlen,
      'byValue', t.typbyval,
      'alignment', t.typalign,
      'storage', t.typstorage,
      'category', t.typcategory,
      'preferred', t.typispreferred,
      'delimiter', t.typdelim,
      'element', nullif(t.typelem, 0)::regtype::text,
      'collatable', t.typcollation <> 0
    ) end
  ))::text as definition,
  case when t.typtype = 'c' then (
    select jsonb_build_object('columnOrder', jsonb_agg(a.attname order by a.attnum))
    from pg_attribute a
    where a.attrelid = t.typrelid and a.attnum > 0 and not a.attisdropped
  )::text end as context
from own_schema n
join pg_type t on t.typnamespace = n.oid
left join pg_class c on c.oid = t.typrelid
left join pg_type base on base.oid = t.typbasetype
left join pg_range range on range.rngtypid = t.oid
where (c.oid is null or c.relkind = 'c')
  and t.typtype <> 'm'
  and not exists (select from pg_type element where element.oid = t.typelem and element.typarray = t.oid)
  and not ${isMember("pg_type", "t.oid")}`,
};

const domainConstraints: CatalogQuery = {
  name: "domain constraints",
  text: () => `
select case when k.contype = 'n' then 'not null constraint' else 'domain constraint' end as kind,
  format('%I.%I.%I', n.nspname, t.typname, k.conname) as identity,
  'pg_constraint:' || k.oid as address,
  array['pg_type:' || t.oid] as parents,
  jsonb_build_object('constraint', pg_get_constraintdef(k.oid), 'validated', k.convalidated)::text as definition
from own_schema n
join pg_type t on t.typnamespace = n.oid and t.typtype = 'd'
join pg_constraint k on k.contypid = t.oid
where not ${isMember("pg_type", "t.oid")}`,
};

const collations: CatalogQuery = {
  name: "collations",
  text: (serverVersion) => `
select 'collation' as kind,
  format('%I.%I', n.nspname, c.collname) as identity,
  'pg_collation:' || c.oid as address,
  array['pg_namespace:' || c.collnamespace] as parents,
  true as whole,
  jsonb_strip_nulls(jsonb_build_object(
    'owner', c.collowner::regrole::text,
    'provider', c.collprovider,
    'deterministic', c.collisdeterministic,
    'encoding', c.collencoding,
    'collate', c.collcollate,
    'ctype', c.collctype,
    'locale', c.${serverVersion >= 170000 ? "colllocale" : "colliculocale"},
    'rules', ${serverVersion >= 160000 ? "c.collicurules" : "null"}
  ))::text as definition,
  jsonb_strip_nulls(jsonb_build_object('version', c.collversion))::text as context
from own_schema n
join pg_collation c on c.collnamespace = n.oid
where not ${isMember("pg_collation", "c.oid")}`,
};

const conversions: CatalogQuery = {
  name: "conversions",
  text: () => `
select 'conversion' as kind,
  format('%I.%I', n.nspname, c.conname) as identity,
  'pg_conversion:' || c.oid as address,
  array['pg_namespace:' || c.connamespace] as parents,
  true as whole,
  jsonb_build_object(
    'owner', c.conowner::regrole::text,
    'from', pg_encoding_to_char(c.conforencoding),
    'to', pg_encoding_to_char(c.contoencoding),
    'function', c.conproc::regprocedure::text,
    'default', c.condefault
  )::text as definition
from own_schema n
join pg_conversion c on c.connamespace = n.oid
where not ${isMember("pg_conversion", "c.oid")}`,
};

const textSearchConfigurations: CatalogQuery = {
  name: "text search configurations",
  text: () => `
select 'text search configuration' as kind,
  format('%I.%I', n.nspname, c.cfgname) as identity,
  'pg_ts_config:' || c.oid as address,
  array['pg_namespace:' || c.cfgnamespace] as parents,
  true as whole,
  jsonb_strip_nulls(jsonb_build_object(
    'owner', c.cfgowner::regrole::text,
    'parser', (select format('%s.%I', p.prsnamespace::regnamespace, p.prsname) from pg_ts_parser p where p.oid = c.cfgparser),
    'mappings', (
      select jsonb_agg(format('%s: %s', token.alias, m.mapdict::regdictionary) order by m.maptokentype, m.mapseqno)
      from pg_ts_config_map m
      join ts_token_type(c.cfgparser) token on token.tokid = m.maptokentype
      where m.mapcfg = c.oid
    )
  ))::text as definition
from own_schema n
join pg_ts_config c on c.cfgnamespace = n.oid
where not ${isMember("pg_ts_config", "c.oid")}`,
};

const textSearchParts: CatalogQuery = {
  name: "text search dictionaries, templates and parsers",
  text: () => `
select part.kind,
  format('%I.%I', n.nspname, part.name) as identity,
  format('%s:%s', part.class, part.oid) as address,
  array['pg_namespace:' || n.oid] as parents,
  true as whole,
  jsonb_strip_nulls(part.definition)::text as definition
from own_schema n
join (
  select 'text search dictionary' as kind, 'pg_ts_dict'::regclass as class, d.oid, d.dictnamespace as schema_oid, d.dictname as name,
    jsonb_build_object(
      'owner', d.dictowner::regrole::text,
      'template', (select format('%s.%I', t.tmplnamespace::regnamespace, t.tmplname) from pg_ts_template t where t.oid = d.dicttemplate),
      'options', d.dictinitoption
    ) as definition
  from pg_ts_dict d
  union all
  select 'text search template', 'pg_ts_template'::regclass, t.oid, t.tmplnamespace, t.tmplname,
    jsonb_build_object('init', nullif(t.tmplinit, 0)::regproc::text, 'lexize', t.tmpllexize::regproc::text)
  from pg_ts_template t
  union all
  select 'text search parser', 'pg_ts_parser'::regclass, p.oid, p.prsnamespace, p.prsname,
    jsonb_build_object(
      'start', p.prsstart::regproc::text,
      'token', p.prstoken::regproc::text,
      'end', p.prsend::regproc::text,
      'headline', nullif(p.prsheadline, 0)::regproc::text,
      'tokenTypes', p.prslextype::regproc::text
    )
  from pg_ts_parser p
) part on part.schema_oid = n.oid
where not ${isMemberOf("part.class", "part.oid")}`,
};

export const typeQueries: readonly CatalogQuery[] = [
  schemas,
  extensions,
  types,
  domainConstraints,
  collations,
  conversions,
  textSearchConfigurations,
  textSearchParts,
];
