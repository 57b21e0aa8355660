import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { readFile, rm, writeFile } from "node:fs/promises";
import { test } from "node:test";

import { z } from "zod";

import type { App } from "#app.ts";
import type { ReadyPlan, StepContext, StepPlan, StepVerdict } from "#domain.ts";
import { backupPlatform, damage } from "#test/backup-set.ts";

import { listBackupSteps } from "./backups.ts";
import { listDrillsOfSet } from "./queries.ts";

function contextOf(app: App, stepId: string | undefined): StepContext {
  return { stepId, signal: app.signal, progress: () => undefined };
}

function restoredAtIn({ evidence }: StepVerdict): string | undefined {
  const { sets } = z.object({ sets: z.tuple([z.object({ restoredAt: z.string().optional() })]) }).parse(evidence);
  return sets[0].restoredAt;
}

async function walk(app: App, stepId: string = randomUUID()): Promise<{ plan: StepPlan; verdict: StepVerdict }> {
  const [step] = listBackupSteps(app.config);
  assert.ok(step);
  const context = contextOf(app, stepId);
  const plan = await step.plan(app, context);
  assert.equal(plan.state, "ready");
  const ready: ReadyPlan = plan;
  const applied = await step.apply(app, ready, context);
  assert.equal(applied.state, "applied");
  return { plan, verdict: await step.verify(app, context) };
}

test("the step is verified when it has looked; a bad backup is a loose end of high severity", async (t) => {
  const platform = await backupPlatform(t);
  const file = await platform.backUp();

  const good = await walk(platform.app);
  await damage(file);
  const bad = await walk(platform.app);

  assert.equal(good.verdict.verified, true);
  assert.equal(good.verdict.summary, "1 set drilled: 1 verified");
  assert.deepEqual(good.verdict.looseEnds, []);
  assert.match(good.plan.changes.join(), /^restore chronos-\S+\.dump of chronos, data of /);
  assert.equal(bad.verdict.verified, true);
  assert.equal(bad.verdict.summary, "1 set drilled: 1 damaged");
  assert.deepEqual(
    bad.verdict.looseEnds.map(({ id, severity, remedy }) => [id, severity, remedy]),
    [["check:backup set chronos", "high", "leveredge backups create chronos"]],
  );
});

test("a second run within the hour takes over what the same file and manifest gave; a later one, or another manifest, restores", async (t) => {
  const platform = await backupPlatform(t);
  const file = await platform.backUp();
  const inAnHour = { ...platform.app, now: () => new Date(Date.now() + 61 * 60_000) };

  const restored = await walk(platform.app);
  const again = await walk(platform.app);
  const third = await walk(platform.app);
  const later = await walk(inAnHour);
  const manifest = `${file}.manifest.json`;
  await writeFile(manifest, `${await readFile(manifest, "utf8")}\n`);
  const changed = await walk(inAnHour);

  const restoredAt = [restored, again, third, later, changed].map(({ verdict }) => restoredAtIn(verdict));
  const [first] = await listDrillsOfSet(platform.app.db, "chronos", 5).then((drills) => drills.toReversed());
  assert.deepEqual(restoredAt, [undefined, first?.finishedAt, first?.finishedAt, undefined, undefined]);
  assert.deepEqual(again.verdict.summary, restored.verdict.summary);
});

test("a file that is another one than was restored is not verified, and one that was removed is nobody's fault", async (t) => {
  const platform = await backupPlatform(t);
  const file = await platform.backUp();
  const stepId = randomUUID();
  await walk(platform.app, stepId);
  const [step] = listBackupSteps(platform.app.config);
  assert.ok(step);
  const context = contextOf(platform.app, stepId);

  await writeFile(file, "another");
  const changed = await step.verify(platform.app, context);
  await rm(file);
  const removed = await step.verify(platform.app, context);
  const undrilled = await step.verify(platform.app, contextOf(platform.app, randomUUID()));

  assert.equal(changed.verified, false);
  assert.match(changed.summary, /is not the file that was restored/);
  assert.equal(removed.verified, true);
  assert.deepEqual([undrilled.verified, undrilled.summary], [false, "set chronos was not drilled"]);
});

test("the plan changes nothing and stays the same while the newest file does", async (t) => {
  const platform = await backupPlatform(t);
  await platform.backUp();
  const [step] = listBackupSteps(platform.app.config);
  assert.ok(step);

  const first = await step.plan(platform.app, contextOf(platform.app, undefined));
  const later = { ...platform.app, now: () => new Date(Date.now() + 3_600_000) };
  const second = await step.plan(later, contextOf(later, undefined));

  assert.deepEqual(second, first);
});

test("without backup sets there is no step", async (t) => {
  const { app } = await backupPlatform(t, {
    backups: [{ name: "chronos", environment: "prod", directory: "/b", pattern: "*" }],
  });

  assert.deepEqual(listBackupSteps({ ...app.config, backups: [] }), []);
});
