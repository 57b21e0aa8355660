/**
 * What ties a database to the world around it: foreign servers, publications,
 * subscriptions, jobs, and the database itself. Options that name hosts and
 * passwords belong to one environment: they stand in the context, as hashes.
 */
import { type CatalogQuery, hashedOptions, isMember, sortedOptions } from "./catalog-queries.ts";

const foreignDataWrappers: CatalogQuery = {
  name: "foreign-data wrappers",
  text: () => `
select 'foreign-data wrapper' as kind,
  quote_ident(f.fdwname) as identity,
  'pg_foreign_data_wrapper:' || f.oid as address,
  true as whole,
  jsonb_strip_nulls(jsonb_build_object(
    'owner', f.fdwowner::regrole::text,
    'handler', nullif(f.fdwhandler, 0)::regprocedure::text,
    'validator', nullif(f.fdwvalidator, 0)::regprocedure::text
  ))::text as definition,
  jsonb_strip_nulls(jsonb_build_object('options', ${hashedOptions("f.fdwoptions")}))::text as context
from pg_foreign_data_wrapper f
where not ${isMember("pg_foreign_data_wrapper", "f.oid")}`,
};

const foreignServers: CatalogQuery = {
  name: "foreign servers",
  text: () => `
select 'foreign server' as kind,
  quote_ident(s.srvname) as identity,
  'pg_foreign_server:' || s.oid as address,
  array['pg_foreign_data_wrapper:' || s.srvfdw] as parents,
  true as whole,
  jsonb_strip_nulls(jsonb_build_object(
    'owner', s.srvowner::regrole::text,
    'wrapper', f.fdwname,
    'type', s.srvtype,
    'version', s.srvversion
  ))::text as definition,
  jsonb_strip_nulls(jsonb_build_object('options', ${hashedOptions("s.srvoptions")}))::text as context
from pg_foreign_server s
join pg_foreign_data_wrapper f on f.oid = s.srvfdw
where not ${isMember("pg_foreign_server", "s.oid")}`,
};

/** The view hides options from those who may not see them. */
const userMappings: CatalogQuery = {
  name: "user mappings",
  text: () => `
select 'user mapping' as kind,
  format('for %s server %I', case when u.umuser = 0 then 'PUBLIC' else u.umuser::regrole::text end, u.srvname) as identity,
  'pg_user_mapping:' || u.umid as address,
  array['pg_foreign_server:' || u.srvid] as parents,
  jsonb_strip_nulls(jsonb_build_object('options', ${hashedOptions("u.umoptions")}))::text as context
from pg_user_mappings u`,
};

const publications: CatalogQuery = {
  name: "publications",
  text: (serverVersion) => `
select 'publication' as kind,
  quote_ident(p.pubname) as identity,
  'pg_publication:' || p.oid as address,
  jsonb_strip_nulls(jsonb_build_object(
    'owner', p.pubowner::regrole::text,
    'allTables', p.puballtables,
    'insert', p.pubinsert,
    'update', p.pubupdate,
    'delete', p.pubdelete,
    'truncate', p.pubtruncate,
    'viaRoot', p.pubviaroot,
    'generatedColumns', ${serverVersion >= 180000 ? "p.pubgencols" : "null"}
  ))::text as definition
from pg_publication p
where not ${isMember("pg_publication", "p.oid")}`,
};

const publicationMembers: CatalogQuery = {
  name: "tables and schemas of publications",
  text: () => `
select 'publication table' as kind,
  format('%I: %I.%I', p.pubname, n.nspname, c.relname) as identity,
  'pg_publication_rel:' || pr.oid as address,
  array['pg_publication:' || p.oid, 'pg_class:' || c.oid] as parents,
  jsonb_strip_nulls(jsonb_build_object(
    'columns', (
      select jsonb_agg(a.attname order by a.attname)
      from pg_attribute a
      where a.attrelid = c.oid and a.attnum = any (pr.prattrs)
    ),
    'filter', pg_get_expr(pr.prqual, pr.prrelid)
  ))::text as definition
from pg_publication p
join pg_publication_rel pr on pr.prpubid = p.oid
join pg_class c on c.oid = pr.prrelid and c.oid <> all ($2::oid[])
join own_schema n on n.oid = c.relnamespace
union all
select 'publication schema',
  format('%I: %I', p.pubname, n.nspname),
  'pg_publication_namespace:' || pn.oid,
  array['pg_publication:' || p.oid, 'pg_namespace:' || n.oid],
  '{}'
from pg_publication p
join pg_publication_namespace pn on pn.pnpubid = p.oid
join own_schema n on n.oid = pn.pnnspid`,
};

