/**
 * Reference rows against `pg_dump -a -t | psql`: a million rows into an empty
 * table, then again without a difference and with one row in a hundred changed.
 * Prints the median ratio of five pairs and the peak memory of this process.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";

import pg from "pg";

import { clientProgramEnvironment, type DatabaseTarget } from "#postgres/connection.ts";
import { copyReferenceRows, type RowsGuard, type RowsInput, verifyReferenceRows } from "#domains/databases/rows.ts";
import { Secret } from "#secrets/secret.ts";
import { minimalEnvironment } from "#system/run.ts";
import { createDatabase, dropDatabase, type TestCluster, testCluster } from "#test/database.ts";

const rowCount = Number(process.argv[2] ?? 1_000_000);
const pairs = 5;

const schema = `
  create table setting (
    id bigint generated always as identity primary key,
    key text not null unique,
    value jsonb not null,
    enabled boolean not null,
    updated_at timestamptz not null,
    label text generated always as (lower(key)) stored
  )`;

const rows = `
  insert into setting (key, value, enabled, updated_at)
  select 'setting-' || i,
         jsonb_build_object('name', 'value ' || i, 'limit', i % 1000, 'note', repeat(md5(i::text), 2)),
         i % 3 = 0,
         timestamptz '2026-01-01' + i * interval '1 second'
    from generate_series(1, ${rowCount}) i`;

const drift = `
  update setting set enabled = not enabled where id % 100 = 0;
  delete from setting where id % 100 = 1`;

const cluster = await testCluster({ major: 15 });
const names = { prod: `bench_rows_prod_${process.pid}`, dev: `bench_rows_dev_${process.pid}` };
for (const name of Object.values(names)) await createDatabase(cluster, name, "template0");
try {
  await measure(cluster);
} finally {
  for (const name of Object.values(names)) await dropDatabase(cluster, name);
}

async function measure({ url }: TestCluster): Promise<void> {
  const from: DatabaseTarget = { label: "prod", url: new Secret(url(names.prod)) };
  const to: DatabaseTarget = { label: "dev", url: new Secret(url(names.dev)) };
  await query(from, `${schema}; ${rows}`);
  await query(from, "vacuum (analyze) setting");
  await query(to, schema);
  const { signal } = new AbortController();
  const input: RowsInput & { guard: RowsGuard } = {
    from,
    to,
    tables: [{ table: "public.setting", omit: [], delete: false }],
    neverCopy: [],
    guard: () => Promise.resolve([]),
    signal,
  };

  const ratios: number[] = [];
  let theirs = 0;
  for (let pair = 1; pair <= pairs; pair += 1) {
    await query(to, "truncate setting");
    theirs = await timed(() => dumpAndRestore(from, to));
    await query(to, "truncate setting");
    const ours = await timed(() => copyReferenceRows(input));
    ratios.push(ours / theirs);
    console.log(`pair ${pair}: ours ${ours} ms, pg_dump | psql ${theirs} ms, ratio ${(ours / theirs).toFixed(2)}`);
  }
  const median = ratios.toSorted((a, b) => a - b)[Math.floor(pairs / 2)] ?? 0;
  console.log(`row sync of ${rowCount} rows: ${median.toFixed(2)} x pg_dump -a -t | psql (at most 1.10)`);

  const proof = await verifyReferenceRows(input);
  console.log(`proof: ${proof.isEqual ? "equal" : "DIFFERENT"}, ${proof.tables[0]?.rows} rows`);
  const unchanged = await timed(() => copyReferenceRows(input));
  console.log(`no difference: ${(unchanged / theirs).toFixed(2)} x`);
  await query(to, drift);
  const drifted = await timed(() => copyReferenceRows(input));
  console.log(`1 % changed, 1 % missing: ${(drifted / theirs).toFixed(2)} x`);
  console.log(`peak memory: ${Math.round(process.resourceUsage().maxRSS / 1024)} MB (at most 150)`);
}

/** Joined by a pipe of the kernel, as a shell joins them. */
async function dumpAndRestore(from: DatabaseTarget, to: DatabaseTarget): Promise<void> {
  const environment = (target: DatabaseTarget) => ({
    ...minimalEnvironment(),
    ...clientProgramEnvironment(target, { readOnly: false }),
  });
  const dump = spawn("pg_dump", ["--data-only", "--table=public.setting"], {
    env: environment(from),
    stdio: ["ignore", "pipe", "inherit"],
  });
  const restore = spawn("psql", ["--no-psqlrc", "--quiet", "--output=/dev/null"], {
    env: environment(to),
    stdio: [dump.stdout, "inherit", "inherit"],
  });
  const codes = await Promise.all([once(dump, "exit"), once(restore, "exit")]);
  if (codes.some(([code]) => code !== 0)) throw new Error(`pg_dump and psql ended with ${codes.join(", ")}`);
}

async function query(target: DatabaseTarget, text: string): Promise<void> {
  const client = new pg.Client({ connectionString: target.url.reveal() });
  await client.connect();
  await client.query(text);
  await client.end();
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = process.hrtime.bigint();
  await work();
  return Number((process.hrtime.bigint() - start) / 1_000_000n);
}
