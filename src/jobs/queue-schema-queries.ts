import pg from "pg";

/** The schema that the queue's library owns; outside every mirror and drift. */
export const queueSchema = "leveredge_jobs";

const schema = pg.escapeIdentifier(queueSchema);

/** One process at a time prepares the queue; a lost connection gives the turn back. */
export async function lockPreparation(client: pg.ClientBase): Promise<void> {
  await client.query("select pg_advisory_lock(hashtextextended('leveredge queue', 0))");
}

export async function unlockPreparation(client: pg.ClientBase): Promise<void> {
  await client.query("select pg_advisory_unlock(hashtextextended('leveredge queue', 0))");
}

/** The version of the library's tables; undefined when there are none, null when they are there and say nothing. */
export async function findQueueVersion(client: pg.ClientBase): Promise<number | null | undefined> {
  const { rows: tables } = await client.query<{ found: boolean }>("select to_regclass($1) is not null as found", [
    `${schema}.version`,
  ]);
  if (tables[0]?.found !== true) return undefined;
  const { rows } = await client.query<{ version: number }>(`select version from ${schema}.version`);
  return rows[0]?.version ?? null;
}

/** Whether the schema is there, as an administrator may have made it. */
export async function hasQueueSchema(client: pg.ClientBase): Promise<boolean> {
  const { rows } = await client.query("select 1 from pg_namespace where nspname = $1", [queueSchema]);
  return rows.length > 0;
}

export async function createQueueSchema(client: pg.ClientBase): Promise<void> {
  await client.query(`create schema ${schema}`);
}

/** The library's own statements, one by one: some of them refuse a transaction. */
export async function runQueueStatement(client: pg.ClientBase, statement: string): Promise<void> {
  await client.query(statement);
}

/** The application may use what is there and what a later version adds; nobody else may use anything. */
export async function grantQueueTo(client: pg.ClientBase, role: string): Promise<void> {
  const { rows } = await client.query<{ name: string }>(
    "select rolname as name from pg_roles where rolname = any($1)",
    [["anon", "authenticated"]],
  );
  const others = ["public", ...rows.map(({ name }) => pg.escapeIdentifier(name))].join(", ");
  const app = pg.escapeIdentifier(role);
  await client.query(`
    begin;
    revoke all on schema ${schema} from ${others};
    revoke all on all tables in schema ${schema} from ${others};
    revoke all on all sequences in schema ${schema} from ${others};
    revoke all on all routines in schema ${schema} from ${others};
    grant usage on schema ${schema} to ${app};
    grant select, insert, update, delete on all tables in schema ${schema} to ${app};
    grant usage, select on all sequences in schema ${schema} to ${app};
    grant execute on all routines in schema ${schema} to ${app};
    commit`);
}

/** What the library runs its statements on. */
export function runOn(pool: pg.Pool): { executeSql(text: string, values?: unknown[]): Promise<pg.QueryResult> } {
  return { executeSql: (text, values) => pool.query(text, values) };
}
