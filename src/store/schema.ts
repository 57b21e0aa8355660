/**
 * The store's schema `leveredge` in its database: made, closed to everybody but
 * the application role, migrated. Safe to run again and by several processes at
 * once; when nothing is to be done it writes nothing.
 *
 * The application works as `leveredge_app`, which owns nothing: tables that only
 * grow are append-only for it, by revokes in their own migrations.
 */
import { join } from "node:path";

import pg from "pg";

import { AppError } from "#errors.ts";

import {
  applyMigrations,
  ensureMigrationTable,
  listApplied,
  type MigrationFile,
  readMigrationFiles,
} from "./migrator.ts";
import { appRole, storeSchema } from "./session.ts";

/** The store's own migrations, shipped with the program. */
export const migrationsDirectory = join(import.meta.dirname, "..", "..", "migrations");

const migrationTable = { schema: storeSchema, name: "schema_migrations" };
const lockTimeoutMs = 60_000;
/** Roles through which Supabase's API reaches a database: they get nothing here. */
const outsideRoles = ["anon", "authenticated"];

/** Brings the database to this program's schema; answers the migrations it applied. Refuses a schema newer than the program. */
export async function prepareSchema(
  client: pg.Client,
  options: { appliedBy: string; signal?: AbortSignal | undefined },
): Promise<string[]> {
  const files = await readMigrationFiles(migrationsDirectory);
  await takeTurn(client);
  await ensureRole(client);
  await ensureSchema(client);
  await ensureMigrationTable(client, migrationTable);
  await refuseNewerSchema(client, files);
  const applied = await applyMigrations(client, migrationTable, files, {
    appliedBy: options.appliedBy,
    lockTimeoutMs,
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
  await closeToOthers(client);
  await client.query("select pg_advisory_unlock(hashtextextended('leveredge store', 0))");
  return applied;
}

/** One process at a time; a lost connection gives the turn back. */
async function takeTurn(client: pg.Client): Promise<void> {
  await client.query("select pg_advisory_lock(hashtextextended('leveredge store', 0))").catch((cause: unknown) => {
    if (!(cause instanceof pg.DatabaseError) || cause.code !== "55P03") throw cause;
    throw new AppError("unavailable", "another leveredge has been preparing the store for two minutes", {
      hint: "Find it with: pgrep -af leveredge",
      cause,
    });
  });
}

async function ensureRole(client: pg.Client): Promise<void> {
  const { rows } = await client.query("select 1 from pg_roles where rolname = $1", [appRole]);
  if (rows.length === 0) {
    await asAdministrator(client, `create role ${appRole} nologin`).catch((cause: unknown) => {
      // Roles belong to the whole cluster: another database's store may have made it in this moment.
      if (!(cause instanceof pg.DatabaseError) || !["42710", "23505"].includes(cause.code ?? "")) throw cause;
    });
  }
  const membership = await client.query<{ settable: boolean }>(
    `select pg_has_role(
       $1,
       case when current_setting('server_version_num')::int >= 160000 then 'SET' else 'MEMBER' end
     ) as settable`,
    [appRole],
  );
  if (membership.rows[0]?.settable !== true) await asAdministrator(client, `grant ${appRole} to current_user`);
}

async function ensureSchema(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ owner: string; mine: boolean; prepared: boolean }>(
    `select nspowner::regrole::text as owner,
            pg_has_role(nspowner, 'USAGE') as mine,
            has_schema_privilege($2, oid, 'USAGE') and exists (
              select from pg_default_acl
              where defaclnamespace = pg_namespace.oid
                and defaclrole = (select oid from pg_roles where rolname = current_user)
                and defaclobjtype = 'f'
            ) as prepared
     from pg_namespace
     where nspname = $1`,
    [storeSchema, appRole],
  );
  const [schema] = rows;
  if (schema?.prepared === true) return;
  if (schema === undefined) await asAdministrator(client, `create schema ${storeSchema}`);
  if (schema?.mine === false) {
    throw new AppError("conflict", `schema ${storeSchema} in the store's database belongs to ${schema.owner}`, {
      hint: `Set DATABASE_URL to connect as ${schema.owner}.`,
    });
  }
  await client.query(`
    begin;
    grant usage on schema ${storeSchema} to ${appRole};
    alter default privileges in schema ${storeSchema} grant select, insert, update, delete on tables to ${appRole};
    alter default privileges in schema ${storeSchema} grant usage, select on sequences to ${appRole};
    alter default privileges in schema ${storeSchema} grant execute on functions to ${appRole};
    commit`);
}

async function refuseNewerSchema(client: pg.Client, files: MigrationFile[]): Promise<void> {
  const newest = files.at(-1)?.name ?? "";
  const known = new Set(files.map(({ name }) => name));
  const unknown = (await listApplied(client, migrationTable)).find(({ name }) => !known.has(name) && name > newest);
  if (unknown === undefined) return;
  throw new AppError(
    "precondition_failed",
    `the store was written by a newer leveredge: it has migration ${unknown.name}`,
    {
      hint: "Install that version or a later one.",
    },
  );
}

/** Takes back what PostgreSQL gives to PUBLIC by default and a database's default privileges may give to others. */
async function closeToOthers(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ roles: string[] | null; open: boolean }>(openPrivileges, [
    storeSchema,
    outsideRoles,
    appRole,
    `${storeSchema}.${migrationTable.name}`,
  ]);
  if (rows[0]?.open !== true) return;
  const roles = ["public", ...(rows[0].roles ?? [])].join(", ");
  await client.query(`
    begin;
    revoke all on schema ${storeSchema} from ${roles};
    revoke all on all tables in schema ${storeSchema} from ${roles};
    revoke all on all sequences in schema ${storeSchema} from ${roles};
    revoke all on all routines in schema ${storeSchema} from ${roles};
    revoke insert, update, delete, truncate on ${storeSchema}.${migrationTable.name} from ${appRole};
    commit`);
}

