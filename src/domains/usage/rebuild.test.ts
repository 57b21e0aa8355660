import assert from "node:assert/strict";
import { test } from "node:test";

import { sql } from "kysely";

import type { App } from "#app.ts";
import type { CommandContext } from "#cli/command.ts";
import { testApp } from "#test/app.ts";
import { call, listSums, origin, sumCalls } from "#test/calls.ts";

import { checkUsage } from "./checks.ts";
import { ledgerCommands } from "./commands.ts";
import { createLedger } from "./ledger.ts";
import { rebuildSums } from "./rebuild.ts";
import { verifySums } from "./verify.ts";

const now = (): Date => new Date("2026-11-23T10:00:00Z");
const work = { actor: "test", signal: new AbortController().signal, progress: () => undefined };

async function appWithCalls(t: Parameters<typeof testApp>[0]): Promise<App> {
  const app = { ...(await testApp(t)), now };
  const calls = Array.from({ length: 60 }, (_, index) =>
    call({
      ...{ created_at: new Date(Date.UTC(2026, 9, 28, index * 7)).toISOString(), agent_name: `agent-${index % 3}` },
      ...(index % 4 === 0 ? { model: "in-house-7b" } : {}),
    }),
  );
  await createLedger(app).record(calls, origin);
  return app;
}

/** A command's exit code and what it said. */
async function runCommand(
  app: App,
  name: string,
  options: CommandContext["options"] = {},
): Promise<{ code: number; text: string }> {
  const texts: string[] = [];
  const code = await ledgerCommands
    .find((one) => one.name === name)
    ?.run({
      arguments: [],
      options,
      global: { config: undefined, state: undefined, json: false, color: false, quiet: false },
      output: { data: (_, text) => texts.push(text), say: () => undefined, live: false },
      signal: new AbortController().signal,
      openApp: () => Promise.resolve(app),
    });
  return { code: code ?? Number.NaN, text: texts.join("\n") };
}

test("damage of every sort is found, named and mended", async (t) => {
  const app = await appWithCalls(t);
  const before = await listSums(app.db);
  await sql`update llm_usage_daily set calls = calls + 1 where agent_name = 'agent-0'`.execute(app.db);
  await sql`
    update llm_usage_breakdown set estimated_cost_usd = estimated_cost_usd + 0.000000001
    where model = 'gpt-4o-mini' and agent_name = 'agent-1'`.execute(app.db);
  await sql`delete from llm_usage_daily where day = '2026-11-02'`.execute(app.db);
  await sql`
    insert into llm_usage_daily values ('2026-11-20', 'ghost', 'gpt-4o-mini', 1, 1, 1, 1)`.execute(app.db);

  const damaged = await runCommand(app, "usage verify");
  const part = await runCommand(app, "usage verify", { from: "2026-11-20", to: "2026-11-20" });
  const rebuilt = await runCommand(app, "usage rebuild");
  const mended = await runCommand(app, "usage verify");

  assert.equal(damaged.code, 13);
  assert.match(damaged.text, /^\d+ of \d+ sums are not what the calls add up to/);
  assert.equal(damaged.text.split("\n").filter((line) => line.includes(" in llm_usage_daily:")).length, 10);
  assert.match(
    damaged.text,
    /2026-10-28, model gpt-4o-mini, agent_name agent-0 in llm_usage_daily: calls 2, counted 1\n/,
  );
  assert.match(damaged.text, /estimated_cost_usd 0\.000\d{5}1, counted 0\.000\d{5}0/);
  assert.deepEqual(part.text.split("\n"), [
    "1 of 1 sums are not what the calls add up to",
    "2026-11-20, model gpt-4o-mini, agent_name ghost in llm_usage_daily: calls 1, counted none; input_tokens 1, counted none; output_tokens 1, counted none; estimated_cost_usd 1, counted none",
  ]);
  assert.match(rebuilt.text, /^19 days are counted anew, by days of UTC$/);
  assert.equal(mended.code, 0);
  assert.deepEqual(await listSums(app.db), before);
  assert.deepEqual(await listSums(app.db), await sumCalls(app.db));
});

test("sums of another time zone are a finding that a rebuild closes, and calls go on in the old one until then", async (t) => {
  const app = await appWithCalls(t);
  const timezone = "Asia/Kolkata";
  const moved = { ...app, config: { ...app.config, platform: { ...app.config.platform, timezone } } };
  await createLedger(moved).record([call({ created_at: "2026-10-30T19:00:00Z" })], origin);

  const inOldZone = await verifySums(moved);
  const found = await checkUsage(moved);
  await assert.rejects(rebuildSums(moved, { ...work, period: { from: "2026-11-01" } }), /the sums are by days of UTC/);
  const rebuilt = await rebuildSums(moved, work);
  const inNewZone = await verifySums(moved);
  const afterwards = await checkUsage(moved);

  assert.deepEqual([inOldZone.equal, inOldZone.timezone], [true, "UTC"]);
  assert.deepEqual(found[0], {
    subject: "usage sums",
    state: "loose",
    detail: "they are by days of UTC, platform.timezone is Asia/Kolkata",
    remedy: "leveredge usage rebuild",
  });
  assert.equal(rebuilt.previousTimezone, "UTC");
  assert.deepEqual([inNewZone.equal, inNewZone.timezone], [true, timezone]);
  assert.deepEqual(await listSums(app.db), await sumCalls(app.db, timezone));
  assert.deepEqual(
    afterwards.map(({ subject }) => subject),
    ["price of in-house-7b of openai"],
  );
});

test("calls that come during a rebuild are in the sums once", async (t) => {
  const app = await appWithCalls(t);
  const ledger = createLedger(app, { mostAtOnce: 5 });
  const during = Array.from({ length: 100 }, (_, index) =>
    ledger.record([call({ created_at: `2026-11-${String(1 + (index % 20)).padStart(2, "0")}T12:00:00Z` })], origin),
  );

  await Promise.all([...during, rebuildSums(app, work), rebuildSums(app, work)]);

  assert.deepEqual(await listSums(app.db), await sumCalls(app.db));
  assert.equal((await verifySums(app)).equal, true);
});

test("a model without a price is a loose end with the line that closes it", async (t) => {
  const app = await appWithCalls(t);

  const [check] = await checkUsage(app);

  assert.deepEqual(check, {
    subject: "price of in-house-7b of openai",
    state: "loose",
    detail: "15 calls without a cost, the last on 2026-11-13",
    remedy:
      'add under usage.prices in leveredge.yaml: - {"model":"in-house-7b","provider":"openai", input: USD, output: USD} (for a million tokens), restart leveredge serve, then: leveredge usage reprice',
  });
});

test("before the first call there is nothing to check, to prove or to make anew", async (t) => {
  const app = await testApp(t);

  assert.deepEqual(await checkUsage(app), []);
  assert.equal((await verifySums(app)).equal, true);
  assert.equal((await rebuildSums(app, work)).days, 0);
});
