/** SQL of connections: session settings, identity, backend process. */
import type pg from "pg";

/** Settings of one session; a pooler in session mode accepts them where it refuses startup parameters. */
export async function applySettings(client: pg.Client, settings: Record<string, string>): Promise<void> {
  const names = Object.keys(settings);
  if (names.length === 0) return;
  await client.query(
    "select set_config(name, value, false) from unnest($1::text[], $2::text[]) as setting (name, value)",
    [names, Object.values(settings)],
  );
}

type IdentityRow = { database: string; serverVersion: number; startedAt: string; mayReadControl: boolean };

export async function findIdentity(client: pg.Client): Promise<IdentityRow> {
  const { rows } = await client.query<IdentityRow>(`
    select current_database() as "database",
           current_setting('server_version_num')::int as "serverVersion",
           to_char(pg_postmaster_start_time() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as "startedAt",
           has_function_privilege('pg_catalog.pg_control_system()', 'execute') as "mayReadControl"
  `);
  const [row] = rows;
  if (row === undefined) throw new Error("a query without a table returned no row");
  return row;
}

export async function findSystemIdentifier(client: pg.Client): Promise<string | undefined> {
  const { rows } = await client.query<{ id: string }>("select system_identifier::text as id from pg_control_system()");
  return rows[0]?.id;
}

export async function findBackendPid(client: pg.Client): Promise<number | undefined> {
  const { rows } = await client.query<{ pid: number }>("select pg_backend_pid() as pid");
  return rows[0]?.pid;
}
