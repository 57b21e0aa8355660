import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { stripVTControlCharacters } from "node:util";

import { runProgram } from "#system/run.ts";
import { createPlatform } from "#test/killed-run.ts";

const program = join(import.meta.dirname, "small-harden.ts");

test("on a terminal a run draws its sections and steps, and leaves the report on the screen", async (t) => {
  const { root, stateDir, storeUrl, devUrl, prodUrl } = await createPlatform(t);
  const words = ["harden", "--config", join(root, "../leveredge.yaml"), "--state", stateDir];
  const command = [process.execPath, program, ...words].map((word) => `'${word}'`).join(" ");

  const { stdout } = await runProgram("script", ["-qec", `stty cols 140 rows 50; ${command}`, "/dev/null"], {
    timeoutMs: 120_000,
    env: { TERM: "xterm", DATABASE_URL: storeUrl, DEV_DATABASE_URL: devUrl, PROD_DATABASE_URL: prodUrl },
    accept: [13],
  });

  const [drawn, left] = split(stdout);
  assert.match(drawn, /› applying/);
  assert.match(drawn, /✔ shared {2}write docs\/B\.md — docs\/B\.md is there/);
  assert.match(drawn, /↓ dev {5}use a token — needs a token/);
  assert.match(drawn, /✖ dev {5}fail — it is impossible/);
  assert.match(left, /^: failed in \d+ s/);
  assert.match(left, /dev {5}token {23}blocked {3}needs a token/);
});

/** What was drawn while it ran, and what is left when it has ended. */
function split(text: string): [string, string] {
  const plain = stripVTControlCharacters(text);
  const report = /Hardening run [0-9a-f-]{36}/.exec(plain);
  assert.ok(report !== null, plain);
  return [plain.slice(0, report.index), plain.slice(report.index + report[0].length)];
}
