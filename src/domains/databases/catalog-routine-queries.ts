/** Functions and what is made of them: aggregates, casts, operators, operator classes, languages, transforms, event triggers. */
import { type CatalogQuery, isMember, sortedOptions } from "./catalog-queries.ts";

/** First oid that is not PostgreSQL's own: objects without a schema are told apart by it. */
const firstOwnOid = 16384;

/** A constructor of a range is part of the range. */
const functions: CatalogQuery = {
  name: "functions",
  text: () => `
select case p.prokind when 'p' then 'procedure' when 'a' then 'aggregate' when 'w' then 'window function' else 'function' end as kind,
  p.oid::regprocedure::text as identity,
  'pg_proc:' || p.oid as address,
  array_remove(array['pg_namespace:' || p.pronamespace, made.parent], null) as parents,
  made.parent is null as whole,
  jsonb_strip_nulls(jsonb_build_object(
    'owner', p.proowner::regrole::text,
    'arguments', pg_get_function_arguments(p.oid),
    'result', pg_get_function_result(p.oid),
    'language', l.lanname,
    'body', coalesce(pg_get_function_sqlbody(p.oid), p.prosrc),
    'library', p.probin,
    'volatility', p.provolatile,
    'parallel', p.proparallel,
    'strict', nullif(p.proisstrict, false),
    'leakproof', nullif(p.proleakproof, false),
    'securityDefiner', nullif(p.prosecdef, false),
    'cost', p.procost,
    'rows', nullif(p.prorows, 0),
    'support', nullif(p.prosupport, 0)::regprocedure::text,
    'settings', ${sortedOptions("p.proconfig")},
    'transforms', (select jsonb_agg(format_type(t.oid, null) order by t.position) from unnest(p.protrftypes) with ordinality t (oid, position)),
    'aggregate', case when a.aggfnoid is not null then jsonb_build_object(
      'kind', a.aggkind,
      'directArguments', a.aggnumdirectargs,
      'transition', a.aggtransfn::regprocedure::text,
      'final', nullif(a.aggfinalfn::oid, 0)::regprocedure::text,
      'combine', nullif(a.aggcombinefn::oid, 0)::regprocedure::text,
      'serialize', nullif(a.aggserialfn::oid, 0)::regprocedure::text,
      'deserialize', nullif(a.aggdeserialfn::oid, 0)::regprocedure::text,
      'movingTransition', nullif(a.aggmtransfn::oid, 0)::regprocedure::text,
      'movingInverse', nullif(a.aggminvtransfn::oid, 0)::regprocedure::text,
      'movingFinal', nullif(a.aggmfinalfn::oid, 0)::regprocedure::text,
      'finalExtra', a.aggfinalextra,
      'movingFinalExtra', a.aggmfinalextra,
      'finalModify', a.aggfinalmodify,
      'movingFinalModify', a.aggmfinalmodify,
      'sortOperator', nullif(a.aggsortop, 0)::regoperator::text,
      'state', format_type(a.aggtranstype, null),
      'stateSize', a.aggtransspace,
      'movingState', nullif(format_type(a.aggmtranstype, null), '-'),
      'movingStateSize', a.aggmtransspace,
      'initial', a.agginitval,
      'movingInitial', a.aggminitval
    ) end
  ))::text as definition
from own_schema n
join pg_proc p on p.pronamespace = n.oid
join pg_language l on l.oid = p.prolang
left join pg_aggregate a on a.aggfnoid = p.oid
left join (
  select d.objid, 'pg_type:' || d.refobjid as parent
  from pg_depend d
  where d.classid = 'pg_proc'::regclass and d.refclassid = 'pg_type'::regclass and d.deptype = 'i'
) as made on made.objid = p.oid
where not ${isMember("pg_proc", "p.oid")}`,
};

const casts: CatalogQuery = {
  name: "casts",
  text: () => `
select 'cast' as kind,
  format('(%s as %s)', format_type(c.castsource, null), format_type(c.casttarget, null)) as identity,
  'pg_cast:' || c.oid as address,
  array['pg_type:' || c.castsource, 'pg_type:' || c.casttarget, 'pg_proc:' || c.castfunc] as parents,
  jsonb_strip_nulls(jsonb_build_object(
    'method', c.castmethod,
    'function', nullif(c.castfunc, 0)::regprocedure::text,
    'context', c.castcontext
  ))::text as definition
from pg_cast c
where c.oid >= ${firstOwnOid} and not ${isMember("pg_cast", "c.oid")}`,
};

const operators: CatalogQuery = {
  name: "operators",
  text: () => `
select 'operator' as kind,
  o.oid::regoperator::text as identity,
  'pg_operator:' || o.oid as address,
  array['pg_namespace:' || o.oprnamespace, 'pg_proc:' || o.oprcode] as parents,
  true as whole,
  jsonb_strip_nulls(jsonb_build_object(
    'owner', o.oprowner::regrole::text,
    'function', nullif(o.oprcode::oid, 0)::regprocedure::text,
    'result', format_type(o.oprresult, null),
    'commutator', nullif(o.oprcom, 0)::regoperator::text,
    'negator', nullif(o.oprnegate, 0)::regoperator::text,
    'restriction', nullif(o.oprrest::oid, 0)::regprocedure::text,
    'join', nullif(o.oprjoin::oid, 0)::regprocedure::text,
    'merges', nullif(o.oprcanmerge, false),
    'hashes', nullif(o.oprcanhash, false)
  ))::text as definition
from own_schema n
join pg_operator o on o.oprnamespace = n.oid
where not ${isMember("pg_operator", "o.oid")}`,
};

