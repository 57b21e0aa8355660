import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { type TestContext, test } from "node:test";

import type { App } from "#app.ts";
import type { CommandContext } from "#cli/command.ts";
import { AppError } from "#errors.ts";
import { listLatestTicks } from "#jobs/tick-queries.ts";
import { Secret } from "#secrets/secret.ts";
import { type TestPlatform, testPlatform } from "#test/platform.ts";

import { mirrorCommands } from "./mirror-commands.ts";

const prodSql = `
  create table agent_configs (id int primary key, name text);
  insert into agent_configs values (1, 'CHIRON');
  create table calls (id int primary key);
  create function hook() returns text language sql as $$ select 'https://hooks.example.com/x' $$`;
const devSql = "create table agent_configs (id int primary key)";
const mirror = { reference_tables: [{ table: "public.agent_configs" }], never_copy: ["public.calls"] };

type Ran = { exitCode: number; data: Record<string, unknown>; text: string; said: string };

function open(t: TestContext): Promise<TestPlatform> {
  return testPlatform(t, { prod: prodSql, dev: devSql }, { mirror });
}

async function run(app: App | undefined, name: string, options: CommandContext["options"] = {}): Promise<Ran> {
  const command = mirrorCommands.find((candidate) => candidate.name === `mirror ${name}`);
  assert.ok(command);
  const shown: { value: unknown; text: string }[] = [];
  const said: string[] = [];
  const exitCode = await command.run({
    arguments: [],
    options,
    global: { config: undefined, state: undefined, json: false, color: false, quiet: false },
    output: { data: (value, text) => shown.push({ value, text }), say: (line) => said.push(line), live: false },
    signal: new AbortController().signal,
    openApp: async () => {
      if (app === undefined) throw new AppError("internal", "no configuration is needed here");
      return app;
    },
  });
  assert.equal(shown.length, 1);
  const data = JSON.parse(JSON.stringify(shown[0]?.value));
  return { exitCode, data, text: shown[0]?.text ?? "", said: said.join("\n") };
}

async function refusal(work: Promise<unknown>): Promise<AppError> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof AppError, String(error));
  return error;
}

test("drift, plan and apply tell their outcome by exit code, and an applied mirror has no drift", async (t) => {
  const { app, dev } = await open(t);

  const drift = await run(app, "drift");
  const refused = await run(app, "plan");
  const plan = await run(app, "plan", { allow: "all" });
  const unasked = await run(app, "apply", { allow: "all" });
  const applied = await run(app, "apply", { allow: "all", yes: true });
  const after = await run(app, "drift");

  assert.deepEqual(
    [drift, refused, plan, unasked, applied, after].map(({ exitCode }) => exitCode),
    [10, 11, 10, 11, 0, 0],
  );
  assert.match(drift.text, /table missing \(1\)\n {2}public\.calls/);
  assert.match(refused.text, /refused: endpoint-copied: .*hooks\.example\.com.*--allow endpoint-copied/);
  assert.match(plan.text, /hazards:\n.*endpoint-copied \(1\): an address or key of prod would work on dev/);
  assert.match(unasked.said, /add --yes/);
  assert.match(applied.text, /reference rows:\n {2}public\.agent_configs: 1 inserted/);
  assert.match(after.text, /^equal: \d+ objects[\s\S]*reference rows: equal$/);
  assert.deepEqual((await dev.query("select * from agent_configs")).rows, [{ id: 1, name: "CHIRON" }]);
});

test("a plan as JSON has its statements, hazards and rows, and nothing that only applying it needs", async (t) => {
  const { app } = await open(t);

  const { data } = await run(app, "plan", { sql: true });

  assert.deepEqual([data["state"], "script" in data, "stamp" in data], ["refused", false, false]);
  assert.ok(Array.isArray(data["statements"]) && data["statements"].length > 0);
  assert.deepEqual(data["rows"], {
    asked: true,
    changes: ["public.agent_configs: copied once its schema is equal"],
    refusals: [],
  });
});

