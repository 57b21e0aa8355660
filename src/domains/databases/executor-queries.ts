/** The statements around a plan's statements: settings, transactions, savepoints. */
import type pg from "pg";

/** The text as it is, one or more statements: what a plan or a dump says. */
export async function runText(client: pg.ClientBase, text: string): Promise<void> {
  await client.query(text);
}

export async function applySetting(client: pg.ClientBase, name: string, value: string): Promise<void> {
  await client.query("select pg_catalog.set_config($1, $2, false)", [name, value]);
}

/** Ends what another session of the same role runs; its transaction is taken back. */
export async function cancelStatement(client: pg.ClientBase, pid: number | undefined): Promise<void> {
  await client.query("select pg_catalog.pg_cancel_backend($1)", [pid]);
}

/** Back to the value that role and database give their sessions. */
export async function resetSearchPath(client: pg.ClientBase): Promise<void> {
  await client.query("reset search_path");
}

export async function beginTransaction(client: pg.ClientBase): Promise<void> {
  await client.query("begin");
}

export async function rollbackTransaction(client: pg.ClientBase): Promise<void> {
  await client.query("rollback");
}

export async function setSavepoint(client: pg.ClientBase): Promise<void> {
  await client.query("savepoint statement");
}

export async function releaseSavepoint(client: pg.ClientBase): Promise<void> {
  await client.query("release savepoint statement");
}

export async function rollbackToSavepoint(client: pg.ClientBase): Promise<void> {
  await client.query("rollback to savepoint statement");
}

/** Removes what a broken concurrent build left; the name is quoted already. */
export async function dropIndexConcurrently(client: pg.ClientBase, index: string): Promise<void> {
  await client.query(`drop index concurrently if exists ${index}`);
}