const subscriptions: CatalogQuery = {
  name: "subscriptions",
  text: () => `
select 'subscription' as kind,
  quote_ident(s.subname) as identity,
  'pg_subscription:' || s.oid as address,
  jsonb_strip_nulls(jsonb_build_object(
    'owner', s.subowner::regrole::text,
    'enabled', s.subenabled,
    'publications', ${sortedOptions("s.subpublications")},
    'slot', s.subslotname,
    'binary', s.subbinary,
    'streaming', s.substream,
    'twoPhase', s.subtwophasestate,
    'disableOnError', s.subdisableonerr,
    'synchronousCommit', s.subsynccommit
  ))::text as context
from pg_subscription s
join pg_database d on d.oid = s.subdbid and d.datname = current_database()`,
};

const database: CatalogQuery = {
  name: "the database",
  text: (serverVersion) => `
select 'database' as kind,
  'itself' as identity,
  jsonb_strip_nulls(jsonb_build_object(
    'owner', d.datdba::regrole::text,
    'encoding', pg_encoding_to_char(d.encoding),
    'provider', d.datlocprovider,
    'collate', d.datcollate,
    'ctype', d.datctype,
    'locale', d.${serverVersion >= 170000 ? "datlocale" : "daticulocale"},
    'localeRules', ${serverVersion >= 160000 ? "d.daticurules" : "null"},
    'collationVersion', d.datcollversion,
    'comment', shobj_description(d.oid, 'pg_database'),
    'grants', (
      select jsonb_agg(format('%s to %s', acl.privilege_type, case when acl.grantee = 0 then 'PUBLIC' else acl.grantee::regrole::text end)
        order by acl.grantee::regrole::text collate "C", acl.privilege_type collate "C")
      from aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) acl
    )
  ))::text as context
from pg_database d
where d.datname = current_database()`,
};

/** alter database … set; values may be secrets. */
const databaseSettings: CatalogQuery = {
  name: "settings of the database",
  text: () => `
select 'database setting' as kind,
  split_part(setting, '=', 1) || coalesce(' for ' || nullif(s.setrole, 0)::regrole, '') as identity,
  jsonb_build_object('value', encode(sha256(convert_to(setting, 'UTF8')), 'hex'))::text as context
from pg_db_role_setting s
join pg_database d on d.oid = s.setdatabase and d.datname = current_database()
cross join lateral unnest(s.setconfig) as setting`,
};

/** Commands may hold keys; two jobs without a name are told apart by what they run. */
const cronJobs: CatalogQuery = {
  name: "jobs of pg_cron",
  needs: { schema: "cron", table: "job" },
  text: () => `
select 'cron job' as kind,
  coalesce(quote_ident(job.facts ->> 'jobname'), left(encode(sha256(convert_to(job.facts::text, 'UTF8')), 'hex'), 16)) as identity,
  jsonb_build_object(
    'schedule', job.facts ->> 'schedule',
    'active', job.facts -> 'active',
    'command', encode(sha256(convert_to(job.facts ->> 'command', 'UTF8')), 'hex'),
    'username', job.facts ->> 'username'
  )::text as context
from (select to_jsonb(j) - 'jobid' as facts from cron.job j) as job`,
};

export const outsideQueries: readonly CatalogQuery[] = [
  foreignDataWrappers,
  foreignServers,
  userMappings,
  publications,
  publicationMembers,
  subscriptions,
  database,
  databaseSettings,
  cronJobs,
];
