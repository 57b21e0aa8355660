/**
 * SQL that reads what a database holds, so that two databases can be compared
 * without moving a row. Names come from the operator's database and are always
 * quoted.
 */
import pg from "pg";

/** A table whose rows a dump carries: columns in the order of their names, because a restore may change their order. */
export type ContentTable = { schema: string; name: string; columns: string[] };

export type SequenceState = { schema: string; name: string; value: string; isCalled: boolean };

/** `convert_to`'s word for the bytes that are hashed: equal bytes whatever the server's encoding. */
export type HashedEncoding = "UTF8" | "SQL_ASCII";

/** How many there are, and the sum of what each hashes to: independent of order, and duplicates count. */
export type Digest = { count: number; hash: string };

const largeObjectPieceBytes = 1_048_576;

/** Text output of every type equal on every server; `row_security` turns hidden rows into an error, as in pg_dump. */
const settings = {
  search_path: "pg_catalog",
  datestyle: "ISO, YMD",
  intervalstyle: "postgres",
  timezone: "UTC",
  extra_float_digits: "3",
  bytea_output: "hex",
  lc_monetary: "C",
  xmlbinary: "base64",
  xmloption: "content",
  row_security: "off",
  statement_timeout: "0",
  idle_in_transaction_session_timeout: "0",
};

const quote = pg.escapeIdentifier;

function qualified({ schema, name }: { schema: string; name: string }): string {
  return `${quote(schema)}.${quote(name)}`;
}

/** One state of the database for all that follows in this session, with its settings. */
export async function beginSnapshot(client: pg.Client): Promise<void> {
  await client.query("begin isolation level repeatable read read only");
  const names = Object.keys(settings);
  await client.query("select set_config(name, value, true) from unnest($1::text[], $2::text[]) as s(name, value)", [
    names,
    Object.values(settings),
  ]);
}

/** The name under which other sessions, `pg_dump --snapshot` among them, see the same state while this one is open. */
export async function exportSnapshot(client: pg.Client): Promise<string> {
  return one(await client.query<{ name: string }>("select pg_export_snapshot() as name")).name;
}

export async function endSnapshot(client: pg.Client): Promise<void> {
  await client.query("rollback");
}

export async function findDatabase(
  client: pg.Client,
): Promise<{ name: string; encoding: string; sizeBytes: string; serverVersion: string }> {
  return one(
    await client.query<{ name: string; encoding: string; sizeBytes: string; serverVersion: string }>(`
      select current_database() as name,
             current_setting('server_encoding') as encoding,
             pg_database_size(current_database())::text as "sizeBytes",
             current_setting('server_version_num') as "serverVersion"`),
  );
}

/**
 * Every table that has rows of its own: partitions, not their parents. Left out is
 * what a dump carries no rows of: tables of extensions, foreign and temporary
 * tables, and on a replica unlogged ones.
 */
export async function listTables(client: pg.Client): Promise<ContentTable[]> {
  const { rows } = await client.query<ContentTable>(`
    select n.nspname::text as schema,
           c.relname::text as name,
           array(
             select a.attname::text
               from pg_attribute a
              where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
              order by a.attname::text collate "C"
           ) as columns
      from pg_class c
      join pg_namespace n on n.oid = c.relnamespace
     where c.relkind = 'r'
       and (c.relpersistence = 'p' or (c.relpersistence = 'u' and not pg_is_in_recovery()))
       and ${isOfUser}
     order by n.nspname::text collate "C", c.relname::text collate "C"`);
  return rows;
}

/** `sha256` of each row's text, its first 64 bits summed. */
export async function digestRows(client: pg.Client, table: ContentTable, encoding: HashedEncoding): Promise<Digest> {
  const columns = table.columns.map((column) => `t.${quote(column)}`).join(", ");
  return digestOf(
    await client.query<DigestRow>(
      `select count(*)::text as count,
              coalesce(sum(${hashed("convert_to(row(" + columns + ")::text, $1)")}), 0)::text as hash
         from only ${qualified(table)} t`,
      [encoding],
    ),
  );
}

export async function listSequences(client: pg.Client): Promise<SequenceState[]> {
  const { rows } = await client.query<{ schema: string; name: string }>(`
    select n.nspname::text as schema, c.relname::text as name
      from pg_class c
      join pg_namespace n on n.oid = c.relnamespace
     where c.relkind = 'S'
       and (c.relpersistence = 'p' or (c.relpersistence = 'u' and not pg_is_in_recovery()))
       and ${isOfUser}
     order by n.nspname::text collate "C", c.relname::text collate "C"`);
  const states: SequenceState[] = [];
  for (const sequence of rows) {
    const state = await client.query<{ value: string; isCalled: boolean }>(
      `select last_value::text as value, is_called as "isCalled" from ${qualified(sequence)}`,
    );
    states.push({ ...sequence, ...one(state) });
  }
  return states;
}

/** Large objects in pieces, so that one of any size fits into memory. */
export async function digestLargeObjects(client: pg.Client): Promise<Digest> {
  return digestOf(
    await client.query<DigestRow>(`
      with recursive piece as (
        select o.oid, 0::bigint as n, octet_length(r.data) as bytes, sha256(r.data) as hash
          from pg_largeobject_metadata o,
               lateral (select lo_get(o.oid, 0, ${largeObjectPieceBytes}) as data offset 0) r
        union all
        select p.oid, p.n + 1, octet_length(r.data), sha256(r.data)
          from piece p,
               lateral (select lo_get(p.oid, (p.n + 1) * ${largeObjectPieceBytes}, ${largeObjectPieceBytes}) as data offset 0) r
         where p.bytes = ${largeObjectPieceBytes}
      )
      select count(distinct oid)::text as count,
             coalesce(sum(${hashed("convert_to(row(oid, n, hash)::text, 'UTF8')")}), 0)::text as hash
        from piece`),
  );
}

/** Of a class `c` in a namespace `n`: neither PostgreSQL's own nor an extension's. */
const isOfUser = `
  n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
  and not exists (
    select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e'
  )`;

function hashed(bytes: string): string {
  return `('x' || encode(substr(sha256(${bytes}), 1, 8), 'hex'))::bit(64)::bigint`;
}

type DigestRow = { count: string; hash: string };

function digestOf(result: pg.QueryResult<DigestRow>): Digest {
  const { count, hash } = one(result);
  return { count: Number(count), hash };
}

function one<Row extends pg.QueryResultRow>({ rows }: pg.QueryResult<Row>): Row {
  const [row] = rows;
  if (row === undefined) throw new Error("a query for one row returned none");
  return row;
}
