/** Who may do what, and what is said about an object: grants, default privileges, comments, security labels. */
import { type CatalogQuery, isMemberOf } from "./catalog-queries.ts";

/**
 * One row for each object and grantee. A null ACL is the default one, spelled
 * out; who granted does not count. Rows of objects out of scope fall away,
 * because they have no parent.
 */
const grants: CatalogQuery = {
  name: "grants",
  text: () => `
select 'grant' as kind,
  true as "namedAfterParent",
  role_of || ' to ' || case when grantee = 0 then 'PUBLIC' else grantee::regrole::text end as identity,
  array[address] as parents,
  jsonb_build_object('privileges', privileges)::text as definition
from (
  select object.address, object.role_of, acl.grantee,
    jsonb_agg(distinct (acl.privilege_type || case when acl.is_grantable then ' with grant option' else '' end) collate "C") as privileges
  from (
    select 'pg_class:' || r.oid as address, '' as role_of, coalesce(r.relacl, acldefault(case r.relkind when 'S' then 's'::"char" else 'r' end, r.relowner)) as acl
    from relation r
    where r.relkind <> 'c'
    union all
    select format('pg_class:%s:%s', a.attrelid, a.attnum), '', a.attacl
    from relation r
    join pg_attribute a on a.attrelid = r.oid and a.attnum > 0 and a.attacl is not null and not a.attisdropped
    union all
    select 'pg_namespace:' || n.oid, '', coalesce(n.nspacl, acldefault('n', n.nspowner)) from own_schema n
    union all
    select 'pg_proc:' || p.oid, '', coalesce(p.proacl, acldefault('f', p.proowner))
    from own_schema n
    join pg_proc p on p.pronamespace = n.oid
    union all
    select 'pg_type:' || t.oid, '', coalesce(t.typacl, acldefault('T', t.typowner))
    from own_schema n
    join pg_type t on t.typnamespace = n.oid
    left join pg_class c on c.oid = t.typrelid
    where c.oid is null or c.relkind = 'c'
    union all
    select 'pg_class:' || t.typrelid, ' as a type', t.typacl
    from relation r
    join pg_type t on t.typrelid = r.oid and r.relkind <> 'c' and t.typacl is not null
    union all
    select 'pg_language:' || l.oid, '', coalesce(l.lanacl, acldefault('l', l.lanowner)) from pg_language l
    union all
    select 'pg_foreign_data_wrapper:' || f.oid, '', coalesce(f.fdwacl, acldefault('F', f.fdwowner)) from pg_foreign_data_wrapper f
    union all
    select 'pg_foreign_server:' || s.oid, '', coalesce(s.srvacl, acldefault('S', s.srvowner)) from pg_foreign_server s
  ) as object
  cross join lateral aclexplode(object.acl) as acl
  group by object.address, object.role_of, acl.grantee
) as granted`,
};

