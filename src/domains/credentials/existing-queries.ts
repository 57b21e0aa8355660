/** SQL of an `aegis_credentials` that a platform has in a database of its own: its rows without values. */
import { sql } from "kysely";
import pg from "pg";
import { z } from "zod";

import type { FoundColumn } from "#postgres/column-queries.ts";
import { type Db, many } from "#store/database.ts";

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
export async function listExistingRows(client: pg.Client, columns: readonly FoundColumn[]): Promise<ExistingRow[]> {
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