const operatorClasses: CatalogQuery = {
  name: "operator classes",
  text: () => `
select 'operator class' as kind,
  format('%I.%I using %I', n.nspname, o.opcname, am.amname) as identity,
  'pg_opclass:' || o.oid as address,
  array['pg_namespace:' || o.opcnamespace, 'pg_type:' || o.opcintype] as parents,
  true as whole,
  jsonb_strip_nulls(jsonb_build_object(
    'owner', o.opcowner::regrole::text,
    'type', format_type(o.opcintype, null),
    'default', o.opcdefault,
    'family', format('%s.%I', f.opfnamespace::regnamespace, f.opfname),
    'storage', nullif(o.opckeytype, 0)::regtype::text
  ))::text as definition
from own_schema n
join pg_opclass o on o.opcnamespace = n.oid
join pg_am am on am.oid = o.opcmethod
join pg_opfamily f on f.oid = o.opcfamily
where not ${isMember("pg_opclass", "o.oid")}`,
};

const operatorFamilies: CatalogQuery = {
  name: "operator families",
  text: () => `
select 'operator family' as kind,
  format('%I.%I using %I', n.nspname, f.opfname, am.amname) as identity,
  'pg_opfamily:' || f.oid as address,
  array['pg_namespace:' || f.opfnamespace] as parents,
  true as whole,
  jsonb_strip_nulls(jsonb_build_object(
    'owner', f.opfowner::regrole::text,
    'operators', (
      select jsonb_agg(format('%s %s for %s', o.amopstrategy, o.amopopr::regoperator, coalesce(
        (select format('order by %s.%I', s.opfnamespace::regnamespace, s.opfname) from pg_opfamily s where s.oid = o.amopsortfamily), 'search'
      )) order by o.amopstrategy, o.amopopr::regoperator::text collate "C")
      from pg_amop o
      where o.amopfamily = f.oid
    ),
    'functions', (
      select jsonb_agg(format(
        '%s (%s, %s) %s', p.amprocnum, format_type(p.amproclefttype, null), format_type(p.amprocrighttype, null), p.amproc::regprocedure
      ) order by p.amprocnum, format_type(p.amproclefttype, null) collate "C", format_type(p.amprocrighttype, null) collate "C")
      from pg_amproc p
      where p.amprocfamily = f.oid
    )
  ))::text as definition
from own_schema n
join pg_opfamily f on f.opfnamespace = n.oid
join pg_am am on am.oid = f.opfmethod
where not ${isMember("pg_opfamily", "f.oid")}`,
};

const languages: CatalogQuery = {
  name: "languages",
  text: () => `
select 'language' as kind,
  quote_ident(l.lanname) as identity,
  'pg_language:' || l.oid as address,
  true as whole,
  jsonb_strip_nulls(jsonb_build_object(
    'owner', l.lanowner::regrole::text,
    'trusted', l.lanpltrusted,
    'handler', nullif(l.lanplcallfoid, 0)::regprocedure::text,
    'inline', nullif(l.laninline, 0)::regprocedure::text,
    'validator', nullif(l.lanvalidator, 0)::regprocedure::text
  ))::text as definition
from pg_language l
where l.oid >= ${firstOwnOid} and not ${isMember("pg_language", "l.oid")}`,
};

const transforms: CatalogQuery = {
  name: "transforms",
  text: () => `
select 'transform' as kind,
  format('for %s language %I', format_type(t.trftype, null), l.lanname) as identity,
  'pg_transform:' || t.oid as address,
  array['pg_type:' || t.trftype] as parents,
  jsonb_strip_nulls(jsonb_build_object(
    'from', nullif(t.trffromsql::oid, 0)::regprocedure::text,
    'to', nullif(t.trftosql::oid, 0)::regprocedure::text
  ))::text as definition
from pg_transform t
join pg_language l on l.oid = t.trflang
where not ${isMember("pg_transform", "t.oid")}`,
};

const accessMethods: CatalogQuery = {
  name: "access methods",
  text: () => `
select 'access method' as kind,
  quote_ident(a.amname) as identity,
  'pg_am:' || a.oid as address,
  true as whole,
  jsonb_build_object('handler', a.amhandler::regprocedure::text, 'type', a.amtype)::text as definition
from pg_am a
where a.oid >= ${firstOwnOid} and not ${isMember("pg_am", "a.oid")}`,
};

const eventTriggers: CatalogQuery = {
  name: "event triggers",
  text: () => `
select 'event trigger' as kind,
  quote_ident(e.evtname) as identity,
  'pg_event_trigger:' || e.oid as address,
  jsonb_strip_nulls(jsonb_build_object(
    'owner', e.evtowner::regrole::text,
    'event', e.evtevent,
    'function', e.evtfoid::regprocedure::text,
    'enabled', e.evtenabled,
    'tags', ${sortedOptions("e.evttags")}
  ))::text as definition
from pg_event_trigger e
where not ${isMember("pg_event_trigger", "e.oid")}`,
};

export const routineQueries: readonly CatalogQuery[] = [
  functions,
  casts,
  operators,
  operatorClasses,
  operatorFamilies,
  languages,
  transforms,
  accessMethods,
  eventTriggers,
];
