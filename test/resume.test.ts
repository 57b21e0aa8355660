import assert from "node:assert/strict";
import { test } from "node:test";

import { countEffects, createPlatform, killAndResume, readPicture } from "#test/killed-run.ts";

/** Where a kill has different consequences; `resume.long.test.ts` kills everywhere. */
const places = [
  { name: "between a file and its row", effect: / rename .*\.ledger\.sh/, mode: "after" },
  { name: "while git commits", effect: / spawn git commit/, mode: "during" },
] as const;

test("a run that is killed and resumed leaves what an uninterrupted run leaves", async (t) => {
  const uninterrupted = await createPlatform(t);
  const { effects, ended } = await countEffects(uninterrupted);
  assert.equal(ended.exitCode, 13, ended.stderr);
  const expected = await readPicture(uninterrupted);

  for (const { name, effect, mode } of places) {
    await t.test(name, async (part) => {
      const at = effects.findIndex((line) => effect.test(line)) + 1;
      assert.notEqual(at, 0, "no such effect");
      const platform = await createPlatform(part);

      await killAndResume(platform, { at, mode });

      assert.deepEqual(await readPicture(platform), expected);
    });
  }
});
