import assert from "node:assert/strict";
import { access, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";

import pg from "pg";

import { appendEvent } from "#events/events.ts";
import { transaction } from "#store/database.ts";
import { openKeyRing } from "#store/keys.ts";
import { freshDatabase, testDatabase } from "#test/database.ts";
import { type Ran, runLeveredge } from "#test/run-leveredge.ts";

type Platform = { storeUrl: string; stateDir: string; leveredge(...words: string[]): Promise<Ran> };

/** A platform with a prod database and a store in which something happened that nobody heard of yet. */
async function makePlatform(t: TestContext): Promise<Platform> {
  const directory = await mkdtemp(join(tmpdir(), "leveredge-status-"));
  t.after(() => rm(directory, { recursive: true }));
  const [root, stateDir, config] = ["platform", "state", "leveredge.yaml"].map((name) => join(directory, name));
  assert.ok(root !== undefined && stateDir !== undefined && config !== undefined);
  await mkdir(root);
  await mkdir(stateDir, { mode: 0o700 });
  const prod = await freshDatabase(t, { major: 15 });
  await writeFile(join(directory, "prod.url"), prod.url, { mode: 0o600 });
  await writeFile(
    config,
    `platform: { name: Test, root: ${root} }\nenvironments: { prod: { database: file:prod.url } }\nserve: { port: 0 }\n`,
  );
  const { db, ownerUrl } = await testDatabase(t);
  const keys = await openKeyRing(db, stateDir);
  const notice = { severity: "normal", title: "something happened", text: "look" } as const;
  const event = { actor: "test", action: "test.event", target: "t", outcome: "ok", details: {}, notice };
  await transaction(db, (tx) => appendEvent(tx, keys, event));
  return {
    storeUrl: ownerUrl.reveal(),
    stateDir,
    leveredge: (...words) =>
      runLeveredge([...words, "--config", config, "--state", stateDir], { env: { DATABASE_URL: ownerUrl.reveal() } }),
  };
}

async function ask({ storeUrl }: Platform, statement: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: storeUrl });
  await client.connect();
  try {
    return (
      ((await client.query(`set search_path = leveredge; ${statement}`)) as unknown as pg.QueryResult[])[1]?.rows ?? []
    );
  } finally {
    await client.end();
  }
}

test("status tells of a platform that was never hardened, ends with 12 and writes nothing", async (t) => {
  const platform = await makePlatform(t);

  const { exitCode, stdout } = await platform.leveredge("status", "--json");

  const status = JSON.parse(stdout);
  assert.equal(exitCode, 12);
  assert.equal(status.state, "blocked");
  assert.equal(status.run, undefined);
  assert.ok(
    status.checks.some(
      ({ subject, state }: { subject: string; state: string }) => subject === "database prod" && state === "ok",
    ),
  );
  assert.deepEqual(await ask(platform, "select title from aria_knowledge"), []);
});

test("after a command that writes what happened before is known, and the command says nothing about it", async (t) => {
  const platform = await makePlatform(t);

  const { exitCode, stderr } = await platform.leveredge("users", "create", "damon", "--role", "operator", "--quiet");

  assert.deepEqual({ exitCode, stderr }, { exitCode: 0, stderr: "" });
  assert.deepEqual(await ask(platform, "select title from aria_knowledge order by id limit 1"), [
    { title: "something happened" },
  ]);
});

test("status without a store makes none", async (t) => {
  const platform = await makePlatform(t);
  const other = `${platform.stateDir}-other`;

  const config = join(platform.stateDir, "..", "leveredge.yaml");
  const { exitCode, stderr } = await runLeveredge(["status", "--config", config, "--state", other]);

  assert.equal(exitCode, 4);
  assert.match(stderr, /nothing was hardened yet/);
  await assert.rejects(access(other));
});
