import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";

import { sql } from "kysely";
import pg from "pg";

import type { App } from "#app.ts";
import type { StepContext } from "#domain.ts";
import { Secret } from "#secrets/secret.ts";
import { testApp } from "#test/app.ts";
import { freshDatabase } from "#test/database.ts";

import { importExisting as step } from "./existing.ts";

const context: StepContext = { stepId: undefined, signal: new AbortController().signal, progress: () => undefined };

type Platform = { app: App; query(statement: string): Promise<void> };

/** A platform whose databases have what the statements make. */
async function platform(t: TestContext, statements: Partial<Record<"prod" | "dev", string>>): Promise<Platform> {
  const urls: Record<string, string> = {};
  const environments: Record<string, unknown> = {};
  for (const [side, statement] of Object.entries(statements)) {
    const { url } = await freshDatabase(t);
    urls[`env:${side.toUpperCase()}`] = url;
    environments[side] = { database: `env:${side.toUpperCase()}` };
    await query(url, statement);
  }
  const app = await testApp(t, { environments });
  return {
    app: { ...app, openReference: (reference) => Promise.resolve(new Secret(urls[reference] ?? "")) },
    query: (statement) => query(urls["env:PROD"] ?? "", statement),
  };
}

async function query(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(statement);
  await client.end();
}

async function rowsOf({ db }: App): Promise<Record<string, unknown>[]> {
  return (await sql<Record<string, unknown>>`select * from llm_usage order by created_at, id`.execute(db)).rows;
}

const table = `
  create table llm_usage (
    id bigint generated always as identity primary key, agent_name text not null, model text not null,
    input_tokens integer not null, output_tokens integer not null, estimated_cost_usd numeric(12, 6) not null default 0,
    context text, operation text, created_at timestamptz not null default now());`;
const rows = `
  insert into llm_usage (agent_name, model, input_tokens, output_tokens, estimated_cost_usd, context, created_at) values
    ('CHIRON', 'gpt-4o', 1000, 100, 0.0035, 'endpoint: /plan', '2026-10-01 12:00:00.123456+00'),
    ('CHIRON', 'gpt-4o', 1000, 100, 0.0035, 'endpoint: /plan', '2026-10-01 12:00:00.123456+00'),
    ('SCHOLAR', 'made-up', 5, 1, 0, null, '2026-10-02 12:00:00+00'),
    ('SCHOLAR', 'gpt-4o', -5, 1, 0, null, '2026-10-02 13:00:00+00');`;

test("a platform's calls are recorded once, what comes later by the next run, and dev's copies are prod's", async (t) => {
  const { app, query: change } = await platform(t, { prod: table + rows, dev: table + rows });

  const plan = await step.plan(app);
  const applied = await step.apply(app, plan, context);
  const verdict = await step.verify(app);
  const again = await step.plan(app);
  await change(
    "insert into llm_usage (agent_name, model, input_tokens, output_tokens, created_at) values ('NEW', 'gpt-4o', 1, 1, '2026-10-03')",
  );
  const later = await step.plan(app);
  await step.apply(app, later, context);

  assert.equal(plan.state, "ready");
  assert.deepEqual(plan.changes, [
    "record 4 calls of prod's llm_usage (2026-10-01 to 2026-10-02)",
    "record 4 calls of dev's llm_usage (2026-10-01 to 2026-10-02)",
  ]);
  assert.equal(applied.state, "applied");
  assert.match(
    applied.state === "applied" ? (applied.notes[0] ?? "") : "",
    /^prod: 1 rows stay, the first: input_tokens: /,
  );
  assert.equal(verdict.verified, true, verdict.summary);
  assert.deepEqual([again.changes, again.summary], [[], "prod and dev: llm_usage is in the ledger"]);
  assert.deepEqual(later.changes, ["record 5 calls of prod's llm_usage (2026-10-01 to 2026-10-03)"]);
  const recorded = await rowsOf(app);
  assert.deepEqual(
    recorded.map(({ agentName, environment, source, createdAt, estimatedCostUsd, clientCostUsd }) => [
      agentName,
      environment,
      source,
      createdAt,
      estimatedCostUsd,
      clientCostUsd,
    ]),
    [
      ["CHIRON", "prod", "existing", "2026-10-01T12:00:00.123Z", "0.003500000", "0.003500000"],
      ["CHIRON", "prod", "existing", "2026-10-01T12:00:00.123Z", "0.003500000", "0.003500000"],
      ["SCHOLAR", "prod", "existing", "2026-10-02T12:00:00.000Z", null, "0.000000000"],
      ["NEW", "prod", "existing", "2026-10-03T00:00:00.000Z", "0.000012500", "0.000000000"],
    ],
  );
});

