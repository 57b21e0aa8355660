/**
 * The mirror against the library it plans with, on 1,104 tables: planning without
 * drift compared with the library's own extraction and planning of both sides, the
 * verifier apart, and 20 drifted objects applied. Prints ratios; run it with
 * `node bench/mirror.ts`.
 */
import { performance } from "node:perf_hooks";

import { extract, plan } from "@supabase/pg-delta";
import pg from "pg";

import { readCatalog } from "#domains/databases/catalog.ts";
import { applyMirror, type MirrorSpec, planMirror, verifyMirror } from "#domains/databases/mirror.ts";
import { Secret } from "#secrets/secret.ts";
import { runProgram } from "#system/run.ts";
import { createDatabase, dropDatabase, testCluster } from "#test/database.ts";

import { largeSchema } from "./large-schema.ts";

const schemas = 8;
const pairs = 3;
const names = { prod: "bench_mirror_prod", dev: "bench_mirror_dev" };

const cluster = await testCluster({ major: 15 });
await makeDatabases();
try {
  await measure();
} finally {
  await dropDatabase(cluster, names.dev);
  await dropDatabase(cluster, names.prod);
}

async function makeDatabases(): Promise<void> {
  for (const name of [names.dev, names.prod]) await dropDatabase(cluster, name);
  await createDatabase(cluster, names.prod, "template0");
  await withClient(names.prod, async (client) => {
    for (const sql of largeSchema(schemas)) await client.query(sql);
  });
  await createDatabase(cluster, names.dev, names.prod);
}

async function measure(): Promise<void> {
  const spec: MirrorSpec = {
    from: { label: "prod", url: new Secret(cluster.url(names.prod)) },
    to: { label: "dev", url: new Secret(cluster.url(names.dev)) },
    allow: ["lock", "rewrite", "index-rebuild", "privilege"],
    devOnly: "keep",
    migrations: { table: { schema: "public", name: "schema_migrations" }, directory: undefined },
    markDev: true,
    appliedBy: "bench",
  };
  const app = { run: runProgram, now: () => new Date() };
  const work = { signal: new AbortController().signal, progress: () => undefined };
  const ratios: number[] = [];
  for (let pair = 0; pair < pairs; pair += 1) {
    const library = await time(planWithLibrary);
    const ours = await time(() => planMirror(app, spec, work));
    ratios.push(ours / library);
    console.log(
      `no drift: library ${round(library)} ms, mirror ${round(ours)} ms, ratio ${(ours / library).toFixed(2)}`,
    );
  }
  console.log(`no drift, median ratio ${median(ratios).toFixed(2)} (at most 1.3)`);
  console.log(`verifier: ${round(await time(() => verifyMirror(app, spec, work)))} ms`);
  const oneSide = await time(() => withClient(names.dev, (client) => readCatalog(client, { excludeTables: [] })));
  console.log(`verifier, one catalogue: ${round(oneSide)} ms`);

  await withClient(names.prod, async (client) => {
    for (let index = 0; index < 20; index += 1) {
      await client.query(`alter table part_0.table_${index} add drifted_${index} int default 7`);
    }
  });
  const drifted = await planMirror(app, spec, work);
  let reached = 0;
  const started = performance.now();
  const outcome = await applyMirror(app, spec, drifted, {
    ...work,
    progress: (_, done, total) => {
      if (done !== undefined && done === total) reached = performance.now() - started;
    },
  });
  console.log(
    `20 drifted objects: ${outcome.state}, statements done ${round(reached)} ms after the plan, proven after ${round(performance.now() - started)} ms`,
  );
}

async function planWithLibrary(): Promise<void> {
  const pools = [names.prod, names.dev].map((name) => new pg.Pool({ connectionString: cluster.url(name), max: 1 }));
  const [prod, dev] = pools;
  if (prod === undefined || dev === undefined) throw new Error("two pools were made");
  const desired = await extract(prod);
  const actual = await extract(dev);
  plan(actual.factBase, desired.factBase, { scope: "database" });
  await Promise.all(pools.map((pool) => pool.end()));
}

async function withClient<T>(name: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: cluster.url(name) });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

async function time(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

function round(ms: number): number {
  return Math.round(ms);
}
