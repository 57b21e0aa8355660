import assert from "node:assert/strict";
import { test } from "node:test";

import { programRoot } from "#config/state-directory.ts";
import { runProgram } from "#system/run.ts";

test("setup says nothing and installs nothing where every program is there", async () => {
  const ran = await runProgram("sh", ["bin/pinned-node", "scripts/setup.ts"], { timeoutMs: 30_000, cwd: programRoot });

  assert.deepEqual(ran, { exitCode: 0, stdout: "", stderr: "" });
});