test("two URLs need no configuration; an unmarked target that is not empty is refused unless it is to be marked", async (t) => {
  const { app, dev } = await testPlatform(t, { prod: prodSql, dev: devSql, isMarked: false }, { mirror });
  const folder = dirname(app.configPath);
  const ends = { fromUrl: `file:${join(folder, "prod.url")}`, toUrl: `file:${join(folder, "dev.url")}` };

  const unmarked = await run(undefined, "apply", { ...ends, allow: "all", yes: true });
  const marked = await run(undefined, "apply", { ...ends, allow: "all", yes: true, markDev: true });

  assert.deepEqual([unmarked.exitCode, marked.exitCode, marked.data["rows"]], [11, 0, null]);
  assert.deepEqual((await dev.query("select count(*)::int as count from agent_configs")).rows, [{ count: 0 }]);
});

test("a dev that is equal already is marked when that is said, and then needs saying no more", async (t) => {
  const sql = "create table calls (id int)";
  const { app } = await testPlatform(t, { prod: sql, dev: sql, isMarked: false }, { mirror: {} });

  const unmarked = await run(app, "plan");
  const marked = await run(app, "apply", { yes: true, markDev: true });
  const after = await run(app, "plan");

  assert.deepEqual([unmarked.exitCode, marked.exitCode, after.exitCode], [11, 0, 0]);
  assert.match(unmarked.text, /^dev stays as it is: refused\n\nrefused: .*--mark-dev/);
});

test("a URL with a password in the command line is refused and not repeated", async (t) => {
  const { app } = await testPlatform(t, { prod: "", dev: "" });
  const fromUrl = (await app.openReference("file:prod.url")).reveal();

  const error = await refusal(run(app, "plan", { fromUrl }));

  assert.match(error.message, /--from-url has a password in it/);
  assert.ok(!error.message.includes(new URL(fromUrl.replace(/@.*/, "@host/")).password));
});

test("options that make no sense are refused with what to write instead", async (t) => {
  const { app } = await testPlatform(t, { prod: "", dev: "" });
  const cases: [CommandContext["options"], RegExp][] = [
    [{ to: "prod" }, /--to prod: only dev is ever written by a mirror/],
    [{ from: "dev" }, /--from dev: dev is never a source/],
    [{ to: "dev", toUrl: "env:X" }, /name the same end/],
    [{ allow: "lock,everything" }, /--allow "everything" is not a hazard/],
    [{ fromUrl: "postgresql:///x?host=/run&password=hunter2" }, /has a password in it/],
    [{ fromUrl: "env:LEVEREDGE_NO_SUCH_VARIABLE" }, /env:LEVEREDGE_NO_SUCH_VARIABLE is not set/],
  ];
  for (const [options, message] of cases) {
    const error = await refusal(run(app, "plan", options));

    assert.match(error.message, message);
    assert.notEqual(error.hint, undefined);
    assert.doesNotMatch(`${error.message} ${error.hint}`, /hunter2/);
  }
});

test("a database that does not answer is named, and nothing is shown as equal", async (t) => {
  const { app } = await open(t);
  const url = new Secret("postgresql://nobody@127.0.0.1:1/dev");
  const gone: App = {
    ...app,
    openReference: (reference) => (reference === "file:dev.url" ? Promise.resolve(url) : app.openReference(reference)),
  };

  const error = await refusal(run(gone, "drift"));

  assert.deepEqual([error.code, error.exitCode], ["unavailable", 7]);
  assert.match(error.message, /dev/);
});

test("a cron line with --tick leaves the work to whoever has just begun it, and the tick gets the outcome", async (t) => {
  const { app } = await testPlatform(
    t,
    { prod: prodSql, dev: devSql },
    { mirror: { ...mirror, schedule: "0 3 * * *" } },
  );
  const morning: App = { ...app, now: () => new Date("2026-11-22T03:00:04Z") };
  const words = { allow: "all", yes: true, tick: "mirror" };

  const first = await run(morning, "apply", words);
  const second = await run(morning, "apply", words);
  const [tick] = await listLatestTicks(app.db);

  assert.deepEqual([first.exitCode, second.exitCode], [0, 0]);
  assert.match(first.text, /reference rows:\n {2}public\.agent_configs: 1 inserted/);
  assert.match(second.text, /nothing to do: cli:\w+ has just begun the mirror that was due 2026-11-22T03:00:00/);
  assert.deepEqual([tick?.schedule, tick?.outcome], ["mirror", "ok"]);
});
