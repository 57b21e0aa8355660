/** What a PostgreSQL server says of the role that signed in. */
import type pg from "pg";

/** Of every role's own row, which everybody may read. */
export async function readOwnRole(client: pg.Client): Promise<Record<string, unknown>> {
  const { rows } = await client.query<Record<string, unknown>>(`
    select current_user as "user", current_database() as database, r.rolvaliduntil as valid_until, r.rolsuper as superuser
    from pg_catalog.pg_roles r where r.rolname = current_user`);
  return rows[0] ?? {};
}
