import assert from "node:assert/strict";
import { test } from "node:test";

import { type Kill, countEffects, createPlatform, killAndResume, readPicture } from "#test/killed-run.ts";

test("a run that is killed at any of its effects and resumed leaves what an uninterrupted run leaves", async (t) => {
  const uninterrupted = await createPlatform(t);
  const { effects, ended } = await countEffects(uninterrupted);
  assert.equal(ended.exitCode, 13, ended.stderr);
  const expected = await readPicture(uninterrupted);
  const kinds = ["sql insert", "sql commit", "sql with", "sql update", "mkdir", "write", "rename", "spawn git commit"];
  for (const kind of kinds)
    assert.ok(
      effects.some((effect) => effect.includes(` ${kind}`)),
      kind,
    );

  const kills = effects.flatMap((effect, index): Kill[] => {
    if (/spawn git (rev-parse|status|config|log|symbolic-ref)/.test(effect)) return [];
    const at = index + 1;
    // A statement inside a transaction is undone, whether its answer arrived or not.
    return / (sql commit|spawn|rename)/.test(effect)
      ? [
          { at, mode: "during" },
          { at, mode: "after" },
        ]
      : [{ at, mode: "after" }];
  });
  for (const kill of kills) {
    await t.test(`${kill.mode} ${effects[kill.at - 1]}`, async (part) => {
      const platform = await createPlatform(part);

      await killAndResume(platform, kill);

      assert.deepEqual(await readPicture(platform), expected);
    });
  }
});
