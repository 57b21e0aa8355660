/**
 * The table that records migrations: `id, migration_name, applied_at, applied_by,
 * checksum`, and what we add to it: `kind`, `sql`, `status`. A table of that shape
 * that somebody made before is used as it is and gets the missing columns; one of
 * any other shape belongs to another tool and is refused.
 *
 * Its comment carries the mark `leveredge environment: dev|prod`, by which a mirror
 * tells its two ends apart.
 */
import pg from "pg";
import { z } from "zod";

import { AppError } from "#errors.ts";

export type MigrationTable = { schema: string; name: string };

export type MarkedEnvironment = "dev" | "prod";

/** What stands in a database under the table's name. */
export type MigrationTableState =
  | { state: "absent" }
  | { state: "foreign"; differences: string[] }
  | { state: "present"; environment: MarkedEnvironment | undefined; comment: string; missingColumns: string[] };

const Column = z.object({
  relkind: z.string(),
  comment: z.string(),
  name: z.string().nullable(),
  type: z.string().nullable(),
  required: z.boolean().nullable(),
});
type Column = z.output<typeof Column>;

const marking = /^leveredge environment: (dev|prod)$/m;
const lockTimeoutMs = 10_000;

const texts = ["text", "character varying"];
const specifiedColumns: Record<string, string[]> = {
  id: ["integer", "bigint"],
  migration_name: texts,
  applied_at: ["timestamp without time zone", "timestamp with time zone"],
  applied_by: texts,
  checksum: texts,
};
/** Those that every row we write has a value for. */
const writtenColumns = new Set(["migration_name", "applied_at", "applied_by", "checksum", "kind"]);
const ownColumns: Record<string, { types: string[]; definition: string }> = {
  kind: {
    types: ["text"],
    definition: "kind text not null default 'migration' check (kind in ('migration', 'mirror'))",
  },
  sql: { types: ["text"], definition: "sql text" },
  status: { types: ["jsonb"], definition: "status jsonb" },
};

/** The table's name as SQL and as people read it: `public.schema_migrations`. */
export function tableName(table: MigrationTable): string {
  return `${pg.escapeIdentifier(table.schema)}.${pg.escapeIdentifier(table.name)}`;
}

/** What is there, without changing anything. */
export async function inspectMigrationTable(
  client: pg.ClientBase,
  table: MigrationTable,
): Promise<MigrationTableState> {
  const { rows } = await client.query(
    `select c.relkind::text as relkind,
            coalesce(pg_catalog.obj_description(c.oid, 'pg_class'), '') as comment,
            a.attname::text as name,
            pg_catalog.format_type(a.atttypid, null) as type,
            a.attnotnull and not a.atthasdef and a.attidentity = '' as required
       from pg_catalog.pg_class c
       join pg_catalog.pg_namespace n on n.oid = c.relnamespace
       left join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
      where n.nspname = $1 and c.relname = $2
      order by a.attnum`,
    [table.schema, table.name],
  );
  const columns = rows.map((row) => Column.parse(row));
  const first = columns[0];
  if (first === undefined) return { state: "absent" };
  const differences = shapeDifferences(columns);
  if (differences.length > 0) return { state: "foreign", differences };
  const present = new Set(columns.map((column) => column.name));
  return {
    state: "present",
    environment: markOf(first.comment),
    comment: first.comment,
    missingColumns: Object.keys(ownColumns).filter((name) => !present.has(name)),
  };
}

/** What `ensureMigrationTable` would change; throws what it would throw. Reads only. */
export async function listMissingWork(
  client: pg.ClientBase,
  table: MigrationTable,
  environment: MarkedEnvironment | undefined,
): Promise<string[]> {
  const work = missingWork(await inspectUsable(client, table), table, environment);
  return work.map(({ text }) => text);
}

/** The same as data: a conflict is an answer. */
export async function planMigrationTable(
  client: pg.ClientBase,
  table: MigrationTable,
  environment: MarkedEnvironment,
): Promise<{ state: "ready"; changes: string[] } | { state: "blocked"; reason: string; remedy: string }> {
  try {
    return { state: "ready", changes: await listMissingWork(client, table, environment) };
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== "conflict") throw error;
    return { state: "blocked", reason: error.message, remedy: error.hint ?? "" };
  }
}

/**
 * Makes the table ready and answers what was changed; a second call changes nothing.
 * `conflict` when another tool's table has the name, or when the database is marked
 * as the other environment.
 */
export async function ensureMigrationTable(
  client: pg.ClientBase,
  table: MigrationTable,
  options: { environment?: MarkedEnvironment } = {},
): Promise<string[]> {
  if (missingWork(await inspectUsable(client, table), table, options.environment).length === 0) return [];
  await client.query("begin");
  try {
    await client.query(`set local lock_timeout = ${lockTimeoutMs}`);
    await client.query("select pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended($1, 1))", [
      tableName(table),
    ]);
    const work = missingWork(await inspectUsable(client, table), table, options.environment);
    for (const { sql } of work) await client.query(sql);
    await client.query("commit");
    return work.map(({ text }) => text);
  } catch (cause) {
    // When the connection is gone the server rolls back by itself, and the first error says why.
    await client.query("rollback").catch(() => undefined);
    throw describeTableFailure(table, cause);
  }
}

