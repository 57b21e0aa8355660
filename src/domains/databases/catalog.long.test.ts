import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";

import { freshDatabase } from "#test/database.ts";
import { compareDumps, dumpSchema, restoreSchema } from "#test/pg-dump.ts";
import { openRichDatabase, openSession, readMutations, readRichCatalog } from "#test/rich-database.ts";

import type { Catalog } from "./catalog.ts";
import { compareCatalogs, describeDifference } from "./catalog-comparison.ts";

/** Changes that no dump shows: grants on built-in languages and row types, access methods (the comparer drops them). */
const unseenByDump = new Set([
  "table shop.other_method differs in accessMethod",
  "grant table shop.counter as a type to postgres is extra",
  "system grant language sql to PUBLIC is extra",
]);

type Original = { catalog: Catalog; dump: string[] };

let original: Promise<Original> | undefined;

for (const { found, sql } of await readMutations()) {
  test(`alone, it is found that ${JSON.stringify(found)}, and pg_dump agrees`, async (t) => {
    original ??= readOriginal(t);
    const { catalog, dump } = await original;
    const changed = await openRichDatabase(t, 15);
    await changed.client.query(sql);

    const comparison = compareCatalogs(catalog, await readRichCatalog(changed.client));

    assert.ok(comparison.differences.map(describeDifference).includes(found));
    assert.notEqual(comparison.desiredDigest, comparison.actualDigest);
    const dumps = compareDumps(dump, await dumpSchema(changed.url));
    assert.equal(dumps.left.length + dumps.right.length === 0, unseenByDump.has(found));
  });
}

test("a schema restored from pg_dump equals its origin", async (t) => {
  const origin = await openRichDatabase(t, 15);
  const { url } = await freshDatabase(t, { major: 15 });
  const restored = await openSession(t, url);

  await restoreSchema(origin.url, url);

  const comparison = compareCatalogs(await readRichCatalog(origin.client), await readRichCatalog(restored), {
    desired: "throw-away",
  });
  assert.deepEqual(comparison.differences, []);
  assert.equal(comparison.desiredDigest, comparison.actualDigest);
});

async function readOriginal(t: TestContext): Promise<Original> {
  const { client, url } = await openRichDatabase(t, 15);
  return { catalog: await readRichCatalog(client), dump: await dumpSchema(url) };
}
