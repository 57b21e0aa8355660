import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";

import { sql } from "kysely";

import type { App } from "#app.ts";
import { Config } from "#config/schema.ts";
import { testApp } from "#test/app.ts";
import { call, listSums, origin, sumCalls } from "#test/calls.ts";

import { checkUsage } from "./checks.ts";
import { createLedger } from "./ledger.ts";
import { type Repriced, repriceCalls, type RepriceOptions } from "./reprice.ts";
import { describeRepricing } from "./reprice-words.ts";
import { verifySums } from "./verify.ts";

const now = (): Date => new Date("2026-11-23T10:00:00Z");
const work: RepriceOptions = {
  ...{ period: {}, model: undefined, isPlan: false, actor: "test", mostAtOnce: 7 },
  signal: new AbortController().signal,
  progress: () => undefined,
};

/** Twenty calls of a model that nobody prices and ten of one that the catalog does, one every six hours. */
async function appWithCalls(t: TestContext): Promise<App> {
  const app = { ...(await testApp(t)), now };
  const calls = Array.from({ length: 30 }, (_, index) =>
    call({
      created_at: new Date(Date.UTC(2026, 9, 28, index * 6)).toISOString(),
      ...(index % 3 === 0 ? {} : { model: "in-house-7b" }),
      operation: index % 2 === 0 ? "plan" : null,
    }),
  );
  await createLedger(app).record(calls, origin);
  return app;
}

/** The same store, after the operator wrote a price down: a dollar for a million tokens in, two for a million out. */
function withPrice(app: App, fields: object = {}): App {
  const usage = { prices: [{ model: "in-house-7b", input: 1, output: 2, ...fields }] };
  return { ...app, config: { ...app.config, usage: Config.parse({ platform: app.config.platform, usage }).usage } };
}

const reprice = async (app: App, options: RepriceOptions): Promise<Repriced[]> =>
  (await repriceCalls(app, options)).models;

const summarize = (repriced: readonly Repriced[]) =>
  repriced.map(({ model, calls, oldNanousd, newNanousd }) => [model, calls, oldNanousd, newNanousd]);

test("calls without a price get the one that was stated, rows and sums alike, and a second time changes nothing", async (t) => {
  const app = withPrice(await appWithCalls(t));
  const before = await checkUsage(app);

  const repriced = await reprice(app, work);
  const again = await reprice(app, work);

  // 1,000 tokens in and 100 out: 1.2 thousandths of a dollar.
  assert.deepEqual(summarize(repriced), [["in-house-7b", 20, 0n, 24_000_000n]]);
  assert.deepEqual(again, []);
  assert.deepEqual(await listSums(app.db), await sumCalls(app.db));
  assert.equal((await verifySums(app)).equal, true);
  assert.equal(before[0]?.state, "loose");
  assert.deepEqual(
    (await checkUsage(app)).map(({ state }) => state),
    ["ok"],
  );
});

test("a plan tells what would change and writes nothing", async (t) => {
  const app = withPrice(await appWithCalls(t));
  const sums = await listSums(app.db);

  const plan = await repriceCalls(app, { ...work, isPlan: true });

  assert.deepEqual(await listSums(app.db), sums);
  assert.deepEqual(await repriceCalls(app, { ...work, isPlan: true }), plan);
  assert.equal(
    describeRepricing(plan, true),
    [
      "model        calls  cost before  cost after  without a cost",
      "in-house-7b  20     unpriced     $0.024      20 before, 0 after",
      "nothing was written; to do it: leveredge usage reprice",
    ].join("\n"),
  );
});

test("what has no price is not said to be priced, and no call is not every call", async (t) => {
  const app = await appWithCalls(t);

  const unpriced = await repriceCalls(app, { ...work, model: "in-house-7b" });
  const nothing = await repriceCalls(app, { ...work, model: "nobody" });

  assert.equal(
    describeRepricing(unpriced, false),
    "20 calls looked at: each has what it would get now\n20 calls still without a price: state one under usage.prices in leveredge.yaml",
  );
  assert.equal(describeRepricing(nothing, false), "there is no such call");
});

test("a price that is taken back leaves no cost instead of 0", async (t) => {
  const app = await appWithCalls(t);
  await reprice(withPrice(app), work);

  const repriced = await reprice(app, work);

  assert.deepEqual(summarize(repriced), [["in-house-7b", 20, 24_000_000n, 0n]]);
  const { rows } =
    await sql`select 1 from llm_usage where model = 'in-house-7b' and estimated_cost_usd is not null`.execute(app.db);
  assert.deepEqual(rows, []);
  assert.equal((await verifySums(app)).equal, true);
});

test("only the days and the model that are asked for change, each call at the price of its own time", async (t) => {
  const app = withPrice(await appWithCalls(t), { valid_from: "2026-10-30T00:00:00Z" });

  const other = await reprice(app, { ...work, model: "gpt-4o-mini" });
  const part = await reprice(app, { ...work, period: { from: "2026-10-29", to: "2026-10-30" } });

  assert.deepEqual(other, []);
  // Four calls on the 30th, of which three are of this model; on the 29th it had no price.
  assert.equal(part[0]?.calls, 3);
  assert.equal((await verifySums(app)).equal, true);
});

test("what was done before it was stopped stays, rows and sums alike, and the next time does the rest", async (t) => {
  const app = withPrice(await appWithCalls(t));
  const stop = new AbortController();

  await assert.rejects(reprice(app, { ...work, signal: stop.signal, progress: () => stop.abort() }));
  const between = await verifySums(app);
  const rest = await reprice(app, work);

  assert.equal(between.equal, true);
  assert.ok((rest[0]?.calls ?? 0) > 0 && (rest[0]?.calls ?? 0) < 20, String(rest[0]?.calls));
  assert.equal((await reprice(app, work)).length, 0);
});

test("what a provider charged itself stays", async (t) => {
  const app = await appWithCalls(t);
  await createLedger(app).record(
    [
      call({
        model: "in-house-7b",
        provider: "openrouter",
        provider_cost_usd: "0.5",
        created_at: "2026-11-02T00:00:00Z",
      }),
    ],
    origin,
  );

  const repriced = await reprice(withPrice(app), work);

  assert.equal(repriced[0]?.calls, 20);
});
