import assert from "node:assert/strict";
import { test } from "node:test";

import { sql } from "kysely";

import { testApp, testOwnedApp } from "#test/app.ts";
import { call, listSums, origin, sumCalls } from "#test/calls.ts";
import { testDatabase } from "#test/database.ts";
import { ownerQuery } from "#test/database-role.ts";

import { createLedger } from "./ledger.ts";
import { dropPartition, listPartitions, makePartition } from "./partition-queries.ts";
import { verifySums } from "./verify.ts";

const now = (): Date => new Date("2026-11-23T10:00:00Z");

for (const major of [15, 18] as const) {
  test(`calls on both sides of a month's border lie in their months on PostgreSQL ${major}`, async (t) => {
    const app = { ...(await testApp(t)), now, db: (await testDatabase(t, { major })).db };
    const times = ["2026-09-30T23:59:59.999999Z", "2026-10-01T00:00:00Z", "2026-10-31T23:59:59.999999Z"];

    await createLedger(app).record(
      times.map((createdAt) => call({ created_at: createdAt })),
      origin,
    );

    const { rows } = await sql`
      select tableoid::regclass::text as month, count(*) as calls from llm_usage group by 1 order by 1`.execute(app.db);
    assert.deepEqual(rows, [
      { month: "llm_usage_2026_09", calls: 1 },
      { month: "llm_usage_2026_10", calls: 2 },
    ]);
  });
}

test("days begin where the platform's clocks say, also when they are changed", async (t) => {
  const timezone = "America/Los_Angeles";
  const platform = { platform: { name: "Test", root: "/srv/platform", timezone } };
  const app = { ...(await testApp(t, platform)), now };
  // 23 hours long, from 08:00 to 07:00; then 25 hours long, from 07:00 to 08:00.
  const times = [
    ...["2026-03-08T07:59:59Z", "2026-03-08T08:00:00Z", "2026-03-09T06:59:59Z", "2026-03-09T07:00:00Z"],
    ...["2026-11-01T06:59:59Z", "2026-11-01T07:00:00Z", "2026-11-02T07:59:59Z", "2026-11-02T08:00:00Z"],
  ];

  await createLedger(app).record(
    times.map((createdAt) => call({ created_at: createdAt })),
    origin,
  );

  const sums = await listSums(app.db);
  assert.deepEqual(
    sums.map(({ day, calls }) => [day, calls]),
    [
      ["2026-03-07T08:00:00.000Z", 1],
      ["2026-03-08T08:00:00.000Z", 2],
      ["2026-03-09T07:00:00.000Z", 1],
      ["2026-10-31T07:00:00.000Z", 1],
      ["2026-11-01T07:00:00.000Z", 2],
      ["2026-11-02T08:00:00.000Z", 1],
    ],
  );
  assert.deepEqual(sums, await sumCalls(app.db, timezone));
  assert.equal((await verifySums(app)).equal, true);
});

test("a day whose midnight the clocks leave out has its sums, and they are proven", async (t) => {
  const timezone = "Africa/Cairo";
  const app = { ...(await testApp(t, { platform: { name: "Test", root: "/srv/platform", timezone } })), now };
  // On 24 April 2026 Cairo's clocks go from 00:00 to 01:00.
  const times = ["2026-04-23T21:59:59Z", "2026-04-23T22:00:00Z", "2026-04-24T20:59:59Z", "2026-04-24T21:00:00Z"];

  await createLedger(app).record(
    times.map((createdAt) => call({ created_at: createdAt })),
    origin,
  );

  const sums = await listSums(app.db);
  assert.deepEqual(
    sums.map(({ calls }) => calls),
    [1, 2, 1],
  );
  assert.equal((await verifySums(app)).equal, true);
});

test("the application makes and drops months within bounds, and no table besides", async (t) => {
  const { db } = await testApp(t);
  await makePartition(db, "2025-01-15");

  const again = await makePartition(db, "2025-01-31");
  const outside = await Promise.allSettled([
    ...[makePartition(db, "2019-12-31"), makePartition(db, "2099-01-01")],
    ...[dropPartition(db, new Date().toISOString().slice(0, 10)), sql`create table own ()`.execute(db)],
    sql`drop table llm_usage_2025_01`.execute(db),
  ]);

  assert.equal(again, false);
  assert.deepEqual(
    outside.map((one) => (one.status === "rejected" ? String(one.reason) : one.status)),
    [
      "error: the ledger keeps no calls of 2019-12",
      "error: the ledger keeps no calls of 2099-01",
      `error: the calls of ${new Date().toISOString().slice(0, 7)} are not 60 days old`,
      "error: permission denied for schema leveredge",
      "error: must be owner of table llm_usage_2025_01",
    ],
  );
  assert.deepEqual(await listPartitions(db), ["2025-01-01"]);
});

test("nobody but the application gets at a month, whatever the database gives to others by default", async (t) => {
  const { app, ownerUrl } = await testOwnedApp(t);
  await ownerQuery(ownerUrl, "alter default privileges in schema leveredge grant select on tables to public");

  await makePartition(app.db, "2025-01-01");

  const { rows } = await sql`
    select relacl::text as privileges from pg_class where oid = 'llm_usage_2025_01'::regclass`.execute(app.db);
  assert.deepEqual(rows, [{ privileges: "{postgres=arwdDxtm/postgres,leveredge_app=arwd/postgres}" }]);
});
