import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";

import pg from "pg";

import { freshDatabase } from "#test/database.ts";

import { type ExecutorOptions, type Recording, runSegments, type Segment } from "./executor.ts";
import type { SegmentStatus } from "./schema.ts";

test("statements in a wrong order find the right one, in one transaction", async (t) => {
  const { client, run } = await openTarget(t);

  const execution = await run([
    {
      transactional: true,
      statements: [
        "create index i on public.t (a)",
        "create view public.v as select a from public.t",
        "create table public.t (a public.e)",
        "create type public.e as enum ('a')",
      ],
    },
  ]);

  assert.equal(execution.failure, null);
  assert.equal((await client.query("select pg_get_viewdef('v'::regclass) as def")).rows.length, 1);
});

test("an error that no order mends takes everything back at once", async (t) => {
  const { client, run, recorded } = await openTarget(t, "create table d (a int); insert into d values (1), (1);");

  const execution = await run([
    {
      transactional: true,
      statements: ["create table public.n ()", "alter table public.d add unique (a)", "create table public.m ()"],
    },
  ]);

  assert.equal(execution.failure?.code, "23505");
  assert.equal(execution.failure.sql, "alter table public.d add unique (a)");
  assert.equal((await client.query("select to_regclass('n') as n")).rows[0].n, null);
  assert.deepEqual(
    recorded.at(-1)?.map(({ state }) => state),
    ["rolled-back"],
  );
});

test("statements that only wait for each other are given up after a round without progress", async (t) => {
  const { run } = await openTarget(t);

  const execution = await run([
    {
      transactional: true,
      statements: ["select * from public.a", "create table public.b ()", "select * from public.c"],
    },
  ]);

  assert.match(execution.failure?.message ?? "", /"public.a" does not exist/);
});

test("a segment that failed stops the next ones, and those before it stay", async (t) => {
  const { client, run, recorded } = await openTarget(t, "create type e as enum ('a'); create table t (x e);");

  const execution = await run([
    { transactional: true, statements: ["alter type public.e add value 'b'"] },
    { transactional: true, statements: ["alter table public.t alter x set default 'b'", "select 1 / 0"] },
    { transactional: true, statements: ["create table public.never ()"] },
  ]);

  assert.deepEqual(
    execution.segments.map(({ state }) => state),
    ["committed", "rolled-back", "planned"],
  );
  assert.deepEqual(recorded.at(-1), execution.segments);
  assert.equal((await client.query("select enum_range(null::e)::text as labels")).rows[0].labels, "{a,b}");
});

test("a broken concurrent build leaves no unusable index", async (t) => {
  const { client, run } = await openTarget(
    t,
    'create schema "S s"; create table "S s"."T t" (a int); insert into "S s"."T t" values (1), (1);',
  );

  const execution = await run([
    { transactional: false, statements: ['CREATE UNIQUE INDEX CONCURRENTLY "I i" ON "S s"."T t" USING btree (a)'] },
  ]);

  assert.equal(execution.failure?.code, "23505");
  assert.deepEqual(
    execution.segments.map(({ state }) => state),
    ["failed"],
  );
  assert.equal(
    (await client.query("select count(*)::int as indexes from pg_index where not indisvalid")).rows[0].indexes,
    0,
  );
});

test("a lock that another session holds is waited for, and then named", async (t) => {
  const { client, run, other } = await openTarget(t, "create table t (a int);");
  await other.query("begin; lock table t in access share mode");

  const execution = await run([{ transactional: true, statements: ["alter table public.t add b int"] }]);

  assert.equal(execution.failure?.code, "55P03");
  await other.query("rollback");
  assert.equal(
    (
      await client.query(
        "select count(*)::int as columns from pg_attribute where attrelid = 't'::regclass and attname = 'b'",
      )
    ).rows[0].columns,
    0,
  );
});

test("a stop takes back the running transaction", async (t) => {
  const { client, run } = await openTarget(t);

  const execution = await run([{ transactional: true, statements: ["create table public.n ()"] }], {
    signal: AbortSignal.abort(),
  });

  assert.match(execution.failure?.message ?? "", /stopped by the operator/);
  assert.equal((await client.query("select to_regclass('n') as n")).rows[0].n, null);
});

type Target = {
  client: pg.Client;
  other: pg.Client;
  recorded: SegmentStatus[][];
  run(segments: Segment[], options?: Partial<ExecutorOptions>): ReturnType<typeof runSegments>;
};

async function openTarget(t: TestContext, content = ""): Promise<Target> {
  const { url } = await freshDatabase(t, { major: 15 });
  const [executing, client, other] = await Promise.all([open(t, url), open(t, url), open(t, url)]);
  if (content !== "") await client.query(content);
  const recorded: SegmentStatus[][] = [];
  const recording: Recording = {
    insert: (segments) => {
      recorded.push(segments.map((segment) => ({ ...segment })));
      return Promise.resolve("mirror-test");
    },
    update: (_, segments) => {
      recorded.push(segments.map((segment) => ({ ...segment })));
      return Promise.resolve();
    },
  };
  const defaults: ExecutorOptions = {
    lockTimeoutMs: 50,
    statementTimeoutMs: 60_000,
    signal: new AbortController().signal,
  };
  const run: Target["run"] = (segments, options) =>
    runSegments(executing, segments, recording, { ...defaults, ...options });
  return { client, other, recorded, run };
}

async function open(t: TestContext, url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  client.on("error", () => undefined);
  await client.connect();
  t.after(() => client.end());
  return client;
}
