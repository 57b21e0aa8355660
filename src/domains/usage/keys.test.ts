import assert from "node:assert/strict";
import { test } from "node:test";

import { sql } from "kysely";

import { transaction } from "#store/database.ts";
import { openOwnerSession } from "#store/session.ts";
import { testDatabase } from "#test/database.ts";

test("known ids are looked up by their index, also where a plan was made while there were few", async (t) => {
  const { db, ownerUrl } = await testDatabase(t);
  const owner = await openOwnerSession(ownerUrl);
  t.after(() => owner.end());
  const insertKeys = (from: number, to: number) =>
    sql`
      insert into llm_usage_key (key, usage_id, created_at)
      select md5(n::text)::uuid, n, now() from generate_series(${from}::integer, ${to}::integer) as n`.execute(db);
  const find = (numbers: readonly number[]) =>
    transaction(db, async (tx) => {
      const { rows: found } = await sql`
        select usage_id from llm_usage_find_keys(array(select md5(n::text)::uuid from unnest(${numbers}::integer[]) as n))
        order by 1`.execute(tx);
      const { rows: reads } = await sql`
        select seq_scan, idx_scan > 0 as uses_index from pg_stat_xact_user_tables where relname = 'llm_usage_key'`.execute(
        tx,
      );
      return { found, reads };
    });
  await insertKeys(1, 3);
  await owner.query("analyze llm_usage_key");

  const few = await find([2, 3, 4]);
  await insertKeys(4, 5_000);
  const many = await find([2, 3, 4, 5_001]);

  const byIndex = [{ seqScan: 0, usesIndex: true }];
  assert.deepEqual(few, { found: [{ usageId: 2 }, { usageId: 3 }], reads: byIndex });
  assert.deepEqual(many, { found: [{ usageId: 2 }, { usageId: 3 }, { usageId: 4 }], reads: byIndex });
});
