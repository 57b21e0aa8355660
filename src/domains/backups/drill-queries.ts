/**
 * SQL around a restore. The role that restores owns the database and what a dump
 * makes in it, and may do nothing else: no program, no file, no library, no other
 * server. What needs more is made here, before a line of the dump is run.
 */
import pg from "pg";

export type RestoreRole = { name: string; password: string };

const quote = pg.escapeIdentifier;

/** Extensions whose functions reach out of the server: they exist, and nobody may call them. */
const reachingExtensions = ["dblink", "http", "pg_net"];

/** Encodings that a server may have; a dump in another one is converted. */
const serverEncodings = /^(UTF8|SQL_ASCII|LATIN\d+|WIN\d+|ISO_8859_\d|KOI8[RU]|EUC_\w+|MULE_INTERNAL)$/;

/** Run in `postgres`: the role, those that the dump names, and its empty database. */
export async function createRestoreDatabase(
  client: pg.Client,
  wanted: { database: string; role: RestoreRole; roles: readonly string[]; encoding: string | undefined },
): Promise<void> {
  const { database, role } = wanted;
  const encoding = serverEncodings.test(wanted.encoding ?? "") ? wanted.encoding : "UTF8";
  await client.query(`create role ${quote(role.name)} login bypassrls password ${pg.escapeLiteral(role.password)}`);
  for (const name of wanted.roles) {
    // Some of them are superusers where the dump is from: what they own must be able to read what others own.
    await client.query(`create role ${quote(name)} nologin bypassrls`);
    await client.query(`grant pg_read_all_data, pg_write_all_data to ${quote(name)}`);
    await client.query(`grant ${quote(name)} to ${quote(role.name)}`);
  }
  await client.query(
    `create database ${quote(database)} template template0 owner ${quote(role.name)} encoding ${pg.escapeLiteral(encoding ?? "UTF8")}`,
  );
  // A new owner of a schema or a table must be allowed to create there.
  await client.query(`grant all on database ${quote(database)} to public`);
}

/** Run in the new database, as its first statements. Answers the extensions that cannot be made here. */
export async function prepareRestoreDatabase(
  client: pg.Client,
  role: RestoreRole,
  extensions: readonly { name: string; schema: string }[],
): Promise<string[]> {
  await client.query("grant all on schema public to public");
  await client.query(`alter default privileges for role ${quote(role.name)} grant all on schemas to public`);
  const missing: string[] = [];
  for (const { name, schema } of extensions) {
    if (schema !== "pg_catalog") {
      await client.query(`create schema if not exists ${quote(schema)} authorization ${quote(role.name)}`);
      await client.query(`grant all on schema ${quote(schema)} to public`);
    }
    const isMade = await client
      .query(`create extension if not exists ${quote(name)} with schema ${quote(schema)} cascade`)
      .then(
        () => true,
        () => false,
      );
    if (!isMade) missing.push(name);
  }
  await closeWaysOut(client);
  return missing;
}

/** Foreign servers and tables can be restored and not be asked; functions that connect cannot be called. */
async function closeWaysOut(client: pg.Client): Promise<void> {
  const wrappers = await client.query<{ name: string }>("select fdwname::text as name from pg_foreign_data_wrapper");
  for (const { name } of wrappers.rows) {
    await client.query(`alter foreign data wrapper ${quote(name)} no handler`);
    await client.query(`grant usage on foreign data wrapper ${quote(name)} to public`);
  }
  const functions = await client.query<{ signature: string }>(
    `select p.oid::regprocedure::text as signature
       from pg_proc p
       join pg_depend d on d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e'
       join pg_extension e on d.refclassid = 'pg_extension'::regclass and e.oid = d.refobjid
      where e.extname = any ($1)`,
    [reachingExtensions],
  );
  for (const { signature } of functions.rows) {
    await client.query(`revoke execute on routine ${signature} from public`);
  }
}

/** As pg_restore sets its own sessions; names in the rows' statements are qualified. `encoding` is one word. */
export async function prepareRowSession(client: pg.Client, encoding: string): Promise<void> {
  await client.query(`set client_encoding = ${pg.escapeLiteral(encoding)}`);
  await client.query(
    `set search_path = ''; set row_security = off; set statement_timeout = 0; set lock_timeout = 0;
     set xmloption = content; set check_function_bodies = off`,
  );
}

/** Of the tables that a dump carries rows of; for a dump without a manifest, which names none. */
export async function countRestoredRows(client: pg.Client): Promise<{ tables: number; rows: number }> {
  const { rows: tables } = await client.query<{ schema: string; name: string }>(`
    select n.nspname::text as schema, c.relname::text as name
      from pg_class c
      join pg_namespace n on n.oid = c.relnamespace
     where c.relkind = 'r'
       and n.nspname not in ('pg_catalog', 'information_schema')
       and not exists (
         select from pg_depend d
          where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e'
       )`);
  let total = 0;
  for (const { schema, name } of tables) {
    const { rows } = await client.query<{ count: string }>(
      `select count(*)::text as count from only ${quote(schema)}.${quote(name)}`,
    );
    total += Number(rows[0]?.count ?? 0);
  }
  return { tables: tables.length, rows: total };
}