/** System objects (those of information_schema have no initial grants on record) and members of extensions, where somebody changed what they came with. */
const changedGrants: CatalogQuery = {
  name: "changed grants on system objects",
  text: () => `
select 'system grant' as kind,
  format('%s %s to %s', named.type, named.identity, case when grantee = 0 then 'PUBLIC' else grantee::regrole::text end) as identity,
  jsonb_build_object('privileges', changed.now)::text as definition
from (
  select object.class, object.oid, object.sub, acl.grantee,
    jsonb_agg(distinct acl.privilege collate "C") filter (where acl.is_now) as now,
    jsonb_agg(distinct acl.privilege collate "C") filter (where not acl.is_now) as initially
  from (
    select system.*, coalesce(system.acl, system.standard) as now, coalesce(init.initprivs, system.standard) as initially
    from (
      select 'pg_class'::regclass as class, c.oid, 0 as sub, c.relnamespace as schema_oid, c.relacl as acl,
        acldefault(case c.relkind when 'S' then 's'::"char" else 'r' end, c.relowner) as standard
      from pg_class c
      where c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
      union all
      select 'pg_class'::regclass, a.attrelid, a.attnum, c.relnamespace, a.attacl, '{}'::aclitem[]
      from pg_attribute a
      join pg_class c on c.oid = a.attrelid
      where a.attacl is not null
      union all
      select 'pg_proc'::regclass, p.oid, 0, p.pronamespace, p.proacl, acldefault('f', p.proowner) from pg_proc p
      union all
      select 'pg_type'::regclass, t.oid, 0, t.typnamespace, t.typacl, acldefault('T', t.typowner) from pg_type t where t.typacl is not null
      union all
      select 'pg_namespace'::regclass, n.oid, 0, n.oid, n.nspacl, acldefault('n', n.nspowner) from pg_namespace n
      union all
      select 'pg_language'::regclass, l.oid, 0, 'pg_catalog'::regnamespace, l.lanacl, acldefault('l', l.lanowner)
      from pg_language l
    ) as system
    left join pg_init_privs init on init.classoid = system.class and init.objoid = system.oid and init.objsubid = system.sub
    where system.acl is distinct from init.initprivs
      and (
        system.schema_oid = 'pg_catalog'::regnamespace
        or ${isMemberOf("system.class", "system.oid")}
      )
  ) as object
  cross join lateral (
    select a.grantee, a.privilege_type || case when a.is_grantable then ' with grant option' else '' end as privilege, true as is_now
    from aclexplode(object.now) a
    union all
    select a.grantee, a.privilege_type || case when a.is_grantable then ' with grant option' else '' end, false
    from aclexplode(object.initially) a
  ) as acl
  group by object.class, object.oid, object.sub, acl.grantee
) as changed
cross join lateral pg_identify_object(changed.class, changed.oid, changed.sub) as named
where changed.now is distinct from changed.initially`,
};

const defaultPrivileges: CatalogQuery = {
  name: "default privileges",
  text: () => `
select 'default privilege' as kind,
  format(
    'for role %s%s on %s', d.defaclrole::regrole, ' in schema ' || nullif(d.defaclnamespace, 0)::regnamespace,
    case d.defaclobjtype
      when 'r' then 'tables' when 'S' then 'sequences' when 'f' then 'functions' when 'T' then 'types' when 'n' then 'schemas'
      else d.defaclobjtype::text
    end
  ) as identity,
  'pg_default_acl:' || d.oid as address,
  array_remove(array['pg_namespace:' || nullif(d.defaclnamespace, 0)], null) as parents,
  jsonb_build_object('grants', (
    select jsonb_agg(format('%s to %s', acl.privilege_type || case when acl.is_grantable then ' with grant option' else '' end,
      case when acl.grantee = 0 then 'PUBLIC' else acl.grantee::regrole::text end) order by acl.grantee::regrole::text collate "C", acl.privilege_type collate "C")
    from aclexplode(d.defaclacl) acl
  ))::text as definition
from pg_default_acl d
where d.defaclnamespace = 0 or exists (select from own_schema n where n.oid = d.defaclnamespace)`,
};

const comments: CatalogQuery = {
  name: "comments",
  text: () => `
select 'comment' as kind,
  true as "namedAfterParent",
  '' as identity,
  array[concat_ws(':', d.classoid::regclass, d.objoid, nullif(d.objsubid, 0))] as parents,
  jsonb_build_object('comment', d.description)::text as definition
from pg_description d
where d.objoid >= 16384 or d.classoid = 'pg_namespace'::regclass`,
};

const securityLabels: CatalogQuery = {
  name: "security labels",
  text: () => `
select 'security label' as kind,
  true as "namedAfterParent",
  format(' by %I', s.provider) as identity,
  array[concat_ws(':', s.classoid::regclass, s.objoid, nullif(s.objsubid, 0))] as parents,
  jsonb_build_object('label', s.label)::text as definition
from pg_seclabel s`,
};

/** alter … depends on extension: dropping the extension would drop the object. */
const extensionDependencies: CatalogQuery = {
  name: "dependencies on extensions",
  text: () => `
select 'extension dependency' as kind,
  true as "namedAfterParent",
  format(' on %I', e.extname) as identity,
  array[concat_ws(':', d.classid::regclass, d.objid, nullif(d.objsubid, 0))] as parents,
  '{}' as definition
from pg_depend d
join pg_extension e on e.oid = d.refobjid
where d.deptype = 'x' and d.refclassid = 'pg_extension'::regclass`,
};

export const privilegeQueries: readonly CatalogQuery[] = [
  grants,
  changedGrants,
  defaultPrivileges,
  comments,
  securityLabels,
  extensionDependencies,
];
