import assert from "node:assert/strict";
import { test } from "node:test";

import { sql } from "kysely";

import type { App } from "#app.ts";
import { testApp } from "#test/app.ts";
import { call, countRows, listSums, origin, sumCalls } from "#test/calls.ts";
import { testDatabase } from "#test/database.ts";

import { createLedger } from "./ledger.ts";
import type { Call, Receipt } from "./schema.ts";
import { verifySums } from "./verify.ts";

const answerId = "chatcmpl-0123456789abcdef";
const span = { trace_id: "0af7651916cd43dd8448eb211c80319c", span_id: "b7ad6b7169203331" };

test("a call is in the raw rows, in both sums and in the platform's view when its receipt comes", async (t) => {
  const app = await testApp(t);
  const ledger = createLedger(app);
  const told = call({
    ...{ created_at: "2026-01-31T12:00:00.123456Z", context: 'a "{}", \\ and é', operation: "chat", credential: "k1" },
    ...{ cache_read_tokens: 600, cache_write_5m_tokens: 10, cache_write_1h_tokens: 20, reasoning_tokens: 30 },
    ...{ is_estimated: true, tags: { team: "a,b" }, estimated_cost_usd: "1e-7", provider_cost_usd: "0.5" },
    ...{ environment: "prod", service_tier: "default", response_id: answerId },
  });

  const receipts = await ledger.record([told], origin);

  assert.deepEqual(receipts, [{ state: "recorded", id: receipts[0]?.id }]);
  const { rows } = await sql<Record<string, unknown>>`
    select *, created_at = '2026-01-31T12:00:00.123456Z' as is_exact from llm_usage`.execute(app.db);
  const { id, createdAt, recordedAt, ...row } = rows[0] ?? {};
  assert.equal(id, receipts[0]?.id);
  assert.equal(createdAt, "2026-01-31T12:00:00.123Z");
  assert.equal(typeof recordedAt, "string");
  assert.deepEqual(row, {
    ...{ agentName: "CHIRON", model: "gpt-4o-mini", inputTokens: 1000, outputTokens: 100 },
    ...{ estimatedCostUsd: row["estimatedCostUsd"], context: 'a "{}", \\ and é', operation: "chat", claimedAt: null },
    ...{ environment: "prod", provider: "openai", credential: "k1", responseId: answerId, serviceTier: "default" },
    ...{ region: null, cacheReadTokens: 600, cacheWrite5mTokens: 10, cacheWrite1hTokens: 20, reasoningTokens: 30 },
    ...{ audioInputTokens: null, audioOutputTokens: null, webSearches: null, isEstimated: true },
    ...{ costSource: "catalog", priceVersion: row["priceVersion"], providerCostUsd: "0.500000000" },
    ...{ clientCostUsd: "0.000000100", tags: { team: "a,b" }, source: "test", isExact: true },
  });
  const view = await sql<Record<string, unknown>>`select * from llm_cost_summary`.execute(app.db);
  assert.deepEqual(Object.keys(view.rows[0] ?? {}), [
    ...["day", "agentName", "model", "calls", "totalInput", "totalOutput", "totalCost"],
  ]);
  const broken = await sql<Record<string, unknown>>`select * from llm_usage_breakdown`.execute(app.db);
  assert.deepEqual(broken.rows, [
    {
      ...{ day: "2026-01-31T00:00:00.000Z", environment: "prod", agentName: "CHIRON", model: "gpt-4o-mini" },
      ...{ provider: "openai", operation: "chat", credential: "k1", calls: 1, inputTokens: 1000, outputTokens: 100 },
      ...{ cacheReadTokens: 600, cacheWriteTokens: 30, reasoningTokens: 30 },
      ...{ estimatedCostUsd: row["estimatedCostUsd"], unpricedCalls: 0, estimatedCalls: 1 },
    },
  ]);
});

for (const [kind, ids] of Object.entries({
  "a provider's answer": { response_id: answerId },
  "a span": span,
  "an idempotency key": { idempotency_key: "1" },
} satisfies Record<string, Partial<Call>>)) {
  test(`the id of ${kind} makes one call of two, in one batch and in another with another time`, async (t) => {
    const app = await testApp(t);
    const ledger = createLedger(app);
    const first = call({ ...ids, created_at: "2026-10-31T23:59:59Z" });
    const again = call({ ...ids, created_at: "2026-11-01T00:00:01Z" });

    const receipts = await ledger.record([first, again], origin);
    const later = await createLedger(app).record([again, call(), first], origin);

    const id = receipts[0]?.id;
    assert.deepEqual(
      [...receipts, ...later],
      [
        { state: "recorded", id },
        { state: "duplicate", id },
        { state: "duplicate", id },
        { state: "recorded", id: later[1]?.id },
        { state: "duplicate", id },
      ],
    );
    assert.deepEqual(await countRows(app.db), { calls: 2, keys: 1 });
    assert.deepEqual(await listSums(app.db), await sumCalls(app.db));
  });
}

