/** SQL of an `aegis_credentials` that a platform has in a database of its own: what it is like, and its rows without values. */
import { sql } from "kysely";
import pg from "pg";
import { z } from "zod";

import { type Db, many } from "#store/database.ts";

export type ExistingColumn = {
  name: string;
  /** As SQL writes it. */
  type: string;
  /** PostgreSQL's category of the type: `S` text, `D` date and time, `N` number. */
  category: string;
  isReadable: boolean;
};

/** Undefined when there is no such table in `public`; no column when it is not a table. */
export async function findExistingColumns(client: pg.Client): Promise<ExistingColumn[] | undefined> {
  const { rows } = await client.query<ExistingColumn & { kind: string }>(
    `select c.relkind::text as "kind", coalesce(a.attname, '') as "name",
            coalesce(format_type(a.atttypid, a.atttypmod), '') as "type",
            coalesce(t.typcategory::text, '') as "category",
            coalesce(has_column_privilege(c.oid, a.attnum, 'select'), false)
              and has_schema_privilege(n.oid, 'usage') as "isReadable"
       from pg_catalog.pg_class c
       join pg_catalog.pg_namespace n on n.oid = c.relnamespace
       left join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
       left join pg_catalog.pg_type t on t.oid = a.atttypid
      where n.nspname = 'public' and c.relname = 'aegis_credentials' and c.relkind in ('r', 'p', 'v', 'm', 'f')
      order by a.attnum`,
  );
  if (rows.length === 0) return undefined;
  return rows.filter(({ kind, name }) => ["r", "p"].includes(kind) && name !== "");
}

const ExistingRow = z.object({
  credential_name: z.string().nullable(),
  provider: z.string().nullable(),
  environment: z.string().nullable().default(null),
  /** In UTC, where the column has no time zone. */
  expires_at: z.string().nullable().default(null),
  rotation_reminder_days: z.string().nullable().default(null),
});
export type ExistingRow = z.output<typeof ExistingRow>;

/** Of these columns alone: what else the table holds may be a secret. */
export async function listExistingRows(client: pg.Client, columns: readonly ExistingColumn[]): Promise<ExistingRow[]> {
  const selected = columns.map(({ name, category, type }) => {
    const column = pg.escapeIdentifier(name);
    if (category !== "D") return `${column}::text as ${column}`;
    const inUtc = type.endsWith("with time zone") ? `${column} at time zone 'UTC'` : `${column}::timestamp`;
    return `case when isfinite(${column}) then to_char(${inUtc}, 'YYYY-MM-DD"T"HH24:MI:SS"Z"') end as ${column}`;
  });
  const { rows } = await client.query<Record<string, unknown>>(
    `select ${selected.join(", ")} from public.aegis_credentials order by credential_name limit 10000`,
  );
  return rows.map((row) => ExistingRow.parse(row));
}

/** Which of these facts were recorded before: what was imported once and removed since does not come back. */
export async function listRecordedKeys(db: Db, keys: readonly string[]): Promise<string[]> {
  const rows = await many(
    db,
    z.object({ key: z.string() }),
    sql`select key from event where key = any(${[...keys]}::text[])`,
  );
  return rows.map(({ key }) => key);
}
