import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";

import type { Check } from "#domain.ts";
import { runProgram } from "#system/run.ts";
import { freshDatabase } from "#test/database.ts";
import { runLeveredge } from "#test/run-leveredge.ts";

type Platform = { directory: string; config: string; env: Record<string, string> };

/** A platform with two databases, a git checkout and a store of its own. */
async function makePlatform(t: TestContext, parts = ""): Promise<Platform> {
  const directory = await mkdtemp(join(tmpdir(), "leveredge-doctor-"));
  t.after(() => rm(directory, { recursive: true }));
  const root = join(directory, "platform");
  await mkdir(root);
  await runProgram("git", ["init", "--quiet", root], { timeoutMs: 20_000 });
  const [dev, prod] = [await freshDatabase(t, { major: 15 }), await freshDatabase(t, { major: 15 })];
  const store = await freshDatabase(t, { major: 18 });
  await writeFile(join(directory, "dev.url"), dev.url, { mode: 0o600 });
  const config = join(directory, "leveredge.yaml");
  await writeFile(
    config,
    [
      `platform: { name: Test, root: ${root} }`,
      "environments: { dev: { database: file:dev.url }, prod: { database: env:PROD_URL } }",
      parts,
    ].join("\n"),
  );
  return { directory, config, env: { PROD_URL: prod.url, DATABASE_URL: store.url } };
}

function runDoctor({ directory, config, env }: Platform, ...words: string[]) {
  return runLeveredge(["doctor", "--config", config, "--state", join(directory, "state"), ...words], { env });
}

function readChecks(stdout: string): Map<string, Check> {
  const { checks } = JSON.parse(stdout) as { checks: Check[] };
  return new Map(checks.map((check) => [check.subject, check]));
}

test("a platform that has everything it names is well", async (t) => {
  const platform = await makePlatform(t);
  const words = ["keys", "recover", "--none", "I accept that a lost key loses every credential"];
  await runLeveredge([...words, "--config", platform.config, "--state", join(platform.directory, "state")], {
    env: platform.env,
  });

  const json = await runDoctor(platform, "--json");
  const text = await runDoctor(platform);

  const checks = readChecks(json.stdout);
  assert.equal(json.exitCode, 0, json.stdout + json.stderr);
  assert.deepEqual([...new Set([...checks.values()].map(({ state }) => state))], ["ok"]);
  for (const subject of ["database dev", "database prod", "program git", "program pg_dump", "program psql"]) {
    assert.ok(checks.has(subject), subject);
  }
  assert.equal(text.exitCode, 0);
  assert.match(text.stdout, /^ok +database prod +PostgreSQL 15/m);
  assert.match(text.stderr, /^\d+ ok, 0 loose, 0 failed, 0 unknown$/m);
});

test("everything that is missing is named with its remedy, and nothing hides the rest", async (t) => {
  const platform = await makePlatform(
    t,
    [
      "mirror: { reference_tables: [{ table: nowhere }], schedule: 0 3 * * * }",
      "backups: [{ name: chronos, environment: prod, directory: /nonexistent/backups, pattern: '*.dump' }]",
      "notifications: { channels: { telegram: { bot_token: vault:telegram/bot_token, chat_id: '1' } } }",
    ].join("\n"),
  );
  await rm(join(platform.directory, "platform"), { recursive: true });
  await chmod(platform.config, 0o666);
  const env = {
    ...platform.env,
    DATABASE_URL: "postgresql://u:hunter2@127.0.0.1:1/x",
  };

  const { exitCode, stdout, stderr } = await runDoctor({ ...platform, env }, "--json");

  assert.equal(exitCode, 13, stderr);
  const checks = readChecks(stdout);
  const stateOf = (subject: string): string | undefined => checks.get(subject)?.state;
  assert.equal(stateOf(`platform root ${platform.directory}/platform`), "failed");
  assert.equal(stateOf(`configuration ${platform.config}`), "loose");
  assert.equal(stateOf("backup set chronos"), "failed");
  assert.equal(stateOf("reference table public.nowhere on prod"), "failed");
  assert.equal(stateOf("notifications.channels.telegram.bot_token (vault:telegram/bot_token)"), "loose");
  assert.equal(stateOf(`store in ${platform.directory}/state`), "failed");
  assert.equal(stateOf("database dev"), "ok");
  for (const { state, remedy, subject } of checks.values()) assert.equal(remedy === undefined, state === "ok", subject);
  assert.doesNotMatch(stdout + stderr, /hunter2/);
});

test("what could not be asked is blocked, not failed", async (t) => {
  const platform = await makePlatform(t);
  await writeFile(
    platform.config,
    `platform: { name: Test, root: ${platform.directory}/platform }\nenvironments: { prod: { database: vault:db/url } }\n`,
  );

  const { exitCode, stdout } = await runDoctor(platform, "--json");

  assert.equal(exitCode, 12);
  assert.equal(readChecks(stdout).get("database prod")?.state, "unknown");
});

test("a faulty configuration is told whole, before anything is asked", async (t) => {
  const platform = await makePlatform(t, "agent: []\nport: 1\n");

  const { exitCode, stdout, stderr } = await runDoctor(platform);

  assert.equal(exitCode, 2);
  assert.equal(stdout, "");
  assert.match(stderr, /has 2 faults:\n {2}leveredge\.yaml:3:1 agent .*\n {2}leveredge\.yaml:4:1 port /);
});
