/**
 * The restore of a drill against `pg_restore -j1` into a server with PostgreSQL's
 * own settings: databases of 700 MB, one with a single large table as of
 * `pgbench -s 50` and one with eight equal ones, as custom dumps with a manifest.
 * Prints the median ratio of three pairs for each, and apart from it the time of
 * comparing the content.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import pg from "pg";

import { createBackup } from "#domains/backups/create.ts";
import { drillFile } from "#domains/backups/drill.ts";
import { Secret } from "#secrets/secret.ts";
import { startThrowawayServer, type ThrowawayServer } from "#store/throwaway-server.ts";
import { runProgram } from "#system/run.ts";
import { createDatabase, dropDatabase, type TestCluster, testCluster } from "#test/database.ts";

import { median, timeMs } from "./measure.ts";

const rowCount = Number(process.argv[2] ?? 5_000_000);
const pairs = 3;
const { signal } = new AbortController();
const work = { signal, progress: () => undefined };
const app = { run: runProgram, now: () => new Date(), programVersion: "bench" };

const shapes = [
  { name: "one large table", tables: 1 },
  { name: "eight equal tables", tables: 8 },
];

function schemaOf(tables: number): string {
  const rows = Math.ceil(rowCount / tables);
  return Array.from(
    { length: tables },
    (_, table) => `
  create table account_${table} (aid int not null, bid int, abalance int, filler char(84));
  insert into account_${table} select i, 1 + (i - 1) / 100000, 0, '' from generate_series(1, ${rows}) i;
  alter table account_${table} add primary key (aid)`,
  ).join(";");
}

const cluster = await testCluster({ major: 15 });
const home = await mkdtemp(join(tmpdir(), "bench-drill-"));
try {
  for (const { name, tables } of shapes) {
    const database = `bench_drill_${process.pid}_${tables}`;
    await createDatabase(cluster, database, "template0");
    try {
      console.log(name);
      await measure(cluster, database, schemaOf(tables));
    } finally {
      await dropDatabase(cluster, database);
    }
  }
} finally {
  await rm(home, { recursive: true, force: true });
}

async function measure({ url }: TestCluster, database: string, schema: string): Promise<void> {
  const client = new pg.Client({ connectionString: url(database) });
  await client.connect();
  await client.query(schema);
  await client.end();
  const file = join(home, `${database}.dump`);
  const target = { label: "bench", url: new Secret(url(database)) };
  const { manifestPath, manifest } = await createBackup(app, { target, file }, work);
  console.log(`database of ${Math.round(manifest.database.sizeBytes / 1024 ** 2)} MB, ${rowCount} rows`);

  const ratios: number[] = [];
  const compared: number[] = [];
  for (let pair = 1; pair <= pairs; pair += 1) {
    const drill = await drillFile({ run: runProgram, stateDir: home }, { file, manifestPath, dataHome: home, ...work });
    if (drill.assurance !== "content" || drill.restoreMs === null) throw new Error(drill.why);
    const theirs = await restoreByDefault(file);
    ratios.push(drill.restoreMs / theirs);
    compared.push(drill.verifyMs ?? Number.NaN);
    const times = `ours ${drill.restoreMs} ms, pg_restore -j1 ${Math.round(theirs)} ms`;
    console.log(`pair ${pair}: ${times}, ratio ${(drill.restoreMs / theirs).toFixed(2)}; content ${drill.verifyMs} ms`);
  }
  console.log(`restore of a drill: ${median(ratios).toFixed(2)} x pg_restore -j1 (at most 0.70)`);
  console.log(`content compared in ${median(compared)} ms`);
}

/** Into a server without a setting of ours. */
async function restoreByDefault(file: string): Promise<number> {
  const superuser = "leveredge_drill_superuser";
  const server = await startThrowawayServer({
    ...{ directory: home, dataHome: home, superuser, signal },
    binaries: { major: 15 },
    settings: {},
  });
  try {
    const env = environmentOf(server);
    const args = ["--no-owner", "--jobs=1", "--dbname=postgres", file];
    return await timeMs(() => runProgram("pg_restore", args, { env, timeoutMs: 30 * 60_000 }));
  } finally {
    await server.stop();
  }
}

function environmentOf({ socketDirectory, superuser, password }: ThrowawayServer): Record<string, string> {
  return { PGHOST: socketDirectory, PGUSER: superuser, PGPASSWORD: password.reveal() };
}
