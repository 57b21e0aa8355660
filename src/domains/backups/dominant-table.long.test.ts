import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { test } from "node:test";

import { largeSql, watchRestore } from "#test/dominant-dump.ts";
import { drill } from "#test/drills.ts";
import { databaseWith, makeDump, runDump } from "#test/dumps.ts";

test("a flipped byte or a cut in the rows of such a table is damage, also without the file's checksum", async (t) => {
  const dump = await makeDump(t, await databaseWith(t, largeSql), "custom");
  const bytes = await readFile(dump.file);
  for (const share of [0.3, 0.8]) {
    const at = Math.floor(bytes.length * share);
    const flipped = Buffer.from(bytes);
    flipped.writeUInt8(flipped.readUInt8(at) ^ 4, at);
    for (const damaged of [flipped, bytes.subarray(0, at)]) {
      await writeFile(dump.file, damaged);

      const result = await drill({ ...dump, useFileChecksum: false });

      assert.equal(result.verdict, "damaged", result.why);
      assert.match(result.why, /\S/);
    }
  }
});

test("rows that are written as INSERTs are restored by pg_restore alone", async (t) => {
  const url = await databaseWith(t, largeSql);
  const dump = await makeDump(t, url, "custom");
  await runDump(url, ["--format=custom", "--rows-per-insert=1000", `--file=${dump.file}`]);
  const { run, asked } = watchRestore();

  const result = await drill({ ...dump, run, useFileChecksum: false });

  assert.deepEqual([result.verdict, result.assurance], ["verified", "content"], result.why);
  assert.deepEqual(asked.slice(1, 3), ["--section=data --file=-", "--section=data"]);
});
