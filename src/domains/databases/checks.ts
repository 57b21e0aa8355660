/**
 * Health of the configured databases: do they exist, answer, and allow what a
 * mirror needs? Read only, a session each; every answer names what mends it.
 */
import pg from "pg";

import type { App } from "#app.ts";
import { parseReference } from "#config/references.ts";
import { parseTableName, type QualifiedName } from "#config/table-name.ts";
import type { Check } from "#domain.ts";
import { AppError } from "#errors.ts";
import { type Applied, inspectMigrationTable, type MarkedEnvironment, readMigrationFiles } from "#store/migrator.ts";

import { findRole, listTables } from "./checks-queries.ts";
import { configuredMigrations } from "./configured.ts";
import { compareEnvironments, readRecorded } from "./migrations.ts";
import { configuredTarget } from "#postgres/configured-target.ts";
import {
  clientProgram,
  clientProgramEnvironment,
  connect,
  type DatabaseIdentity,
  type DatabaseTarget,
  identify,
  isSameDatabase,
  refuseTransactionPooler,
} from "#postgres/connection.ts";

type Parts = Pick<App, "config" | "openReference" | "run" | "signal">;

type Examined = { identity: DatabaseIdentity | undefined; checks: Check[] };

const statementTimeoutMs = 10_000;
const programTimeoutMs = 20_000;

/** Every database and what the mirror and the migrations expect of it. */
export async function checkDatabases(app: Parts): Promise<Check[]> {
  const [dev, prod] = await Promise.all([examineEnvironment(app, "dev"), examineEnvironment(app, "prod")]);
  return [...prod.checks, ...dev.checks, ...compareIdentities(dev.identity, prod.identity), ...(await checkFiles(app))];
}

async function examineEnvironment(app: Parts, environment: MarkedEnvironment): Promise<Examined> {
  const configured = app.config.environments[environment];
  if (configured === undefined) return { identity: undefined, checks: [] };
  const subject = `database ${environment}`;
  try {
    const target = await configuredTarget(app, environment);
    await refuseTransactionPooler(target);
    const client = await connect(target, { readOnly: true, statementTimeoutMs });
    try {
      return await examineSession(app, environment, target, client);
    } finally {
      await client.end();
    }
  } catch (error) {
    // A vault reference is no evidence against the database behind it.
    const isAsked = parseReference(configured.database)?.kind !== "vault";
    return { identity: undefined, checks: [describeFailure(subject, isAsked ? "failed" : "unknown", error)] };
  }
}

async function examineSession(
  app: Parts,
  environment: MarkedEnvironment,
  target: DatabaseTarget,
  client: pg.Client,
): Promise<Examined> {
  const identity = await identify(client);
  const answers: Check = {
    subject: `database ${environment}`,
    state: "ok",
    detail: `PostgreSQL ${formatVersion(identity.serverVersion)} answers, database ${identity.database}`,
  };
  const checks = [
    answers,
    ...(await checkRole(app, environment, client)),
    await checkMigrationTable(app, environment, client),
    ...(environment === app.config.mirror?.from ? await checkSource(app, target, identity, client) : []),
  ];
  return { identity, checks };
}

/** A throw-away database is made on dev's server while migrations wait for prod. */
async function checkRole(app: Parts, environment: MarkedEnvironment, client: pg.Client): Promise<Check[]> {
  if (environment !== app.config.mirror?.to || app.config.migrations === undefined) return [];
  const role = await findRole(client);
  if (role === undefined || role.isSuperuser || role.canCreateDatabase) return [];
  return [
    {
      subject: `role ${role.role} on ${environment}`,
      state: "loose",
      detail: "may not create databases: the mirror is blocked while migrations on dev wait for prod",
      remedy: `Run on ${environment} as its administrator: alter role ${JSON.stringify(role.role)} createdb;`,
    },
  ];
}

async function checkMigrationTable(app: Parts, environment: MarkedEnvironment, client: pg.Client): Promise<Check> {
  const { table } = configuredMigrations(app.config);
  const found = await inspectMigrationTable(client, table);
  const subject = `migrations table ${table.schema}.${table.name} on ${environment}`;
  switch (found.state) {
    case "absent":
      return { subject, state: "ok", detail: "not there yet: the hardening run makes it" };
    case "foreign":
      return {
        subject,
        state: "failed",
        detail: `belongs to another tool: ${found.differences.join("; ")}`,
        remedy: "Set migrations.table in leveredge.yaml to a name that is free.",
      };
    case "present":
      if (found.environment === undefined || found.environment === environment) {
        return { subject, state: "ok", detail: `marked as ${found.environment ?? "no environment yet"}` };
      }
      return {
        subject,
        state: "failed",
        detail: `marks this database as ${found.environment}`,
        remedy: `Correct environments.${environment}.database: it names the ${found.environment} database.`,
      };
  }
}

