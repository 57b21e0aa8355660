/** SQL of the health check: what the role may do, and which of the named tables are there. */
import type pg from "pg";

export type RoleFacts = { role: string; isSuperuser: boolean; canCreateDatabase: boolean; bypassesRls: boolean };

export async function findRole(client: pg.Client): Promise<RoleFacts | undefined> {
  const { rows } = await client.query<RoleFacts>(`
    select rolname as "role", rolsuper as "isSuperuser", rolcreatedb as "canCreateDatabase", rolbypassrls as "bypassesRls"
      from pg_catalog.pg_roles
     where rolname = current_user
  `);
  return rows[0];
}

export type NamedTable = { schema: string; name: string; isReadable: boolean; hasRowSecurity: boolean };

/** Those of the named tables that exist, and whether this role may read them. */
export async function listTables(
  client: pg.Client,
  names: readonly { schema: string; name: string }[],
): Promise<NamedTable[]> {
  const { rows } = await client.query<NamedTable>(
    `select n.nspname as "schema",
            c.relname as "name",
            has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, 'select') as "isReadable",
            c.relrowsecurity as "hasRowSecurity"
       from unnest($1::text[], $2::text[]) as wanted (schema, name)
       join pg_catalog.pg_namespace n on n.nspname = wanted.schema
       join pg_catalog.pg_class c on c.relnamespace = n.oid and c.relname = wanted.name and c.relkind in ('r', 'p')`,
    [names.map(({ schema }) => schema), names.map(({ name }) => name)],
  );
  return rows;
}