test("ids that say nothing make no call one: short ones, other agents' counters, none at all", async (t) => {
  const app = await testApp(t);
  const calls = [
    ...[call({ response_id: "chatcmpl-123" }), call({ response_id: "chatcmpl-123" }), call(), call()],
    ...[call({ idempotency_key: "1" }), call({ idempotency_key: "1", agent_name: "SCHOLAR" })],
    call({ idempotency_key: "1", environment: "prod" }),
  ];

  const receipts = await createLedger(app).record(calls, origin);

  assert.deepEqual(
    receipts.map(({ state }) => state),
    calls.map(() => "recorded"),
  );
});

test("an id that is new beside one that is known leads to the first telling from then on", async (t) => {
  const app = await testApp(t);
  const ledger = createLedger(app);
  const [first] = await ledger.record([call({ response_id: answerId })], origin);

  const both = await ledger.record([call({ response_id: answerId, ...span })], origin);
  const bySpan = await ledger.record([call(span)], origin);
  const inOneBatch = await ledger.record(
    [call({ idempotency_key: "a" }), call({ idempotency_key: "a", response_id: `${answerId}2` })],
    origin,
  );
  const byAnswer = await ledger.record([call({ response_id: `${answerId}2` })], origin);

  assert.deepEqual(
    [...both, ...bySpan],
    Array.from({ length: 2 }, () => ({ state: "duplicate", id: first?.id })),
  );
  assert.deepEqual(byAnswer, [{ state: "duplicate", id: inOneBatch[0]?.id }]);
  assert.deepEqual(await countRows(app.db), { calls: 2, keys: 4 });
});

test("two rows that a later telling shows to be one call stay, and are counted", async (t) => {
  const app = await testApp(t);
  const ledger = createLedger(app);
  const tellings = [call({ response_id: answerId }), call(span), call({ response_id: answerId, ...span })];
  const ids = { idempotency_key: "x" };
  const batch = [call({ response_id: `${answerId}2` }), call(ids), call({ response_id: `${answerId}2`, ...ids })];

  const receipts: Receipt[] = [];
  for (const one of tellings) receipts.push(...(await ledger.record([one], origin)));
  receipts.push(...(await ledger.record(batch, origin)));

  assert.deepEqual(
    receipts.map(({ state }) => state),
    ["recorded", "recorded", "duplicate", "recorded", "recorded", "duplicate"],
  );
  const { rows } = await sql`select first_id, other_id from llm_usage_bridge order by 1`.execute(app.db);
  assert.deepEqual(rows, [
    { firstId: receipts[0]?.id, otherId: receipts[1]?.id },
    { firstId: receipts[3]?.id, otherId: receipts[4]?.id },
  ]);
});

test("a call that the store does not take is rejected alone, and so is one whose parts exceed the whole", async (t) => {
  const app = await testApp(t);
  // As if the schema had let it through.
  const withNul: Call = { ...call(), context: "a\0b" };
  const excessive = call({ cache_read_tokens: 1001 });

  const receipts = await createLedger(app).record([call(), call(), withNul, call(), excessive, call()], origin);

  assert.deepEqual(
    receipts.map(({ state }) => state),
    ["recorded", "recorded", "rejected", "recorded", "rejected", "recorded"],
  );
  assert.match(receipts[2]?.reason ?? "", /^the store refused it: .*0x00/);
  assert.match(receipts[4]?.reason ?? "", /cache_read_tokens .* \(1001\) are more than input_tokens \(1000\)/);
  assert.deepEqual(await listSums(app.db), await sumCalls(app.db));
});

test("a clock that is ten years off is not believed, in either direction, and what it said is kept", async (t) => {
  const app = { ...(await testApp(t)), now: () => new Date("2026-11-23T10:00:00Z") };
  const times = ["2036-11-23T10:00:00Z", "2016-11-23T10:00:00Z", "2026-11-23T10:05:01Z", "2026-11-23T10:04:59Z"];

  const receipts = await createLedger(app).record(
    times.map((createdAt) => call({ created_at: createdAt })),
    origin,
  );

  const { rows } = await sql<Record<string, unknown>>`
    select created_at, claimed_at from llm_usage order by id`.execute(app.db);
  assert.deepEqual(
    rows.map(({ createdAt, claimedAt }) => [createdAt, claimedAt]),
    [
      ["2026-11-23T10:00:00.000Z", "2036-11-23T10:00:00.000Z"],
      ["2026-11-23T10:00:00.000Z", "2016-11-23T10:00:00.000Z"],
      ["2026-11-23T10:00:00.000Z", "2026-11-23T10:05:01.000Z"],
      ["2026-11-23T10:04:59.000Z", null],
    ],
  );
  assert.deepEqual(
    receipts.map(({ notes }) => notes?.length ?? 0),
    [1, 1, 1, 0],
  );
});

test("a call of a time that is not kept is rejected with that reason", async (t) => {
  const app = { ...(await testApp(t, { usage: { retention: "90d" } })), now: () => new Date("2026-11-23T10:00:00Z") };

  const receipts = await createLedger(app).record(
    [call({ created_at: "2026-07-31T23:59:59Z" }), call({ created_at: "2026-08-01T00:00:00Z" })],
    origin,
  );

  assert.deepEqual(receipts, [
    {
      state: "rejected",
      reason: "created_at 2026-07-31T23:59:59Z is before 2026-08-01T00:00:00.000Z: calls of that time are not kept",
    },
    { state: "recorded", id: receipts[1]?.id },
  ]);
});