/** Whether PUBLIC or an outside role has any privilege on the schema or in it, and which outside roles exist. */
const openPrivileges = `
  with outsider as (
    select oid, rolname from pg_roles where rolname = any($2)
  ),
  privilege as (
    select (aclexplode(nspacl)).grantee from pg_namespace where nspname = $1
    union all
    select (aclexplode(relacl)).grantee from pg_class where relnamespace = to_regnamespace($1)
    union all
    select (aclexplode(coalesce(proacl, acldefault('f', proowner)))).grantee
    from pg_proc
    where pronamespace = to_regnamespace($1)
  )
  select (select array_agg(rolname::text) from outsider) as roles,
         exists (select from privilege where grantee = 0 or grantee in (select oid from outsider))
           or has_table_privilege($3, $4, 'insert') as open`;

/** Runs what an ordinary role may lack the right to; the refusal holds all that an administrator has to do. */
async function asAdministrator(client: pg.Client, statement: string): Promise<void> {
  await client.query(statement).catch(async (cause: unknown) => {
    if (!(cause instanceof pg.DatabaseError) || cause.code !== "42501") throw cause;
    const { rows } = await client.query<{ role: string; steps: string[] }>(administratorSteps, [appRole, storeSchema]);
    const { role, steps } = rows[0] ?? { role: "", steps: [] };
    throw new AppError("forbidden", `role ${role} of DATABASE_URL may not ${statement}: ${cause.message}`, {
      hint: `Run in that database as an administrator: ${steps.join(" ")}`,
      cause,
    });
  });
}

const administratorSteps = `
  select current_user as role,
         array_remove(array[
           case when to_regrole($1) is null then format('create role %I nologin;', $1::text) end,
           format('grant %I to %I;', $1::text, current_user),
           case when to_regnamespace($2) is null
             then format('create schema %I authorization %I;', $2::text, current_user)
           end
         ], null) as steps`;
