import assert from "node:assert/strict";
import { test } from "node:test";

import type { App } from "#app.ts";
import type { CommandContext } from "#cli/command.ts";
import { testApp } from "#test/app.ts";
import { singleStepDomain } from "#test/small-section.ts";

import { abandonRun } from "./abandon.ts";
import { beginRun, startRun } from "./hardening.ts";
import { findRun, releaseLease } from "./queries.ts";
import { runsCommands } from "./runs-commands.ts";

async function run(
  app: App,
  name: string,
  words: string[] = [],
  options: CommandContext["options"] = {},
): Promise<{ data: Record<string, unknown>; text: string }> {
  const command = runsCommands.find((candidate) => candidate.name === `runs ${name}`);
  assert.ok(command);
  const shown: { value: unknown; text: string }[] = [];
  const exitCode = await command.run({
    arguments: words,
    options,
    global: { config: undefined, state: undefined, json: false, color: false, quiet: false },
    output: { data: (value, text) => shown.push({ value, text }), say: () => undefined, live: false },
    signal: app.signal,
    openApp: () => Promise.resolve(app),
  });
  assert.equal(exitCode, 0);
  return { data: JSON.parse(JSON.stringify(shown[0]?.value)), text: shown[0]?.text ?? "" };
}

test("runs are listed newest first and shown with their steps and evidence, by the beginning of an id", async (t) => {
  const app = await testApp(t);
  const domains = [singleStepDomain()];
  const none = await run(app, "list");
  const { rows } = await startRun(app, domains, { onlySection: undefined }, () => undefined);
  const begun = await beginRun(app, domains, { onlySection: 1, requestedBy: "user:damon" });

  const list = await run(app, "list");
  const latest = await run(app, "show");
  const older = await run(app, "show", [rows.run.id.slice(0, 13)], { evidence: true });

  assert.match(none.text, /no runs yet/);
  const runs = list.data["runs"] as { id: string }[];
  assert.deepEqual(
    runs.map(({ id }) => id),
    [begun.id, rows.run.id],
  );
  assert.match(list.text, /running .* § 1 .* user:damon\n.*verified .* all +1 /);
  assert.match(latest.text, /running\nbegun .* by user:damon, not ended[\s\S]*Acts {2}running\n.*planned$/);
  assert.match(older.text, /§ 1 {2}Acts {2}verified\n {5}dev {5}act +verified\n +proven\n +count: 1\n/);
  await assert.rejects(run(app, "show", ["ffffffff"]), { code: "not_found" });
});

test("a run whose lease is over is interrupted, and abandoned once it was given up", async (t) => {
  const app = await testApp(t);
  const { id, attempt } = await beginRun(app, [singleStepDomain()], { onlySection: undefined, requestedBy: "cli" });
  await releaseLease(app.db, { runId: id, attempt });

  const interrupted = [await run(app, "list"), await run(app, "show")];
  await abandonRun(app);
  const abandoned = [await run(app, "list"), await run(app, "show")];

  for (const { text } of interrupted) assert.match(text, /interrupted/);
  assert.match(interrupted[1]?.text ?? "", /Acts {2}interrupted[\s\S]*--resume$/);
  assert.match(interrupted[0]?.text ?? "", /interrupted .* all +cli/);
  for (const { text } of abandoned) assert.match(text, /abandoned/);
  assert.match(abandoned[1]?.text ?? "", /Acts {2}abandoned\n[\s\S]*Loose ends: 1/);
  assert.deepEqual(
    [interrupted[1]?.data["state"], abandoned[1]?.data["state"], (await findRun(app.db, id))?.state],
    ["interrupted", "abandoned", "failed"],
  );
});