test("a model that nobody prices is booked without a cost, counted, and said in the receipt", async (t) => {
  const app = await testApp(t);

  const receipts = await createLedger(app).record([call({ model: "in-house-7b" }), call()], origin);

  assert.match(receipts[0]?.notes?.[0] ?? "", /in-house-7b/);
  const { rows } = await sql`
    select model, unpriced_calls, estimated_cost_usd::text as cost from llm_usage_breakdown order by model`.execute(
    app.db,
  );
  assert.deepEqual(rows, [
    { model: "gpt-4o-mini", unpricedCalls: 0, cost: "0.000210000" },
    { model: "in-house-7b", unpricedCalls: 1, cost: "0.000000000" },
  ]);
});

for (const major of [15, 18] as const) {
  test(`writers with the same ids in other orders make each call one on PostgreSQL ${major}`, async (t) => {
    const app: Pick<App, "db" | "now" | "config"> = {
      ...(await testApp(t)),
      db: (await testDatabase(t, { major })).db,
    };
    const ids = Array.from({ length: 600 }, (_, index) => `response-${String(index).padStart(8, "0")}`);
    const writers = Array.from({ length: 4 }, () => createLedger(app, { mostAtOnce: 50 }));

    const receipts = await Promise.all(
      writers.map((ledger, writer) => {
        const own = ids.map((_, index) => ids[(index * (2 * writer + 1) + writer * 150) % ids.length] ?? "");
        const calls = own.map((id, index) => call({ response_id: id, idempotency_key: id, model: `m${index % 7}` }));
        return ledger.record(calls, origin);
      }),
    );

    const states = receipts.flat().map(({ state }) => state);
    assert.equal(states.filter((state) => state === "recorded").length, ids.length);
    assert.equal(states.filter((state) => state === "duplicate").length, 3 * ids.length);
    assert.deepEqual(await countRows(app.db), { calls: ids.length, keys: 2 * ids.length });
    assert.deepEqual(await listSums(app.db), await sumCalls(app.db));
    assert.equal((await verifySums(app)).equal, true);
  });
}

test("calls of many callers share few commits, and each hears of its own", async (t) => {
  const app = await testApp(t);
  const ledger = createLedger(app);

  const receipts = await Promise.all(
    Array.from({ length: 100 }, (_, index) => ledger.record([call({ agent_name: `a${index}` })], origin)),
  );

  const { rows } = await sql<{ id: number; agentName: string }>`select id, agent_name from llm_usage`.execute(app.db);
  const commits = await sql<{ count: number }>`select count(distinct xmin::text) as count from llm_usage`.execute(
    app.db,
  );
  assert.deepEqual(
    receipts.map(([receipt]) => rows.find(({ id }) => id === receipt?.id)?.agentName),
    receipts.map((_, index) => `a${index}`),
  );
  assert.ok((commits.rows[0]?.count ?? 100) < 10);
  assert.deepEqual(ledger.stats(), { waiting: 0, sources: { test: { recorded: 100, duplicate: 0, rejected: 0 } } });
});

test("over its bound the ledger says when to come again, takes what it took, and goes on", async (t) => {
  const app = await testApp(t);
  const ledger = createLedger(app, { mostAtOnce: 10, mostWaiting: 20 });
  const ten = Array.from({ length: 10 }, () => call());

  const told = await Promise.allSettled([1, 2, 3, 4].map(() => ledger.record(ten, origin)));
  const afterwards = await ledger.record(ten, origin);

  assert.deepEqual(
    told.map(({ status }) => status),
    ["fulfilled", "fulfilled", "rejected", "rejected"],
  );
  const refused = told.flatMap((one) => (one.status === "rejected" ? [one.reason as unknown] : []));
  assert.match(String(refused[0]), /20 calls wait to be written/);
  assert.equal(afterwards.length, 10);
  assert.deepEqual(await countRows(app.db), { calls: 30, keys: 0 });
});

test("a ledger that is closed has answered what it took, and takes no more", async (t) => {
  const app = await testApp(t);
  const ledger = createLedger(app);
  const taken = ledger.record([call()], origin);

  await ledger.close();

  assert.deepEqual(await countRows(app.db), { calls: 1, keys: 0 });
  assert.equal((await taken)[0]?.state, "recorded");
  await assert.rejects(ledger.record([call()], origin), /the ledger is closed/);
});

test("days begin with a quarter of an hour in every zone, as the sums take for granted", async (t) => {
  const app = await testApp(t);

  const { rows } = await sql<{ name: string }>`
    select distinct zone.name
    from pg_timezone_names as zone
    cross join generate_series('2020-01-01'::timestamptz, '2032-01-01', '9 days 7 hours') as at
    where zone.name !~ '^(posix|right)/'
      and extract(epoch from date_trunc('day', at, zone.name)) % 900 <> 0`.execute(app.db);

  assert.deepEqual(rows, []);
});
