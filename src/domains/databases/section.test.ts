import assert from "node:assert/strict";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";

import type { App } from "#app.ts";
import type { ReadyPlan, Step, StepContext, StepPlan, StepVerdict } from "#domain.ts";
import { ordinaryRole } from "#test/database-role.ts";
import { type TestPlatform, testPlatform } from "#test/platform.ts";

import { readCatalog } from "./catalog.ts";
import { databaseMirroring, syncSchemaPath } from "./section.ts";

const prodSql = `
  create table agent_configs (id int primary key, name text not null);
  insert into agent_configs values (1, 'CHIRON'), (2, 'SCHOLAR');
  create table conversations (id int primary key, body text);
  insert into conversations values (1, 'a user wrote this');
  create view agents as select name from agent_configs`;
const devSql = `
  create table agent_configs (id int primary key);
  create table scratch (id int)`;
const mirror = {
  reference_tables: [{ table: "public.agent_configs" }],
  never_copy: ["public.conversations"],
  allow: ["lock"],
};

const readyPlan: ReadyPlan = { state: "ready", summary: "", changes: ["rows"], fingerprint: "", looseEnds: [] };

function platform(t: TestContext, settings: Record<string, unknown> = {}): Promise<TestPlatform> {
  return testPlatform(t, { prod: prodSql, dev: devSql }, { mirror, ...settings });
}

function unmarkedPlatform(t: TestContext): Promise<TestPlatform> {
  return testPlatform(t, { prod: prodSql, dev: devSql, isMarked: false }, { mirror });
}

