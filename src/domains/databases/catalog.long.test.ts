import assert from "node:assert/strict";
import { test } from "node:test";

import { freshDatabase } from "#test/database.ts";
import { compareDumps, dumpSchema, restoreSchema } from "#test/pg-dump.ts";
import { openRichDatabase, openSession, readMutations, readRichCatalog } from "#test/rich-database.ts";

import { compareCatalogs, describeDifference } from "./catalog-comparison.ts";

test("each change alone is found, and whenever pg_dump sees one, so does the verifier", async (t) => {
  const original = await openRichDatabase(t, 15);
  const before = await readRichCatalog(original.client);
  const dumpBefore = await dumpSchema(original.url);
  const seenByDump: string[] = [];

  for (const { found, sql } of await readMutations()) {
    const changed = await openRichDatabase(t, 15);
    await changed.client.query(sql);
    const comparison = compareCatalogs(before, await readRichCatalog(changed.client));
    const dumps = compareDumps(dumpBefore, await dumpSchema(changed.url));
    await changed.client.end();

    assert.ok(comparison.differences.map(describeDifference).includes(found), found);
    assert.notEqual(comparison.desiredDigest, comparison.actualDigest, found);
    if (dumps.left.length + dumps.right.length > 0) seenByDump.push(found);
  }

  assert.ok(seenByDump.length > 150, `pg_dump saw only ${seenByDump.length}`);
});

test("a schema restored from pg_dump equals its origin", async (t) => {
  const original = await openRichDatabase(t, 15);
  const { url } = await freshDatabase(t, { major: 15 });
  const restored = await openSession(t, url);

  await restoreSchema(original.url, url);

  const comparison = compareCatalogs(await readRichCatalog(original.client), await readRichCatalog(restored), {
    desired: "throw-away",
  });
  assert.deepEqual(comparison.differences, []);
  assert.equal(comparison.desiredDigest, comparison.actualDigest);
});
