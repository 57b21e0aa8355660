import assert from "node:assert/strict";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";

import type { App } from "#app.ts";
import type { CommandContext } from "#cli/command.ts";
import { listEvents } from "#events/events.ts";
import { Secret } from "#secrets/secret.ts";
import { type TestPlatform, testPlatform } from "#test/platform.ts";

import { migrateCommands } from "./migrate-commands.ts";

type Ran = { exitCode: number; value: unknown; text: string; said: string };

async function open(t: TestContext, files: Record<string, string> = {}): Promise<TestPlatform & { directory: string }> {
  const directory = await mkdtemp(join(tmpdir(), "migrate-"));
  t.after(() => rm(directory, { recursive: true }));
  for (const [name, sql] of Object.entries(files)) await writeFile(join(directory, name), sql);
  return { directory, ...(await testPlatform(t, { prod: "", dev: "" }, { migrations: { directory } })) };
}

async function run(app: App, name: string, given: Partial<CommandContext> = {}): Promise<Ran> {
  const command = migrateCommands.find((candidate) => candidate.name === `migrate ${name}`);
  assert.ok(command);
  const ran: Ran = { exitCode: 0, value: undefined, text: "", said: "" };
  ran.exitCode = await command.run({
    arguments: [],
    options: {},
    global: { config: undefined, state: undefined, json: false, color: false, quiet: false },
    output: {
      data: (value, text) => Object.assign(ran, { value, text }),
      say: (line) => (ran.said += `${line}\n`),
      live: false,
    },
    signal: new AbortController().signal,
    openApp: () => Promise.resolve(app),
    ...given,
  });
  return ran;
}

test("a migration goes from its file to dev and then to prod, and status follows it", async (t) => {
  const { app, directory, prod } = await open(t);

  const empty = await run(app, "status");
  const created = await run(app, "new", { arguments: ["add agent region"] });
  await writeFile(join(directory, "0001_add_agent_region.sql"), "create table region (id int);");
  const early = await run(app, "up", { options: { env: "prod" } });
  const onDev = await run(app, "up", { options: { env: "dev" } });
  const between = await run(app, "status");
  const onProd = await run(app, "up", { options: { env: "prod" } });
  const after = await run(app, "status");

  assert.deepEqual(await readdir(directory), ["0001_add_agent_region.sql"]);
  assert.deepEqual(
    [empty, created, early, onDev, between, onProd, after].map(({ exitCode }) => exitCode),
    [0, 0, 11, 0, 10, 0, 0],
  );
  assert.match(early.text, /nothing was applied\n {2}0001_add_agent_region\.sql: dev has not recorded it/);
  assert.match(
    between.text,
    /0001_add_agent_region\.sql +applied +pending\n1 ready for prod: leveredge migrate up --env prod/,
  );
  assert.match(onProd.said, /prod: applied 0001_add_agent_region\.sql/);
  assert.deepEqual(onProd.value, { environment: "prod", state: "applied", applied: ["0001_add_agent_region.sql"] });
  assert.deepEqual((await prod.query("select count(*)::int as count from region")).rows, [{ count: 0 }]);
  const events = await listEvents(app, { after: 0, limit: 10 });
  assert.deepEqual(
    events.map(({ action, environment, outcome }) => `${action} ${environment} ${outcome}`),
    ["databases.migrate prod refused", "databases.migrate dev applied", "databases.migrate prod applied"],
  );
});

test("an edited file is a fault of the status, and an error with both checksums for up", async (t) => {
  const { app, directory } = await open(t, { "0001_a.sql": "create table a (id int);" });
  await run(app, "up", { options: { env: "dev" } });
  await writeFile(join(directory, "0001_a.sql"), "create table a (id bigint);");

  const status = await run(app, "status");

  assert.equal(status.exitCode, 13);
  assert.match(
    status.text,
    /fault: dev: 0001_a\.sql was edited after it was applied: recorded [0-9a-f]{64}, the file has [0-9a-f]{64}/,
  );
  await assert.rejects(run(app, "up", { options: { env: "dev" } }), {
    code: "conflict",
    message: /recorded [0-9a-f]{64}, the file has/,
  });
});

test("a prod that does not answer is unknown, and hides nothing of dev", async (t) => {
  const { app } = await open(t, { "0001_a.sql": "create table a (id int);" });
  await run(app, "up", { options: { env: "dev" } });
  const url = new Secret("postgresql://nobody@127.0.0.1:1/prod");
  const cut: App = {
    ...app,
    openReference: (reference) => (reference === "file:prod.url" ? Promise.resolve(url) : app.openReference(reference)),
  };

  const status = await run(cut, "status");

  assert.equal(status.exitCode, 12);
  assert.match(status.text, /0001_a\.sql +applied +-\nunknown: prod: /);
});

test("up without an environment, and a configuration without migrations, say what is missing", async (t) => {
  const { app } = await testPlatform(t, { prod: "", dev: "" });

  await assert.rejects(run(app, "up"), { code: "invalid_input", hint: /--env dev/ });
  await assert.rejects(run(app, "up", { options: { env: "dev" } }), {
    code: "not_found",
    hint: /migrations: \{ directory/,
  });
});
