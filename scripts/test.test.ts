import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { programRoot } from "#config/state-directory.ts";
import { runProgram } from "#system/run.ts";

test("the test script ends with 0 when its tests pass and with 1 when one fails", async (t) => {
  // Its own place for temporary files, so that it does not stop the clusters that run here.
  const directory = await mkdtemp(join(tmpdir(), "leveredge-test-script-"));
  t.after(() => rm(directory, { recursive: true }));
  const passing = join(directory, "passing.test.mjs");
  const failing = join(directory, "failing.test.mjs");
  await writeFile(passing, 'import { test } from "node:test"; test("passes", () => undefined);\n');
  await writeFile(failing, 'import { test } from "node:test"; test("fails", () => { throw new Error("no"); });\n');
  const run = (...files: string[]) =>
    runProgram(process.execPath, ["scripts/test.ts", ...files], {
      timeoutMs: 120_000,
      cwd: programRoot,
      env: { TMPDIR: directory },
      accept: [0, 1],
    });

  const good = await run(passing);
  const bad = await run(passing, failing);

  assert.equal(good.exitCode, 0, good.stderr);
  assert.equal(bad.exitCode, 1);
  assert.match(bad.stderr, /✖ tests/);
});
