/**
 * The rows of the migration table: what was applied, how far an unfinished file
 * got, and what each mirror run did.
 */
import type pg from "pg";
import { z } from "zod";

import { inspectUsable, type MigrationTable, tableName } from "./migration-table.ts";

const AppliedRow = z.object({
  id: z.string(),
  name: z.string(),
  appliedAt: z.iso.datetime().nullable(),
  appliedBy: z.string().nullable(),
  checksum: z.string().nullable(),
  kind: z.enum(["migration", "mirror"]),
  sql: z.string().nullable(),
  status: z.unknown(),
});

/** A recorded migration or mirror. A row that was not written by us may lack its checksum. */
export type Applied = z.output<typeof AppliedRow>;

/** How far a file without a transaction got; its row stands there before its first statement runs. */
export const Progress = z.object({
  state: z.enum(["running", "failed", "done"]),
  /** The statement that runs, failed or was the last, from 1. */
  statement: z.int(),
  of: z.int(),
  line: z.int(),
  headline: z.string(),
  /** SHA-256 of the file's text before this statement: what is done already and must not be edited. */
  prefixSha256: z.string(),
});
export type Progress = z.output<typeof Progress>;

/** All rows by id; none when the table is absent. `conflict` when it belongs to another tool. */
export async function listApplied(client: pg.ClientBase, table: MigrationTable): Promise<Applied[]> {
  const found = await inspectUsable(client, table);
  if (found.state === "absent") return [];
  const own = (column: string, otherwise: string): string =>
    found.missingColumns.includes(column) ? otherwise : column;
  const { rows } = await client.query(
    `select id::text as id,
            migration_name as name,
            to_char(applied_at::timestamptz at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as "appliedAt",
            applied_by as "appliedBy",
            checksum,
            ${own("kind", "'migration'")} as kind,
            ${own("sql", "null::text")} as sql,
            ${own("status", "null::jsonb")} as status
       from ${tableName(table)} as recorded
      order by recorded.id`,
  );
  return rows.map((row) => AppliedRow.parse(row));
}

/** The progress of a file without a transaction that did not reach its end. */
export function unfinishedProgress(applied: Applied): Progress | undefined {
  if (applied.kind !== "migration") return undefined;
  const progress = Progress.safeParse(applied.status);
  return progress.success && progress.data.state !== "done" ? progress.data : undefined;
}

export async function insertApplied(
  client: pg.ClientBase,
  table: MigrationTable,
  row: { name: string; appliedBy: string; checksum: string; status?: Progress },
): Promise<void> {
  await client.query(
    `insert into ${tableName(table)} (migration_name, applied_at, applied_by, checksum, kind, status)
     values ($1, now(), $2, $3, 'migration', $4)`,
    [row.name, row.appliedBy, row.checksum, row.status ?? null],
  );
}

export async function updateProgress(
  client: pg.ClientBase,
  table: MigrationTable,
  name: string,
  change: { checksum: string; status: Progress },
): Promise<void> {
  await client.query(
    `update ${tableName(table)} set checksum = $2, status = $3 where migration_name = $1 and kind = 'migration'`,
    [name, change.checksum, change.status],
  );
}

/** Records a mirror run and answers the name of its row; `sql` must be redacted already. */
export async function recordMirror(
  client: pg.ClientBase,
  table: MigrationTable,
  mirror: { at: Date; appliedBy: string; checksum: string; sql: string; status: unknown },
): Promise<string> {
  const name = `mirror-${mirror.at.toISOString()}-${mirror.checksum.slice(0, 8)}`;
  await client.query(
    `insert into ${tableName(table)} (migration_name, applied_at, applied_by, checksum, kind, sql, status)
     values ($1, $2::timestamptz, $3, $4, 'mirror', $5, $6)`,
    [name, mirror.at.toISOString(), mirror.appliedBy, mirror.checksum, mirror.sql, JSON.stringify(mirror.status)],
  );
  return name;
}

/** Replaces the status of a recorded mirror run. */
export async function updateMirrorStatus(
  client: pg.ClientBase,
  table: MigrationTable,
  name: string,
  status: unknown,
): Promise<void> {
  await client.query(`update ${tableName(table)} set status = $2 where migration_name = $1 and kind = 'mirror'`, [
    name,
    JSON.stringify(status),
  ]);
}

/** Indexes of the database that `concurrently` left unusable, as SQL names. */
export async function listInvalidIndexes(client: pg.ClientBase): Promise<string[]> {
  const { rows } = await client.query(
    `select pg_catalog.format('%I.%I', n.nspname, c.relname) as name
       from pg_catalog.pg_index i
       join pg_catalog.pg_class c on c.oid = i.indexrelid
       join pg_catalog.pg_namespace n on n.oid = c.relnamespace
      where not i.indisvalid and n.nspname !~ '^pg_'
      order by 1`,
  );
  return rows.map((row) => z.object({ name: z.string() }).parse(row).name);
}
