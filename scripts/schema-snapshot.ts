/**
 * `migrations/schema.sql`: what all migrations together make, for readers and
 * reviews. It is a dump of a migrated PostgreSQL 15, because Debian's pg_dump
 * does not read 18; what differs between versions of pg_dump is left out.
 */
import { join } from "node:path";

import { Secret } from "#secrets/secret.ts";
import { migrationsDirectory } from "#store/schema.ts";
import { storeSchema } from "#store/session.ts";
import { migrateStore } from "#store/store.ts";
import { runProgram } from "#system/run.ts";
import { createDatabase, dropDatabase, testCluster } from "#test/database.ts";

/** Where the snapshot is committed. */
export const schemaSnapshotPath = join(migrationsDirectory, "schema.sql");

const heading = "-- Generated from the migrations by scripts/generate.ts: for readers, never applied.\n\n";
const dumpTimeoutMs = 60_000;

/** The snapshot's text for the migrations as they are now. */
export async function renderSchemaSnapshot(): Promise<string> {
  const cluster = await testCluster({ major: 15 });
  const name = `schema_snapshot_${process.pid}`;
  await createDatabase(cluster, name, "template0");
  try {
    const url = new Secret(cluster.url(name));
    await migrateStore(url);
    const { stdout } = await runProgram(
      "pg_dump",
      [
        ...["--schema-only", "--no-owner", "--no-tablespaces", `--schema=${storeSchema}`],
        ...[`--host=${cluster.server.socketDirectory}`, "--port=5432", "--username=postgres", `--dbname=${name}`],
      ],
      { timeoutMs: dumpTimeoutMs, env: { PGPASSWORD: new URL(url.reveal()).password } },
    );
    return heading + tidyDump(stdout);
  } finally {
    await dropDatabase(cluster, name);
    await cluster.server.stop();
  }
}

/** Leaves the statements: no comments, session settings, psql commands or runs of empty lines. */
export function tidyDump(dump: string): string {
  const lines = dump.split("\n").filter((line) => !/^(--|SET |SELECT pg_catalog\.set_config|\\)/.test(line));
  return `${lines
    .join("\n")
    .replaceAll(/\n{3,}/g, "\n\n")
    .trim()}\n`;
}