/** The environment that the database was marked as; undefined when it never was. */
export async function readEnvironmentMark(
  client: pg.ClientBase,
  table: MigrationTable,
): Promise<MarkedEnvironment | undefined> {
  const found = await inspectMigrationTable(client, table);
  return found.state === "present" ? found.environment : undefined;
}

/** The table's state, when it is one we can use; `conflict` names the difference otherwise. */
export async function inspectUsable(
  client: pg.ClientBase,
  table: MigrationTable,
): Promise<Exclude<MigrationTableState, { state: "foreign" }>> {
  const found = await inspectMigrationTable(client, table);
  if (found.state !== "foreign") return found;
  throw new AppError("conflict", `table ${tableName(table)} belongs to another tool: ${found.differences.join("; ")}`, {
    hint: "Set migrations.table in leveredge.yaml to another name, for example public.leveredge_migrations.",
  });
}

type Work = { text: string; sql: string };

function missingWork(
  found: Exclude<MigrationTableState, { state: "foreign" }>,
  table: MigrationTable,
  environment: MarkedEnvironment | undefined,
): Work[] {
  const name = tableName(table);
  const work: Work[] = [];
  if (found.state === "absent") work.push({ text: `create table ${name}`, sql: createTable(table) });
  else if (found.missingColumns.length > 0) {
    const columns = found.missingColumns.map((column) => `add column ${ownColumns[column]?.definition}`);
    work.push({
      text: `add to ${name} the columns ${found.missingColumns.join(", ")} and close it to PUBLIC, anon and authenticated`,
      sql: `alter table ${name} ${columns.join(", ")}; ${revokePublic(table)}`,
    });
  }
  const marked = found.state === "present" ? found.environment : undefined;
  if (environment === undefined || marked === environment) return work;
  if (marked !== undefined) {
    throw new AppError(
      "conflict",
      `this database is marked as ${marked} in the comment of ${name}, not ${environment}`,
      {
        hint: `Check the URL of ${environment} in leveredge.yaml; it reaches the ${marked} database.`,
      },
    );
  }
  const comment = [found.state === "present" ? found.comment : "", `leveredge environment: ${environment}`];
  work.push({
    text: `mark the database as ${environment}`,
    sql: `comment on table ${name} is ${pg.escapeLiteral(comment.filter((line) => line !== "").join("\n"))}`,
  });
  return work;
}

function createTable(table: MigrationTable): string {
  return `create table ${tableName(table)} (
    id serial primary key,
    migration_name text not null unique,
    applied_at timestamptz default now(),
    applied_by text default 'system',
    checksum text,
    ${Object.values(ownColumns)
      .map(({ definition }) => definition)
      .join(", ")}
  ); ${revokePublic(table)}`;
}

/** Default privileges of hosted platforms grant new tables to their API roles; recorded SQL is not for them. */
function revokePublic(table: MigrationTable): string {
  const revoke = pg.escapeLiteral(`revoke all on table ${tableName(table).replaceAll("%", "%%")} from %I`);
  return `revoke all on table ${tableName(table)} from public;
    do ${pg.escapeLiteral(`declare grantee name; begin
      for grantee in select rolname from pg_catalog.pg_roles where rolname in ('anon', 'authenticated') loop
        execute pg_catalog.format(${revoke}, grantee);
      end loop;
    end`)}`;
}

function shapeDifferences(columns: Column[]): string[] {
  const relkind = columns[0]?.relkind;
  if (relkind !== "r") return [`it is not an ordinary table (relkind ${relkind})`];
  const present = new Map(columns.map((column) => [column.name, column]));
  const differences: string[] = [];
  for (const [name, types] of Object.entries(specifiedColumns)) {
    const type = present.get(name)?.type;
    if (type === undefined || type === null) differences.push(`column ${name} is missing`);
    else if (!types.includes(type)) differences.push(`column ${name} is ${type}, not ${types[0]}`);
  }
  for (const [name, { types }] of Object.entries(ownColumns)) {
    const type = present.get(name)?.type;
    if (type && !types.includes(type)) differences.push(`column ${name} is ${type}, not ${types[0]}`);
  }
  for (const { name, type, required } of columns) {
    if (name === null || !required || writtenColumns.has(name)) continue;
    differences.push(`column ${name} (${type}) must be given a value we do not know`);
  }
  return differences;
}

function markOf(comment: string): MarkedEnvironment | undefined {
  const mark = marking.exec(comment)?.[1];
  return mark === "dev" || mark === "prod" ? mark : undefined;
}

function describeTableFailure(table: MigrationTable, cause: unknown): unknown {
  if (!(cause instanceof pg.DatabaseError)) return cause;
  const name = tableName(table);
  if (cause.code === "42501") {
    return new AppError("forbidden", `the role may not make ${name} ready: ${cause.message}`, {
      cause,
      hint: `Use the table's owner, or grant create on schema ${pg.escapeIdentifier(table.schema)} to this role.`,
    });
  }
  if (cause.code === "3F000") {
    return new AppError("not_found", `schema ${table.schema} of the migration table does not exist`, {
      cause,
      hint: `Create it with: create schema ${pg.escapeIdentifier(table.schema)}`,
    });
  }
  return new AppError("upstream_failed", `${name} cannot be made ready: ${cause.message}`, { cause });
}
