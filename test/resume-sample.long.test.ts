import assert from "node:assert/strict";
import { test } from "node:test";

import { type Kill, countEffects, killAndResume } from "#test/killed-run.ts";
import { buildSample, readSamplePicture } from "#test/killed-sample.ts";

const kills = 22;

test("a run over the sample platform that is killed and resumed leaves what an uninterrupted run leaves", async (t) => {
  const sample = await buildSample(t);
  const uninterrupted = await sample.copy(t);
  const { effects, ended } = await countEffects(uninterrupted);
  assert.equal(ended.exitCode, 0, ended.stderr);
  const expected = await readSamplePicture(uninterrupted);

  for (const kill of choose(effects)) {
    await t.test(`${kill.mode} ${effects[kill.at - 1]}`, async (part) => {
      const platform = await sample.copy(part);

      const resumed = await killAndResume(platform, kill);

      // Killed after its end, a run has nothing to resume.
      if (resumed.signal === null) assert.equal(resumed.exitCode, 0, resumed.stderr);
      assert.deepEqual(await readSamplePicture(platform), expected);
    });
  }
});

/** Spread over the run; in addition every commit to a database and to the checkout, before and after its answer. */
function choose(effects: string[]): Kill[] {
  const places = new Set(
    Array.from({ length: kills }, (_, n) => 1 + Math.round((n * (effects.length - 1)) / (kills - 1))),
  );
  const spread = [...places].map((at, n): Kill => ({ at, mode: n % 2 === 0 ? "during" : "after" }));
  const commits = effects.flatMap((effect, index): Kill[] =>
    / spawn git commit/.test(effect)
      ? [
          { at: index + 1, mode: "during" },
          { at: index + 1, mode: "after" },
        ]
      : [],
  );
  return [...spread, ...commits];
}
