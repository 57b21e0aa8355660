import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";

import pg from "pg";

import { parseConfig } from "#config/load.ts";
import type { Config } from "#config/schema.ts";
import type { Check } from "#domain.ts";
import { AppError } from "#errors.ts";
import { Secret } from "#secrets/secret.ts";
import { ensureMigrationTable } from "#store/migrator.ts";
import { runProgram } from "#system/run.ts";
import { freshDatabase } from "#test/database.ts";
import { ordinaryRole } from "#test/database-role.ts";

import { checkDatabases } from "./checks.ts";

type Urls = Record<string, string>;

const base = {
  platform: { name: "x", root: "/opt/x" },
  environments: { dev: { database: "env:DEV" }, prod: { database: "env:PROD" } },
};

function readConfig(parts: object): Config {
  const { config } = parseConfig(JSON.stringify({ ...base, ...parts }));
  assert.ok(config !== undefined);
  return config;
}

function check(config: Config, urls: Urls): Promise<Check[]> {
  const openReference = async (reference: string): Promise<Secret> => {
    const url = urls[reference];
    if (url === undefined) throw new AppError("not_found", `${reference} is not set`, { hint: "Set it." });
    return new Secret(url);
  };
  return checkDatabases({ config, openReference, run: runProgram, signal: new AbortController().signal });
}

function find(checks: Check[], subject: string): Check {
  const found = checks.find((candidate) => candidate.subject === subject);
  assert.ok(found, `${subject} is not among ${checks.map((candidate) => candidate.subject).join(", ")}`);
  return found;
}

async function execute(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}

async function makeTwo(t: TestContext): Promise<{ urls: Urls; dev: string; prod: string }> {
  const dev = await freshDatabase(t, { major: 15 });
  const prod = await freshDatabase(t, { major: 15 });
  return { urls: { "env:DEV": dev.url, "env:PROD": prod.url }, dev: dev.url, prod: prod.url };
}

test("two databases that answer and have what the mirror names are all well", async (t) => {
  const { urls, prod } = await makeTwo(t);
  await execute(
    prod,
    'create table agent_configs (id int primary key); create schema "My App"; create table "My App"."A" ()',
  );
  const config = readConfig({ mirror: { reference_tables: [{ table: "agent_configs" }, { table: '"My App"."A"' }] } });

  const checks = await check(config, urls);

  assert.deepEqual(
    checks.filter(({ state }) => state !== "ok"),
    [],
  );
  assert.match(find(checks, "database prod").detail, /^PostgreSQL 15\.\d+ answers, database test_/);
  assert.equal(find(checks, "dev and prod").detail, "are two databases");
  assert.match(find(checks, "pg_dump for prod").detail, /^version \d+, the server has 15$/);
  assert.equal(find(checks, "reference table My App.A on prod").state, "ok");
});

test("a database that does not answer fails with cause and remedy, and the other is asked all the same", async (t) => {
  const { urls } = await makeTwo(t);

  const checks = await check(readConfig({}), { ...urls, "env:DEV": "postgresql://u:hunter2@127.0.0.1:1/x" });

  const dev = find(checks, "database dev");
  assert.equal(dev.state, "failed");
  assert.match(dev.detail, /cannot connect to dev/);
  assert.doesNotMatch(JSON.stringify(checks), /hunter2/);
  assert.equal(find(checks, "database prod").state, "ok");
});

test("a reference that is not set fails, and a vault reference is an open question", async () => {
  const config = readConfig({ environments: { dev: { database: "env:DEV" }, prod: { database: "vault:db/url" } } });

  const checks = await check(config, {});

  assert.deepEqual(find(checks, "database dev"), {
    subject: "database dev",
    state: "failed",
    detail: "env:DEV is not set",
    remedy: "Set it.",
  });
  assert.equal(find(checks, "database prod").state, "unknown");
});

test("dev and prod that are one database are found, by whatever name they are reached", async (t) => {
  const { prod } = await makeTwo(t);

  const checks = await check(readConfig({}), { "env:DEV": prod, "env:PROD": prod });

  assert.equal(find(checks, "dev and prod").state, "failed");
});

test("a database that is marked as the other environment fails", async (t) => {
  const { urls, prod } = await makeTwo(t);
  const client = new pg.Client({ connectionString: prod });
  await client.connect();
  await ensureMigrationTable(client, { schema: "public", name: "schema_migrations" }, { environment: "dev" });
  await client.end();

  const checks = await check(readConfig({}), urls);

  const marked = find(checks, "migrations table public.schema_migrations on prod");
  assert.equal(marked.state, "failed");
  assert.equal(marked.remedy, "Correct environments.prod.database: it names the dev database.");
});

test("another tool's migrations table fails with the difference and the setting to change", async (t) => {
  const { urls, dev } = await makeTwo(t);
  await execute(dev, "create table schema_migrations (version varchar primary key)");

  const checks = await check(readConfig({}), urls);

  const foreign = find(checks, "migrations table public.schema_migrations on dev");
  assert.equal(foreign.state, "failed");
  assert.match(foreign.detail, /belongs to another tool/);
  assert.match(foreign.remedy ?? "", /migrations\.table/);
});

test("reference tables that are missing, unreadable or behind row security are told apart", async (t) => {
  const { urls } = await makeTwo(t);
  const prod = await ordinaryRole(t, { major: 15 });
  await prod.run(
    (role) => `
      create table guarded (id int primary key);
      alter table guarded enable row level security;
      grant select on guarded to ${role};
      create table closed (id int primary key);
      create view seen as select 1`,
  );
  const tables = ["missing", "guarded", "closed", "seen"].map((table) => ({ table }));
  const config = readConfig({ mirror: { reference_tables: tables } });

  const checks = await check(config, { ...urls, "env:PROD": prod.url.reveal() });

  const answers = tables.map(({ table }) => find(checks, `reference table public.${table} on prod`));
  assert.deepEqual(
    answers.map(({ state, detail }) => `${state}: ${detail}`),
    [
      "failed: does not exist",
      "loose: has row level security, which may hide rows from this role",
      "failed: may not be read by this role",
      "failed: does not exist",
    ],
  );
});

test("a role on dev that may not create databases is a loose end, a missing migrations folder a failure", async (t) => {
  const { urls } = await makeTwo(t);
  const dev = await ordinaryRole(t, { major: 15 });
  const config = readConfig({ mirror: {}, migrations: { directory: "/nonexistent/migrations" } });

  const checks = await check(config, { ...urls, "env:DEV": dev.url.reveal() });

  const role = checks.find(({ subject }) => subject.startsWith("role "));
  assert.equal(role?.state, "loose");
  assert.match(role.remedy ?? "", /alter role "test_role_\w+" createdb;/);
  assert.equal(find(checks, "migrations in /nonexistent/migrations").state, "failed");
});

test("migration files are counted", async (t) => {
  const { urls } = await makeTwo(t);
  const directory = await mkdtemp(join(tmpdir(), "leveredge-checks-"));
  t.after(() => rm(directory, { recursive: true }));
  await writeFile(join(directory, "0001_a.sql"), "select 1;\n");

  const checks = await check(readConfig({ migrations: { directory } }), urls);

  assert.deepEqual(find(checks, `migrations in ${directory}`), {
    subject: `migrations in ${directory}`,
    state: "ok",
    detail: "1 file",
  });
});
