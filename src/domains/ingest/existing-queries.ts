/** SQL of an `llm_usage` that a platform has in a database of its own, and of what was taken over from it. */
import { sql } from "kysely";
import pg from "pg";
import { z } from "zod";

import type { FoundColumn } from "#postgres/column-queries.ts";
import { type Db, maybe, one } from "#store/database.ts";

export type ExistingRow = Record<string, string | null>;

const fetchSize = 1_000;

/** How many rows there are, and from when; `newest` is null without any. */
export async function countExistingRows(
  client: pg.Client,
): Promise<{ rows: number; oldest: string | null; newest: string | null }> {
  const { rows } = await client.query<{ rows: string; oldest: string | null; newest: string | null }>(
    `select count(*)::text as rows, min(created_at)::text as oldest, max(created_at)::text as newest
       from public.llm_usage`,
  );
  const [found] = rows;
  return { rows: Number(found?.rows ?? 0), oldest: found?.oldest ?? null, newest: found?.newest ?? null };
}

/** Days of a table of sums that are older than every single call. */
export async function countOlderDays(client: pg.Client): Promise<number> {
  const { rows } = await client.query<{ days: string }>(
    `select count(distinct day)::text as days from public.llm_usage_daily
      where day < (select coalesce(min(created_at), 'infinity') from public.llm_usage)::date`,
  );
  return Number(rows[0]?.days ?? 0);
}

/** Of these columns alone, as text, in pieces; what is read is the state of one moment. */
export async function* listExistingRows(
  client: pg.Client,
  columns: readonly FoundColumn[],
): AsyncGenerator<ExistingRow[]> {
  const selected = columns.map(({ name, category, type }) => {
    const column = pg.escapeIdentifier(name);
    if (category !== "D") return `${column}::text as ${column}`;
    const form = `'YYYY-MM-DD"T"HH24:MI:SS.US`;
    const written = type.endsWith("with time zone")
      ? `to_char(${column} at time zone 'UTC', ${form}"Z"')`
      : `to_char(${column}::timestamp, ${form}')`;
    return `case when isfinite(${column}) then ${written} end as ${column}`;
  });
  await client.query(`declare existing no scroll cursor for select ${selected.join(", ")} from public.llm_usage`);
  for (;;) {
    const { rows } = await client.query<ExistingRow>(`fetch ${fetchSize} from existing`);
    if (rows.length === 0) return;
    yield rows;
  }
}

/** One moment for all that is read until the connection ends. */
export async function beginSnapshot(client: pg.Client): Promise<void> {
  await client.query("begin isolation level repeatable read read only");
}

/** Whether this state of a database's table was taken over. */
export async function hasImport(db: Db, key: string): Promise<boolean> {
  return (await maybe(db, z.object({ id: z.int() }), sql`select id from event where key = ${key}`)) !== undefined;
}

/** What all imports of a database said, and what the ledger holds of them. */
export function countImported(db: Db, side: "dev" | "prod"): Promise<{ told: number; held: number; imports: number }> {
  return one(
    db,
    z.object({ told: z.int(), held: z.int(), imports: z.int() }),
    sql`
      select coalesce(sum((details->>'recorded')::bigint), 0)::bigint as told,
             (select count(*) from llm_usage where source = 'existing' and environment = ${side}) as held,
             count(*) as imports
        from event
       where action = 'usage.existing' and environment = ${side}
    `,
  );
}
