import assert from "node:assert/strict";
import { test } from "node:test";

import { sql } from "kysely";

import { listEvents } from "#events/events.ts";
import { testApp } from "#test/app.ts";
import { call, countRows, listSums, origin, sumCalls } from "#test/calls.ts";

import { createLedger } from "./ledger.ts";
import { listPartitions } from "./partition-queries.ts";
import { keepPartitions, retentionMs } from "./retention.ts";
import { verifySums } from "./verify.ts";

const settings = { usage: { retention: "90d" } };
const work = { actor: "test", signal: new AbortController().signal };
const dayMs = 86_400_000;

/** So many days ago, as the store's clock has it too. */
const ago = (days: number): string => new Date(Date.now() - days * dayMs).toISOString();

test("the retention is what the configuration says, and never less than 60 days", () => {
  const days = ["90d", "2400h", "1h", undefined].map(
    (retention) => retentionMs({ usage: retention === undefined ? undefined : { retention, prices: [] } }) / dayMs,
  );

  assert.deepEqual(days, [90, 100, 60, 400]);
});

test("old months go with their keys, the sums stay and are proven as far back as calls are kept", async (t) => {
  const app = await testApp(t, settings);
  const past = { ...app, now: () => new Date(Date.now() - 200 * dayMs) };
  const long = { ...past, config: { ...past.config, usage: { retention: "400d", prices: [] } } };
  await createLedger(long).record([call({ created_at: ago(201), idempotency_key: "old" })], origin);
  await createLedger(app).record([call({ idempotency_key: "new" })], origin);
  const before = await listSums(app.db);

  const kept = await keepPartitions(app, work);
  const again = await keepPartitions(app, work);

  assert.deepEqual([kept.dropped.length, kept.keys, kept.busy], [1, 1, []]);
  assert.deepEqual([again.dropped, again.made], [[], []]);
  assert.deepEqual(await countRows(app.db), { calls: 1, keys: 1 });
  assert.deepEqual(await listSums(app.db), before);
  assert.equal(before.length, 2);
  assert.equal((await listPartitions(app.db)).length, 3);
  const verdict = await verifySums(app);
  assert.deepEqual([verdict.equal, verdict.rows], [true, 2]);
  const events = await listEvents(app, { after: 0, limit: 10 });
  assert.deepEqual(
    events.map(({ action, target }) => [action, target]),
    [["usage.dropped", ago(201).slice(0, 7)]],
  );
});

test("a longer retention brings nothing back: a call of a month that is gone is rejected", async (t) => {
  const app = await testApp(t, settings);
  const long = { ...app, config: { ...app.config, usage: { retention: "400d", prices: [] } } };
  const old = call({ created_at: ago(200) });
  const ledger = createLedger(long);
  await ledger.record([old], origin);
  await keepPartitions(app, work);

  const [stillOpen] = await ledger.record([old], origin);
  const [opened] = await createLedger(long).record([old], origin);

  assert.equal(stillOpen?.state, "rejected");
  assert.match(stillOpen?.reason ?? "", /the ledger keeps no calls of/);
  assert.equal(opened?.state, "rejected");
  assert.equal((await verifySums(app)).equal, true);
});

test("months are dropped while calls come in, and none of these is lost or double", async (t) => {
  const app = await testApp(t, settings);
  const long = { ...app, config: { ...app.config, usage: { retention: "2000d", prices: [] } } };
  const ledger = createLedger(long, { mostAtOnce: 20 });
  await ledger.record(
    [200, 240, 280, 320].map((days) => call({ created_at: ago(days), idempotency_key: `old ${days}` })),
    origin,
  );
  const dropping = { isDone: false };
  let told = 0;
  const tell = async (): Promise<void> => {
    for (;;) {
      if (dropping.isDone && told >= 200) return;
      const batch = Array.from({ length: 10 }, () =>
        call({ created_at: ago(told % 80), idempotency_key: `${(told += 1)}` }),
      );
      const receipts = await ledger.record(batch, origin);
      assert.ok(receipts.every(({ state }) => state === "recorded"));
    }
  };

  const telling = Promise.all([tell(), tell()]);
  let kept = await keepPartitions(app, work);
  while (kept.busy.length > 0) kept = await keepPartitions(app, work);
  dropping.isDone = true;
  await telling;

  assert.deepEqual(await countRows(app.db), { calls: told, keys: told });
  const { equal, firstDay } = await verifySums(app);
  assert.equal(equal, true);
  const recent = (await listSums(app.db)).filter(({ day }) => day >= (firstDay ?? ""));
  assert.deepEqual(recent, await sumCalls(app.db));
});

test("a month that is being read is left for the next time", async (t) => {
  const app = await testApp(t, settings);
  const long = { ...app, config: { ...app.config, usage: { retention: "400d", prices: [] } } };
  await createLedger(long).record([call({ created_at: ago(200) })], origin);

  const busy = await app.db.transaction().execute(async (tx) => {
    await sql`select count(*) from llm_usage`.execute(tx);
    return keepPartitions(app, work);
  });
  const free = await keepPartitions(app, work);

  assert.deepEqual([busy.dropped, busy.busy.length], [[], 1]);
  assert.deepEqual([free.dropped.length, free.busy], [1, []]);
});