test("a dev that is neither empty nor marked as dev is written by no step", async (t) => {
  const sql = "create table agent_configs (id int primary key)";
  const { app, dev } = await testPlatform(
    t,
    { prod: `${sql}; insert into agent_configs values (1)`, dev: sql, isMarked: false },
    { mirror },
  );

  const table = await stepOf(app, "dev", "create-schema-migrations").plan(app, context(app));
  const schema = await stepOf(app, "dev", "mirror-schema").plan(app, context(app));

  const rowsStep = stepOf(app, "dev", "mirror-rows");
  const rows = await rowsStep.plan(app, context(app));
  const copied = await rowsStep.apply(app, readyPlan, context(app, "step"));

  assert.equal(copied.state, "blocked");
  for (const plan of [table, schema, rows]) {
    assert.equal(plan.state, "blocked");
    assert.match(plan.state === "blocked" ? plan.needs.join() : "", /may be somebody's prod.*--mark-dev/);
  }
  const found = await dev.query(
    "select to_regclass('public.schema_migrations')::text as marked, (select count(*)::int from agent_configs) as rows",
  );
  assert.deepEqual(found.rows, [{ marked: null, rows: 0 }]);
});

function context(app: App, stepId?: string): StepContext {
  return { stepId, signal: app.signal, progress: () => undefined };
}

function stepOf(app: App, environment: string, action: string): Step {
  const step = databaseMirroring
    .steps(app.config)
    .find((candidate) => candidate.environment === environment && candidate.action === action);
  assert.ok(step);
  return step;
}

/** As the run does it: plan, apply what there is, verify. */
async function carryOut(app: App, step: Step): Promise<{ plan: StepPlan; verdict: StepVerdict }> {
  const plan = await step.plan(app, context(app, "step"));
  assert.equal(plan.state, "ready", JSON.stringify(plan));
  if (plan.state === "ready" && plan.changes.length > 0) {
    const applied = await step.apply(app, plan, context(app, "step"));
    assert.equal(applied.state, "applied", JSON.stringify(applied));
  }
  return { plan, verdict: await step.verify(app, context(app, "step")) };
}

test("the section makes dev equal, copies only reference rows, gives prod one table, and finds nothing to do again", async (t) => {
  const { app, dev, prod } = await platform(t);
  const before = await readCatalog(prod, { excludeTables: [] });
  const steps = databaseMirroring.steps(app.config);

  const first = [];
  for (const step of steps) first.push(await carryOut(app, step));
  const second = [];
  for (const step of steps) second.push(await carryOut(app, step));

  assert.deepEqual(
    steps.map(({ environment, action }) => `${environment} ${action}`),
    [
      "dev create-schema-migrations",
      "dev mirror-schema",
      "dev mirror-rows",
      "shared install-scripts",
      "prod create-schema-migrations",
    ],
  );
  assert.ok(first.every(({ plan, verdict }) => plan.changes.length > 0 && verdict.verified));
  assert.deepEqual(
    second.flatMap(({ plan }) => plan.changes),
    [],
  );
  assert.deepEqual(
    second.map(({ verdict }) => verdict),
    first.map(({ verdict }) => verdict),
  );
  assert.deepEqual((await dev.query("select * from agents order by 1")).rows, [
    { name: "CHIRON" },
    { name: "SCHOLAR" },
  ]);
  assert.deepEqual((await dev.query("select * from conversations")).rows, []);
  assert.equal((await stat(join(app.config.platform.root, syncSchemaPath))).mode & 0o777, 0o755);
  const scope = { excludeTables: [{ schema: "public", name: "schema_migrations" }] };
  assert.deepEqual((await readCatalog(prod, scope)).objects, before.objects);
  assert.deepEqual((await prod.query("select count(*)::int as count from schema_migrations")).rows, [{ count: 0 }]);
});

test("two URLs that were exchanged write no row to prod", async (t) => {
  const sql = "create table agent_configs (id int primary key, name text)";
  const prodRow = "insert into agent_configs values (1, 'of prod')";
  const devRow = "insert into agent_configs values (1, 'of dev')";
  const { app, prod } = await testPlatform(t, { prod: `${sql}; ${prodRow}`, dev: `${sql}; ${devRow}` }, { mirror });
  const { dev, prod: other } = app.config.environments;
  const swapped: App = { ...app, config: { ...app.config, environments: { dev: other, prod: dev } } };
  const step = stepOf(swapped, "dev", "mirror-rows");

  const plan = await step.plan(swapped, context(app, "step"));
  const copied = await step.apply(swapped, readyPlan, context(app, "step"));

  assert.deepEqual([plan.state, copied.state], ["blocked", "blocked"]);
  assert.match(JSON.stringify(plan), /the direction is wrong: exchange the two URLs/);
  assert.deepEqual((await prod.query("select name from agent_configs")).rows, [{ name: "of prod" }]);
});

test("a hazard that is not allowed blocks the mirror, names the option, and leaves dev as it is", async (t) => {
  const { app, dev } = await platform(t, { mirror: { ...mirror, allow: [] } });
  await dev.query("insert into agent_configs values (7)");
  const before = await readCatalog(dev, { excludeTables: [] });

  const plan = await stepOf(app, "dev", "mirror-schema").plan(app, context(app));

  assert.equal(plan.state, "blocked");
  assert.match(plan.state === "blocked" ? plan.needs.join("\n") : "", /lock: .*--allow lock/);
  assert.deepEqual((await readCatalog(dev, { excludeTables: [] })).objects, before.objects);
});

test("before a run begins, rows whose table is still to be mirrored are no obstacle; within it they are", async (t) => {
  const { app } = await platform(t);
  const step = stepOf(app, "dev", "mirror-rows");

  const shown = await step.plan(app, context(app));
  const claimed = await step.plan(app, context(app, "step"));

  assert.deepEqual([shown.state, shown.changes], ["ready", ["public.agent_configs: copied once its schema is equal"]]);
  assert.equal(claimed.state, "blocked");
});

test("a schema_migrations of another tool blocks its step with the difference and the setting", async (t) => {
  const { app, dev } = await unmarkedPlatform(t);
  await dev.query("create table schema_migrations (version varchar primary key)");

  const plan = await stepOf(app, "dev", "create-schema-migrations").plan(app, context(app));

  assert.equal(plan.state, "blocked");
  assert.match(
    plan.state === "blocked" ? plan.needs.join("\n") : "",
    /column migration_name is missing.*Set migrations\.table/,
  );
});

test("a database that is marked as the other environment blocks its step", async (t) => {
  const { app, dev } = await unmarkedPlatform(t);
  await carryOut(app, stepOf(app, "prod", "create-schema-migrations"));
  const swapped: App = {
    ...app,
    config: { ...app.config, environments: { dev: app.config.environments.prod, prod: app.config.environments.dev } },
  };

  const plan = await stepOf(swapped, "dev", "create-schema-migrations").plan(swapped, context(app));

  assert.match(plan.state === "blocked" ? plan.needs.join("\n") : "", /marked as prod .* not dev/);
  assert.deepEqual((await dev.query("select to_regclass('schema_migrations') as found")).rows, [{ found: null }]);
});

test("a role that may not create the table blocks the step with what its owner can grant", async (t) => {
  const { app } = await platform(t);
  const role = await ordinaryRole(t, { major: 15 });
  const asRole: App = { ...app, openReference: () => Promise.resolve(role.url) };
  const step = stepOf(app, "prod", "create-schema-migrations");
  const plan = await step.plan(asRole, context(app, "step"));

  const applied = await step.apply(asRole, plan.state === "ready" ? plan : assert.fail(), context(app, "step"));

  assert.equal(applied.state, "blocked");
  assert.match(JSON.stringify(applied), /may not make .* ready: permission denied.*grant create on schema/);
});

test("what is loose is told the same way each time", async (t) => {
  const { app } = await platform(t, {
    environments: { dev: { database: "env:DEV_URL" }, prod: { database: "file:prod.url" } },
    mirror: { ...mirror, schedule: "0 3 * * *" },
  });
  const step = stepOf(app, "shared", "install-scripts");

  const { verdict } = await carryOut(app, step);

  assert.deepEqual(
    verdict.looseEnds.map(({ id, severity }) => [id, severity]),
    [["sync-schema:variables", "low"]],
  );
});

test("without a mirror in the configuration the section makes the tables only", async (t) => {
  const { app } = await platform(t, { mirror: undefined, migrations: { directory: "/nowhere" } });

  const steps = databaseMirroring.steps(app.config);

  assert.deepEqual(
    steps.map(({ environment }) => environment),
    ["dev", "prod"],
  );
  assert.deepEqual(databaseMirroring.files(app.config), []);
  assert.equal(databaseMirroring.wanted({ ...app.config, migrations: undefined }), false);
});
