/**
 * The queue's own schema in the store: made and brought to the library's version as
 * the store's owner, used by the worker as the application role. Safe to run again
 * and by several servers at once.
 */
import { getConstructionPlans, getMigrationPlans } from "pg-boss";
import library from "pg-boss/package.json" with { type: "json" };
import pg from "pg";

import { AppError } from "#errors.ts";
import type { Secret } from "#secrets/secret.ts";
import { appRole, openOwnerSession } from "#store/session.ts";
import { splitSql } from "#store/sql-statements.ts";

import {
  createQueueSchema,
  findQueueVersion,
  grantQueueTo,
  hasQueueSchema,
  lockPreparation,
  queueSchema,
  runQueueStatement,
  unlockPreparation,
} from "./queue-schema-queries.ts";

const wantedVersion = library.pgboss.schema;

/** Refuses a queue that a newer program wrote. */
export async function prepareQueue(ownerUrl: Secret): Promise<void> {
  const client = await openOwnerSession(ownerUrl);
  try {
    await lockPreparation(client);
    await bringToVersion(client);
    await grantQueueTo(client, appRole);
    await unlockPreparation(client);
  } finally {
    await client.end();
  }
}

async function bringToVersion(client: pg.Client): Promise<void> {
  const version = await findQueueVersion(client);
  if (version === wantedVersion) return;
  if (version === undefined) {
    if (!(await hasQueueSchema(client))) await createSchema(client);
    await runQueueStatement(client, getConstructionPlans(queueSchema, { createSchema: false }));
    return;
  }
  if (version === null || version > wantedVersion) {
    throw new AppError(
      "precondition_failed",
      `the queue in schema ${queueSchema} has version ${version ?? "unknown"}, this program knows ${wantedVersion}`,
      { hint: "Install the version of leveredge that served it last, or a later one." },
    );
  }
  for (const { text } of splitSql(getMigrationPlans(queueSchema, version)).statements) {
    await runQueueStatement(client, text);
  }
}

async function createSchema(client: pg.Client): Promise<void> {
  await createQueueSchema(client).catch((cause: unknown) => {
    if (!(cause instanceof pg.DatabaseError) || cause.code !== "42501") throw cause;
    const user = pg.escapeIdentifier(client.user ?? "");
    throw new AppError("forbidden", `role ${user} of DATABASE_URL may not create schema ${queueSchema}`, {
      hint: `Run in that database as an administrator: create schema ${queueSchema} authorization ${user};`,
      cause,
    });
  });
}