test("an import that is killed on its way is done again, and each call is there once", async (t) => {
  const { app } = await platform(t, {
    prod: `${table}
    insert into llm_usage (agent_name, model, input_tokens, output_tokens, created_at)
      select 'A', 'gpt-4o', n, 1, '2026-10-01' from generate_series(1, 2500) n`,
  });
  const killed = new AbortController();
  const onTheWay = { ...context, signal: killed.signal, progress: () => killed.abort() };

  await assert.rejects(step.apply(app, undefined, onTheWay), { name: "AbortError" });
  const half = (await rowsOf(app)).length;
  await step.apply(app, undefined, context);
  const verdict = await step.verify(app);

  assert.ok(half > 0 && half < 2500, String(half));
  assert.equal((await rowsOf(app)).length, 2500);
  assert.equal(verdict.verified, true, verdict.summary);
});

test("a table with other columns, in another order and without a zone, is read by those that are known", async (t) => {
  const { app } = await platform(t, {
    prod: `
      create table llm_usage (created_at timestamp, output_tokens smallint, input_tokens bigint, model varchar(80),
        agent_name varchar(80), secret_note text, total numeric, cache_read_tokens integer);
      insert into llm_usage values ('2026-10-01 12:00', 1, 20, 'gpt-4o', 'A', 'x', 1, 10), (null, 1, 2, 'm', 'A', 'x', 1, 0);`,
  });

  const applied = await step.apply(app, undefined, context);

  const recorded = await rowsOf(app);
  assert.deepEqual(
    recorded.map(({ agentName, createdAt, cacheReadTokens }) => [agentName, createdAt, cacheReadTokens]),
    [["A", "2026-10-01T12:00:00.000Z", 10]],
  );
  assert.match(applied.state === "applied" ? (applied.notes[0] ?? "") : "", /has no created_at/);
});

test("a table of another shape blocks with the difference, and none at all is nothing to do", async (t) => {
  const cases = [
    [
      "create table llm_usage (agent_name text, model text)",
      /prod: public.llm_usage has no column input_tokens \(integer\)/,
    ],
    [table.replace("input_tokens integer", "input_tokens text"), /has input_tokens as text, expected integer/],
    ["create view llm_usage as select 1 as id", /is not a table/],
  ] as const;
  for (const [statement, expected] of cases) {
    const { app } = await platform(t, { prod: statement });
    const plan = await step.plan(app);
    assert.equal(plan.state, "blocked");
    assert.match(plan.needs.join("\n"), expected);
    assert.equal((await step.apply(app, plan, context)).state, "blocked");
  }
  const { app: bare } = await platform(t, { prod: "select 1" });
  assert.equal((await step.plan(bare)).summary, "the platform has no llm_usage of its own");
  assert.equal((await step.verify(bare)).verified, true);
  const { app: empty } = await platform(t, { prod: table });
  assert.equal((await step.verify(empty)).verified, true);
});

test("sums by day that are older than every call are told, and stay", async (t) => {
  const { app } = await platform(t, {
    prod: `${table}${rows}
      create table llm_usage_daily (day date, agent_name text, model text, calls bigint, total_cost numeric);
      insert into llm_usage_daily values ('2025-12-01', 'A', 'm', 3, 1), ('2025-12-02', 'A', 'm', 3, 1), ('2026-10-01', 'A', 'm', 1, 1);`,
  });

  const plan = await step.plan(app);

  assert.deepEqual(
    plan.looseEnds.map(({ id, text }) => [id, text]),
    [["usage:older-days:prod", "prod's llm_usage_daily has 2 days that are older than its calls; they stay there"]],
  );
});
