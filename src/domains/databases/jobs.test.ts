import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type TestContext, test } from "node:test";

import type { App } from "#app.ts";
import type { ServerApp } from "#domain.ts";
import { listEvents, sealEvents } from "#events/events.ts";
import { callRoute } from "#test/call-route.ts";
import { type TestPlatform, testPlatform } from "#test/platform.ts";

import { databases } from "./domain.ts";
import { databaseJobs, jobNames } from "./jobs.ts";
import { databaseRoutes } from "./routes.ts";

const prodSql = `
  create table agent_configs (id int primary key, name text);
  insert into agent_configs values (1, 'CHIRON');
  create function hook() returns text language sql as $$ select 'https://hooks.example.com/x' $$`;
const devSql = "create table agent_configs (id int primary key)";
const mirror = { reference_tables: [{ table: "public.agent_configs" }], schedule: "0 3 * * *" };

function open(t: TestContext, more: Record<string, unknown> = {}): Promise<TestPlatform> {
  return testPlatform(t, { prod: prodSql, dev: devSql }, { mirror, ...more });
}

async function work(app: App, name: string, data: Record<string, unknown>): Promise<Record<string, unknown>> {
  const job = databaseJobs.find((candidate) => candidate.name === name);
  assert.ok(job);
  const context = { jobId: "1", actor: "schedule:mirror", signal: app.signal, progress: () => undefined };
  return JSON.parse(JSON.stringify(await job.run(app, job.data.parse(data), context)));
}

/** The routes, and what they put into the queue. */
function serve(app: App): { routes: ReturnType<typeof databaseRoutes>; queued: unknown[] } {
  const queued: unknown[] = [];
  const jobs: ServerApp["jobs"] = {
    enqueue: (name, data, { actor, key }) => {
      queued.push({ name, data, actor, key });
      return Promise.resolve({ jobId: "00000000-0000-4000-8000-000000000000" });
    },
  };
  return { routes: databaseRoutes({ ...app, jobs }), queued };
}

test("the nightly mirror is refused where a hazard is not allowed, and made where it is; both are told", async (t) => {
  const { app, dev } = await open(t);

  const refused = await work(app, jobNames.mirror, { allow: [] });
  const made = await work(app, jobNames.mirror, { allow: ["endpoint-copied"] });
  const again = await work(app, jobNames.mirror, { allow: ["endpoint-copied"] });
  await sealEvents(app);
  const events = await listEvents(app, { after: 0, limit: 10 });

  assert.equal(refused["state"], "refused");
  assert.match(JSON.stringify(refused["refusals"]), /endpoint-copied: .*--allow endpoint-copied/);
  assert.equal(made["state"], "equal");
  assert.deepEqual(made["rows"], ["public.agent_configs: 1 inserted, 0 updated, 0 deleted"]);
  assert.deepEqual([again["state"], again["statements"], again["rows"]], ["equal", 0, []]);
  assert.deepEqual((await dev.query("select * from agent_configs")).rows, [{ id: 1, name: "CHIRON" }]);
  assert.deepEqual(
    events.map(({ actor, action, outcome, notice }) => [actor, action, outcome, notice?.severity, notice?.title]),
    [
      ["schedule:mirror", "databases.mirror", "refused", "normal", "mirror of prod to dev: refused"],
      ["schedule:mirror", "databases.mirror", "equal", "low", "dev was made equal to prod"],
      ["schedule:mirror", "databases.mirror", "equal", "low", "dev equals prod"],
    ],
  );
});

test("a mirror whose prod does not answer is a fault, which the queue tries again", async (t) => {
  const { app } = await open(t);
  await writeFile(join(dirname(app.configPath), "prod.url"), "postgresql://u:hunter2@127.0.0.1:1/x", { mode: 0o600 });

  await assert.rejects(work(app, jobNames.mirror, { allow: [] }), (error: Error) => {
    assert.match(String(error), /prod/);
    return "code" in error && error.code === "unavailable" && !String(error).includes("hunter2");
  });
});

test("what differs is a job's answer with statements and rows, and changes nothing", async (t) => {
  const { app, dev } = await open(t);

  const plan = await work(app, jobNames.plan, {});

  assert.equal(plan["state"], "refused");
  assert.match(JSON.stringify(plan["statements"]), /add column/i);
  assert.equal("script" in plan || "stamp" in plan, false);
  assert.deepEqual((await dev.query("select * from agent_configs")).rows, []);
});

test("GET /mirror says what is mirrored and what dev records; the others put one job of a kind into the queue", async (t) => {
  const { app } = await open(t);
  const { routes, queued } = serve(app);

  const before = await callRoute(routes, "GET /mirror");
  await work(app, jobNames.mirror, { allow: ["endpoint-copied"] });
  const after = await callRoute(routes, "GET /mirror");
  await callRoute(routes, "POST /mirror/plan");
  await callRoute(routes, "POST /mirror/apply", { body: { allow: ["lock", "data-loss"] } });

  assert.equal(before.body["last"], null);
  assert.equal(before.body["schedule"], "0 3 * * *");
  assert.match(JSON.stringify(after.body["last"]), /"name":"mirror-/);
  assert.deepEqual(queued, [
    { name: "databases.mirror-plan", data: {}, actor: "user:damon", key: "plan" },
    {
      name: "databases.mirror",
      data: { allow: ["data-loss", "lock"] },
      actor: "user:damon",
      key: "apply:data-loss,lock",
    },
  ]);
  assert.deepEqual(databases.schedules?.(app.config), [
    { name: "mirror", cron: "0 3 * * *", job: "databases.mirror", data: { allow: [] } },
  ]);
});

test("a migration is applied by its job and shown for its database; prod is refused before dev", async (t) => {
  const { app } = await open(t, { migrations: { directory: "/nowhere" } });
  const directory = join(dirname(app.configPath), "migrations");
  await mkdir(directory);
  await writeFile(join(directory, "0001_region.sql"), "alter table agent_configs add column region text;\n");
  const migrating: App = {
    ...app,
    config: { ...app.config, migrations: { directory, table: "public.schema_migrations" } },
  };
  const { routes, queued } = serve(migrating);
  const show = async (environment: string): Promise<Record<string, unknown>> =>
    (await callRoute(routes, "GET /migrations/:environment", { params: { environment } })).body;

  const pending = await show("dev");
  await callRoute(routes, "POST /migrations/:environment/apply", { params: { environment: "dev" } });
  const early = await work(migrating, jobNames.migrate, { environment: "prod" });
  const applied = await work(migrating, jobNames.migrate, { environment: "dev" });
  const [dev, prod] = [await show("dev"), await show("prod")];

  assert.deepEqual([pending["pending"], dev["pending"], prod["pending"]], [1, 0, 1]);
  assert.deepEqual(queued, [
    { name: "databases.migrate", data: { environment: "dev" }, actor: "user:damon", key: "dev" },
  ]);
  assert.equal(early["state"], "refused");
  assert.deepEqual(applied, { environment: "dev", state: "applied", applied: ["0001_region.sql"] });
  assert.deepEqual(dev["migrations"], [{ name: "0001_region.sql", standing: "applied", detail: null }]);
});

test("without migrations in the configuration the routes say so", async (t) => {
  const { app } = await open(t);
  const { routes } = serve(app);
  const params = { environment: "dev" };

  await assert.rejects(callRoute(routes, "GET /migrations/:environment", { params }), { code: "not_found" });
  await assert.rejects(callRoute(routes, "POST /migrations/:environment/apply", { params }), { code: "not_found" });
});
