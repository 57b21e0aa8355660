import assert from "node:assert/strict";
import { test } from "node:test";

import { pairOf } from "#test/mirror-pair.ts";
import { openRichDatabase, readMutations } from "#test/rich-database.ts";

/** Kinds that are compared and cannot be mirrored: each ends in a verdict that names it, never in `equal`. */
const notMirrored = [
  /^(cast|conversion|operator|operator family|operator class|language|transform|access method) /,
  /^text search /,
  /^system grant (language|function pg_catalog|view pg_catalog)/,
  /^type shop\.pending is missing/,
  /^comment attribute /,
  /^attribute shop\.address\.(zip is missing|country is extra)/,
  /^constraint shop\.orders\.orders_customer_id_fkey differs in triggers/,
  /^index shop\.event_kind differs in valid/,
  /^grant table shop\.counter as a type /,
  /^column shop\.remote\.id differs in serverOptions/,
];

for (const { found, sql } of await readMutations()) {
  test(`on prod alone, dev follows or it is said why: ${JSON.stringify(found)}`, async (t) => {
    const [prod, dev] = [await openRichDatabase(t, 15), await openRichDatabase(t, 15)];
    for (const { client } of [prod, dev]) await client.query("drop table public.schema_migrations");
    await prod.client.query(sql);

    const outcome = await pairOf(prod, dev).mirror({ devOnly: "drop" });

    const isMirrored = !notMirrored.some((pattern) => pattern.test(found));
    assert.equal(outcome.state === "equal", isMirrored, JSON.stringify(outcome));
    if (!isMirrored) assert.ok(outcome.failure !== null || (outcome.verdict?.differences.length ?? 0) > 0);
  });
}
