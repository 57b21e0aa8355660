/**
 * Section 1, dev and prod: the table that records migrations, with the mark of its
 * environment. In prod this is all that the section writes.
 */
import { createHash } from "node:crypto";

import type pg from "pg";

import type { App } from "#app.ts";
import type { StepApplied, StepPlan, StepVerdict } from "#domain.ts";
import { AppError } from "#errors.ts";
import {
  ensureMigrationTable,
  inspectMigrationTable,
  type MarkedEnvironment,
  type MigrationTable,
  planMigrationTable,
  readEnvironmentMark,
  tableName,
} from "#store/migrator.ts";

import { configuredMigrations } from "./configured.ts";
import { configuredTarget } from "#postgres/configured-target.ts";
import { connect, refuseTransactionPooler } from "#postgres/connection.ts";
import { ownSchemas } from "./desired.ts";
import { isEmptyDatabase } from "./mirror-queries.ts";
import type { StepBody } from "./section.ts";

/** What only the operator can mend: missing rights, a missing schema, another tool's table. */
const obstacles: ReadonlySet<string> = new Set(["forbidden", "not_found", "conflict"]);

/** The step of one environment. */
export function createMigrationTable(environment: MarkedEnvironment): StepBody {
  return {
    plan: (app) => planTable(app, environment),
    apply: (app) => applyTable(app, environment),
    verify: (app) => verifyTable(app, environment),
  };
}

async function planTable(app: App, environment: MarkedEnvironment): Promise<StepPlan> {
  const { table } = configuredMigrations(app.config);
  const target = await configuredTarget(app, environment);
  await refuseTransactionPooler(target);
  const client = await connect(target, { readOnly: true });
  try {
    const planned = await planMigrationTable(client, table, environment);
    if (planned.state === "blocked") return blocked(planned.reason, planned.remedy);
    if (environment === "dev" && !(await isKnownAsDev(client, table))) {
      return blocked(
        "dev is neither empty nor marked as dev: it may be somebody's prod",
        "check the URL of dev, then say once that its schema may be overwritten: leveredge mirror apply --mark-dev",
      );
    }
    return {
      state: "ready",
      summary: planned.changes.length === 0 ? `${tableName(table)} is in place` : planned.changes.join(", "),
      changes: planned.changes,
      fingerprint: createHash("sha256").update(JSON.stringify(planned.changes)).digest("hex"),
      looseEnds: [],
    };
  } finally {
    await client.end();
  }
}

/** Nothing is marked as dev by mistake: a mark of another environment is refused by name further on. */
async function isKnownAsDev(client: pg.Client, table: MigrationTable): Promise<boolean> {
  if ((await readEnvironmentMark(client, table)) !== undefined) return true;
  return isEmptyDatabase(client, { schemas: ownSchemas, tables: [table] });
}

function blocked(reason: string, remedy: string): StepPlan {
  return { state: "blocked", summary: reason, needs: [`${reason}: ${remedy}`], changes: [], looseEnds: [] };
}

async function applyTable(app: App, environment: MarkedEnvironment): Promise<StepApplied> {
  const { table } = configuredMigrations(app.config);
  const client = await connect(await configuredTarget(app, environment), { readOnly: false });
  try {
    return { state: "applied", notes: await ensureMigrationTable(client, table, { environment }) };
  } catch (error) {
    if (!(error instanceof AppError) || !obstacles.has(error.code)) throw error;
    // It is one transaction: nothing of it is there.
    return { state: "blocked", needs: [error.hint === undefined ? error.message : `${error.message}: ${error.hint}`] };
  } finally {
    await client.end();
  }
}

async function verifyTable(app: App, environment: MarkedEnvironment): Promise<StepVerdict> {
  const { table } = configuredMigrations(app.config);
  const client = await connect(await configuredTarget(app, environment), { readOnly: true });
  try {
    const found = await inspectMigrationTable(client, table);
    const name = tableName(table);
    const verified =
      found.state === "present" && found.missingColumns.length === 0 && found.environment === environment;
    return {
      verified,
      summary: verified ? `${name} is there, marked as ${environment}` : `${name} is ${found.state}, not as planned`,
      evidence: { table: name, state: found.state, environment: found.state === "present" ? found.environment : null },
      looseEnds: [],
    };
  } finally {
    await client.end();
  }
}
