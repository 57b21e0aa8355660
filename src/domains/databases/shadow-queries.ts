/** SQL of throw-away databases and of the roles that are made for them. */
import pg from "pg";
import { z } from "zod";

export const throwAwayMark = "leveredge: throw-away database of a mirror";
const roleMark = "leveredge: made for a throw-away database";

const Names = z.array(z.object({ name: z.string() }));

export async function findOwnPid(client: pg.ClientBase): Promise<number> {
  const { rows } = await client.query("select pg_catalog.pg_backend_pid() as pid");
  return z.object({ pid: z.int() }).parse(rows[0]).pid;
}

/** With the encoding and locale of the database that the session is in. */
export async function createThrowAway(client: pg.ClientBase, name: string): Promise<void> {
  const identifier = pg.escapeIdentifier(name);
  const { rows } = await client.query(
    `select pg_catalog.pg_encoding_to_char(encoding) as encoding, datcollate as collate, datctype as ctype
       from pg_catalog.pg_database where datname = pg_catalog.current_database() and datlocprovider = 'c'`,
  );
  const like = z.array(z.object({ encoding: z.string(), collate: z.string(), ctype: z.string() })).parse(rows)[0];
  const locale =
    like === undefined
      ? ""
      : `encoding ${pg.escapeLiteral(like.encoding)} lc_collate ${pg.escapeLiteral(like.collate)} lc_ctype ${pg.escapeLiteral(like.ctype)}`;
  await client.query(`create database ${identifier} template template0 ${locale}`);
  await client.query(`comment on database ${identifier} is ${pg.escapeLiteral(throwAwayMark)}`);
}

/** Throw-away databases that nobody is connected to and whose maker is gone. */
export async function listStale(client: pg.ClientBase): Promise<string[]> {
  const { rows } = await client.query(
    `select d.datname::text as name
       from pg_catalog.pg_database d
      where d.datname ~ '^leveredge_shadow_[0-9a-f]{8}_[0-9]+$'
        and coalesce(pg_catalog.shobj_description(d.oid, 'pg_database'), $1) = $1
        and pg_catalog.pg_has_role(d.datdba, 'usage')
        and not exists (select from pg_catalog.pg_stat_activity a where a.datid = d.oid)
        and not exists (
          select from pg_catalog.pg_stat_activity a
           where a.pid = pg_catalog.substring(d.datname::text, '[0-9]+$')::bigint)
      order by 1`,
    [throwAwayMark],
  );
  return Names.parse(rows).map(({ name }) => name);
}

export async function hasThrowAway(client: pg.ClientBase): Promise<boolean> {
  const { rows } = await client.query(
    "select exists (select from pg_catalog.pg_database where datname ~ '^leveredge_shadow_[0-9a-f]{8}_[0-9]+$') as found",
  );
  return z.object({ found: z.boolean() }).parse(rows[0]).found;
}

/** Fails when somebody is connected, which is what keeps a living one. */
export async function dropUnused(client: pg.ClientBase, name: string): Promise<void> {
  await client.query(`drop database if exists ${pg.escapeIdentifier(name)}`);
}

/** Ends our own sessions in it first. */
export async function dropThrowAway(client: pg.ClientBase, name: string): Promise<void> {
  await client.query(`drop database if exists ${pg.escapeIdentifier(name)} with (force)`);
}

/** Makes a role that may do nothing, unless it exists; answers whether it was made. */
export async function createTemporaryRole(client: pg.ClientBase, name: string): Promise<boolean> {
  const identifier = pg.escapeIdentifier(name);
  const existing = await client.query("select from pg_catalog.pg_roles where rolname = $1", [name]);
  if (existing.rows.length > 0) return false;
  await client.query("begin");
  await client.query(`create role ${identifier} nologin`);
  await client.query(`comment on role ${identifier} is ${pg.escapeLiteral(roleMark)}`);
  await client.query("commit");
  return true;
}

/** Roles that a killed run left; one that is in use cannot be dropped and stays. */
export async function listTemporaryRoles(client: pg.ClientBase): Promise<string[]> {
  const { rows } = await client.query(
    `select rolname::text as name from pg_catalog.pg_roles
      where pg_catalog.shobj_description(oid, 'pg_authid') = $1 order by 1`,
    [roleMark],
  );
  return Names.parse(rows).map(({ name }) => name);
}

export async function dropRole(client: pg.ClientBase, name: string): Promise<void> {
  await client.query(`drop role if exists ${pg.escapeIdentifier(name)}`);
}