/** What is asked of the database that rows and schema come from. */
async function checkSource(
  app: Parts,
  target: DatabaseTarget,
  identity: DatabaseIdentity,
  client: pg.Client,
): Promise<Check[]> {
  return [await checkDumpProgram(app, target, identity), ...(await checkReferenceTables(app, target.label, client))];
}

async function checkDumpProgram(app: Parts, target: DatabaseTarget, identity: DatabaseIdentity): Promise<Check> {
  const subject = `pg_dump for ${target.label}`;
  try {
    const { program, args } = clientProgram(target, "pg_dump", ["--version"]);
    const { stdout } = await app.run(program, args, {
      timeoutMs: programTimeoutMs,
      env: clientProgramEnvironment(target, { readOnly: true }),
      signal: app.signal,
    });
    const major = Number(/\b(\d+)\.\d+/.exec(stdout)?.[1]);
    const serverMajor = Math.floor(identity.serverVersion / 10_000);
    const detail = `version ${major}, the server has ${serverMajor}`;
    if (major >= serverMajor) return { subject, state: "ok", detail };
    const remedy = `Install postgresql-client-${serverMajor}: pg_dump must not be older than the server.`;
    return { subject, state: "failed", detail, remedy };
  } catch (error) {
    return describeFailure(subject, "failed", error);
  }
}

async function checkReferenceTables(app: Parts, label: string, client: pg.Client): Promise<Check[]> {
  const names = (app.config.mirror?.reference_tables ?? [])
    .map(({ table }) => parseTableName(table))
    .filter((name): name is QualifiedName => name !== undefined);
  const [found, role] = [await listTables(client, names), await findRole(client)];
  const seesAllRows = role?.isSuperuser === true || role?.bypassesRls === true;
  return names.map((name) => {
    const subject = `reference table ${name.schema}.${name.name} on ${label}`;
    const table = found.find((candidate) => candidate.schema === name.schema && candidate.name === name.name);
    if (table === undefined) {
      const remedy = "Correct mirror.reference_tables in leveredge.yaml.";
      return { subject, state: "failed", detail: "does not exist", remedy };
    }
    if (!table.isReadable) {
      const remedy = `Grant select on it to ${role?.role ?? "the role"} on ${label}.`;
      return { subject, state: "failed", detail: "may not be read by this role", remedy };
    }
    if (!table.hasRowSecurity || seesAllRows) return { subject, state: "ok", detail: "is there and can be read" };
    const detail = "has row level security, which may hide rows from this role";
    return { subject, state: "loose", detail, remedy: `Use a role with BYPASSRLS for ${label}.` };
  });
}

function compareIdentities(dev: DatabaseIdentity | undefined, prod: DatabaseIdentity | undefined): Check[] {
  if (dev === undefined || prod === undefined) return [];
  const subject = "dev and prod";
  if (!isSameDatabase(dev, prod)) return [{ subject, state: "ok", detail: "are two databases" }];
  const remedy = "Correct environments.dev.database or environments.prod.database in leveredge.yaml.";
  return [{ subject, state: "failed", detail: "are one and the same database", remedy }];
}

/** The files, and whether they are still those that the databases have recorded. */
async function checkFiles(app: Parts): Promise<Check[]> {
  const directory = app.config.migrations?.directory;
  if (directory === undefined) return [];
  const subject = `migrations in ${directory}`;
  try {
    const files = await readMigrationFiles(directory);
    const [dev, prod] = await Promise.all([readRecordIfPossible(app, "dev"), readRecordIfPossible(app, "prod")]);
    const { faults } = compareEnvironments(files, dev, prod);
    if (faults.length > 0) {
      return [{ subject, state: "failed", detail: faults.join("; "), remedy: "leveredge migrate status" }];
    }
    return [{ subject, state: "ok", detail: files.length === 1 ? "1 file" : `${files.length} files` }];
  } catch (error) {
    return [describeFailure(subject, "failed", error)];
  }
}

/** Null where there is none to compare with; why not, the database's own answer tells. */
async function readRecordIfPossible(app: Parts, environment: MarkedEnvironment): Promise<Applied[] | null> {
  if (app.config.environments[environment] === undefined) return null;
  try {
    return await readRecorded(await configuredTarget(app, environment), configuredMigrations(app.config).table);
  } catch (error) {
    if (error instanceof AppError) return null;
    throw error;
  }
}

/** Only a failure that was foreseen is an answer; anything else is a bug and goes on. */
function describeFailure(subject: string, state: "failed" | "unknown", error: unknown): Check {
  if (error instanceof AppError) {
    return { subject, state, detail: error.message, ...(error.hint === undefined ? {} : { remedy: error.hint }) };
  }
  if (error instanceof pg.DatabaseError) {
    return { subject, state, detail: `answers with an error: ${error.message}`, remedy: "Read the server's log." };
  }
  throw error;
}

/** 150018 → 15.18. */
function formatVersion(serverVersion: number): string {
  return `${Math.floor(serverVersion / 10_000)}.${serverVersion % 10_000}`;
}
