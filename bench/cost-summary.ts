/**
 * The view `llm_cost_summary` over ten million calls of 90 days, 50 agents and 8 models,
 * whose sums `usage rebuild` made; and a month of a million calls dropped.
 */
import type pg from "pg";

import { rebuildSums } from "#domains/usage/rebuild.ts";

import { type Scene, withLedgerScene } from "./ledger-scene.ts";
import { median, timeMs } from "./measure.ts";
import { print } from "./server-under-load.ts";

const total = Number(process.argv[2] ?? 10_000_000);
const days = 90;
const oldRows = 1_000_000;
const runs = 7;
const allLimitMs = 50;
const monthLimitMs = 20;
const dropLimitMs = 1_000;

await withLedgerScene(async (scene) => {
  const { app, owner } = scene;
  await owner.query("update llm_usage_state set timezone = 'UTC'");
  console.log(`${total} calls written in ${((await timeMs(() => writeCalls(owner))) / 1000).toFixed(0)} s`);
  const { signal } = new AbortController();
  const rebuildMs = await timeMs(() => rebuildSums(app, { actor: "bench", signal, progress: () => undefined }));
  console.log(`their sums made anew in ${(rebuildMs / 1000).toFixed(0)} s`);
  await owner.query("vacuum (analyze) llm_usage_daily");
  await measureView(owner, "all days", "select * from llm_cost_summary", allLimitMs);
  await measureView(
    owner,
    "the last 30 days",
    "select * from llm_cost_summary where day >= now() - interval '30 days'",
    monthLimitMs,
  );
  await measureDrop(scene);
});

/** As many on each day, and in it of each agent and model. */
async function writeCalls(owner: pg.Client): Promise<void> {
  await owner.query(
    `select llm_usage_make_partition(month::date)
     from generate_series(date_trunc('month', now() - interval '${days} days'), now(), interval '1 month') as month`,
  );
  const perDay = Math.ceil(total / days);
  for (let day = 0; day < days; day += 1) await writeDay(owner, day, perDay);
}

async function writeDay(owner: pg.Client, daysAgo: number, rows: number): Promise<void> {
  await owner.query(
    `insert into llm_usage (id, agent_name, model, input_tokens, output_tokens, estimated_cost_usd, context, operation,
                            created_at, environment, provider, cost_source, source)
     select $1::bigint * $2::bigint + n, 'agent-' || n % 50, 'model-' || n / 50 % 8, 500 + n % 3000, 20 + n % 700,
            (n % 9973) * 0.000001, 'endpoint: /plan', 'chat',
            date_trunc('day', now() at time zone 'UTC') at time zone 'UTC' - $1 * interval '1 day'
              + n * (interval '1 day' / $2::integer),
            'prod', 'openai', 'catalog', 'bench'
     from generate_series(0, $2 - 1) as n`,
    [daysAgo, rows],
  );
}

/** In the server alone, and with all rows at the client. */
async function measureView(owner: pg.Client, title: string, query: string, limitMs: number): Promise<void> {
  const inServer: number[] = [];
  const atClient: number[] = [];
  let rows = 0;
  for (let run = 0; run <= runs; run += 1) {
    const { rows: plan } = await owner.query<{ "QUERY PLAN": [{ "Execution Time": number }] }>(
      `explain (analyze, timing off, format json) ${query}`,
    );
    const client = await timeMs(async () => {
      rows = (await owner.query(query)).rows.length;
    });
    if (run === 0) continue;
    inServer.push(plan[0]?.["QUERY PLAN"][0]["Execution Time"] ?? Number.NaN);
    atClient.push(client);
  }
  const ms = median(inServer);
  print(`llm_cost_summary, ${title}, ${rows} rows`, `${ms.toFixed(1)} ms`, `${limitMs} ms`, ms / limitMs);
  console.log(`with its rows at the client: ${median(atClient).toFixed(1)} ms`);
}

async function measureDrop({ owner }: Scene): Promise<void> {
  const month = "date_trunc('month', now() - interval '200 days')::date";
  await owner.query(`select llm_usage_make_partition(${month})`);
  await writeDay(owner, await daysSince(owner, month), oldRows);
  const ms = await timeMs(() => owner.query(`select llm_usage_drop_partition(${month})`));
  print(`a month of ${oldRows} calls dropped`, `${ms.toFixed(0)} ms`, `${dropLimitMs} ms`, ms / dropLimitMs);
}

/** To the second day of the month. */
async function daysSince(owner: pg.Client, month: string): Promise<number> {
  const { rows } = await owner.query<{ days: number }>(
    `select (now() at time zone 'UTC')::date - ${month} - 1 as days`,
  );
  return rows[0]?.days ?? 0;
}
