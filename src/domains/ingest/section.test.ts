import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";

import type { App } from "#app.ts";
import type { Step, StepContext } from "#domain.ts";
import { testApp } from "#test/app.ts";

import { costTracking, trackerPath } from "./section.ts";

const context: StepContext = { stepId: undefined, signal: new AbortController().signal, progress: () => undefined };

function findStep({ config }: App, action: string): Step {
  const step = costTracking.steps(config).find((candidate) => candidate.action === action);
  assert.ok(step, action);
  return step;
}

test("the section is wanted by `usage` or an agent that calls models, and reads databases where there are any", async (t) => {
  const agent = { name: "A", dir: "a", module: "a", port: 8017 };
  const settings = [
    {},
    { usage: {} },
    { agents: [agent] },
    { agents: [{ ...agent, llm: true }] },
    { usage: {}, environments: { prod: { database: "env:PROD" } } },
  ];
  const apps = await Promise.all(settings.map((one) => testApp(t, one)));

  assert.deepEqual(
    apps.map(({ config }) => costTracking.wanted(config)),
    [false, true, false, true, true],
  );
  assert.deepEqual(
    apps.slice(-2).map(({ config }) => costTracking.steps(config).map(({ action }) => action)),
    [["install-tracker"], ["import-existing", "install-tracker"]],
  );
});

test("the tracker is written once where agents import it from, and somebody else's is kept", async (t) => {
  const app = await testApp(t, { usage: {} });
  const { root } = app.config.platform;
  const path = join(root, trackerPath);
  await mkdir(join(root, "shared/lib"), { recursive: true });
  await writeFile(path, "class CostTracker: pass\n");
  const step = findStep(app, "install-tracker");

  const plan = await step.plan(app, context);
  assert.equal(plan.state, "ready");
  await step.apply(app, plan, context);
  const verdict = await step.verify(app, context);
  const again = await step.plan(app, context);
  await writeFile(path, `${await readFile(path, "utf8")}# edited\n`);
  const edited = await step.verify(app, context);

  assert.deepEqual(plan.changes, [
    `keep the ${trackerPath} that is there as ${trackerPath}.before-leveredge`,
    `write ${trackerPath}`,
  ]);
  assert.equal(verdict.verified, true, verdict.summary);
  assert.deepEqual([again.changes, again.summary], [[], `${trackerPath} in place`]);
  assert.equal(edited.verified, false);
  assert.equal(await readFile(`${path}.before-leveredge`, "utf8"), "class CostTracker: pass\n");
  assert.equal((await stat(path)).mode & 0o777, 0o644);
  await promisify(execFile)("/usr/bin/python3", ["-B", "-c", "from shared.lib.cost_tracker import CostTracker"], {
    cwd: root,
    env: {},
  });
});
