/**
 * Section 1, dev and prod: the table that records migrations, with the mark of its
 * environment. In prod this is all that the section writes.
 */
import { createHash } from "node:crypto";

import type { App } from "#app.ts";
import type { StepApplied, StepPlan, StepVerdict } from "#domain.ts";
import {
  ensureMigrationTable,
  inspectMigrationTable,
  type MarkedEnvironment,
  planMigrationTable,
  tableName,
} from "#store/migrator.ts";

import { configuredMigrations, configuredTarget } from "./configured.ts";
import { connect, refuseTransactionPooler } from "./connection.ts";
import type { StepBody } from "./section.ts";

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
    if (planned.state === "blocked") {
      return { state: "blocked", summary: planned.reason, needs: [`${planned.reason}: ${planned.remedy}`], changes: [], looseEnds: [] };
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

async function applyTable(app: App, environment: MarkedEnvironment): Promise<StepApplied> {
  const { table } = configuredMigrations(app.config);
  const client = await connect(await configuredTarget(app, environment), { readOnly: false });
  try {
    return { state: "applied", notes: await ensureMigrationTable(client, table, { environment }) };
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
