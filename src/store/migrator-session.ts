/**
 * What the migration runner holds of its session: the lock that keeps a second
 * runner out, and the settings that a migration file may change and the next file
 * must not see.
 */
import type pg from "pg";
import { z } from "zod";

import { type MigrationTable, tableName } from "./migration-table.ts";

/** Settings made in the session, and its role. */
export type Session = { role: string; settings: { name: string; value: string }[] };

const SessionRow = z.object({ role: z.string(), settings: z.array(z.object({ name: z.string(), value: z.string() })) });
const LockRow = z.object({ locked: z.boolean(), holder: z.string().nullable() });

const lockKey = "pg_catalog.hashtextextended($1, 0)";

/** Takes the runner's lock; when another session has it, answers who. */
export async function lockRunner(client: pg.ClientBase, table: MigrationTable): Promise<string | undefined> {
  const { rows } = await client.query(
    `with attempt as (select pg_catalog.pg_try_advisory_lock(${lockKey}) as locked)
     select locked, (
       select pg_catalog.format('process %s of %s since %s', a.pid, coalesce(nullif(a.application_name, ''), 'an unnamed program'), a.backend_start)
         from pg_catalog.pg_locks l
         join pg_catalog.pg_stat_activity a on a.pid = l.pid
        where l.locktype = 'advisory' and l.granted and l.pid <> pg_catalog.pg_backend_pid()
          and l.database = (select oid from pg_catalog.pg_database where datname = pg_catalog.current_database())
          and l.objsubid = 1
          and ((l.classid::bigint << 32) | l.objid::bigint) = ${lockKey}
        limit 1
     ) as holder
     from attempt`,
    [tableName(table)],
  );
  const { locked, holder } = LockRow.parse(rows[0]);
  return locked ? undefined : (holder ?? "a session that has just ended");
}

/** Gives the lock back; a lost connection has given it back already. */
export async function unlockRunner(client: pg.ClientBase, table: MigrationTable): Promise<void> {
  await client.query(`select pg_catalog.pg_advisory_unlock(${lockKey})`, [tableName(table)]).catch(() => undefined);
}

/** The settings as they are now. */
export async function readSession(client: pg.ClientBase): Promise<Session> {
  const { rows } = await client.query(
    `select pg_catalog.current_setting('role') as role,
            coalesce(jsonb_agg(jsonb_build_object('name', name, 'value', pg_catalog.current_setting(name)))
              filter (where source = 'session' and name not in ('role', 'session_authorization')), '[]') as settings
       from pg_catalog.pg_settings`,
  );
  return SessionRow.parse(rows[0]);
}

/** Puts role and settings back; inside a transaction a rollback undoes it together with what the file had set. */
export async function restoreSession(client: pg.ClientBase, session: Session): Promise<void> {
  await client.query("reset session authorization");
  await client.query("reset all");
  await client.query(
    `select pg_catalog.set_config(s.name, s.value, false)
       from pg_catalog.jsonb_to_recordset($1::jsonb) as s(name text, value text)`,
    [JSON.stringify(session.settings)],
  );
  await client.query("select pg_catalog.set_config('role', $1, false)", [session.role]);
}
