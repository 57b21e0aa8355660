import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { type TestContext, test } from "node:test";

import pg from "pg";

import { AppError } from "#errors.ts";
import { Secret } from "#secrets/secret.ts";
import {
  type Applied,
  listApplied,
  type MigrationFile,
  parseMigrationFile,
  readEnvironmentMark,
  recordMirror,
} from "#store/migrator.ts";
import { freshDatabase } from "#test/database.ts";

import type { DatabaseTarget } from "#postgres/connection.ts";
import {
  applyPending,
  compareEnvironments,
  createMigration,
  pendingDevFirst,
  readRecorded,
  type UpOutcome,
} from "./migrations.ts";

const table = { schema: "public", name: "schema_migrations" };
const one = file("0001_a.sql", "create table a (id int);");
const two = file("0002_b.sql", "create table b (id int);");
const three = file("0003_c.sql", "create table c (id int);");

type Side = { target: DatabaseTarget; client: pg.Client };
type Pair = { dev: Side; prod: Side; up(environment: "dev" | "prod", files: MigrationFile[]): Promise<UpOutcome> };

function file(name: string, sql: string): MigrationFile {
  const parsed = parseMigrationFile(name, Buffer.from(sql));
  if (typeof parsed === "string") throw new Error(parsed);
  return parsed;
}

async function openSide(t: TestContext, label: string): Promise<Side> {
  const { url } = await freshDatabase(t, { major: 15 });
  const client = new pg.Client({ connectionString: url });
  client.on("error", () => undefined);
  await client.connect();
  t.after(() => client.end());
  return { target: { label, url: new Secret(url) }, client };
}

async function openPair(t: TestContext): Promise<Pair> {
  const [dev, prod] = [await openSide(t, "dev"), await openSide(t, "prod")];
  const { signal } = new AbortController();
  return {
    dev,
    prod,
    up: (environment, files) =>
      applyPending({
        environment,
        target: environment === "dev" ? dev.target : prod.target,
        dev: dev.target,
        table,
        files,
        appliedBy: "test",
        signal,
      }),
  };
}

async function countTables(client: pg.Client): Promise<number> {
  const { rows } = await client.query(
    "select count(*)::int as count from pg_class where relnamespace = 'public'::regnamespace",
  );
  return Number(rows[0]?.count);
}

test("prod takes what dev has recorded with the same checksum, and each database is marked", async (t) => {
  const { dev, prod, up } = await openPair(t);

  await up("dev", [one, two]);
  const outcome = await up("prod", [one, two]);

  assert.deepEqual(outcome, { state: "applied", applied: ["0001_a.sql", "0002_b.sql"] });
  assert.deepEqual(await up("prod", [one, two]), { state: "applied", applied: [] });
  assert.equal(await readEnvironmentMark(dev.client, table), "dev");
  assert.equal(await readEnvironmentMark(prod.client, table), "prod");
});

test("prod refuses as a whole what dev has not, not wholly, or not so recorded, and nothing is written there", async (t) => {
  const { dev, prod, up } = await openPair(t);
  const half = file("0003_c.sql", "-- no-transaction\ncreate table c (id int);\nselect 1 / 0;");
  await up("dev", [one, two]);
  await assert.rejects(up("dev", [one, two, half]));
  await dev.client.query("update schema_migrations set checksum = null where migration_name = $1", [one.name]);
  const edited = file("0002_b.sql", "create table b (id bigint);");
  const fresh = file("0004_d.sql", "create table d (id int);");

  const outcome = await up("prod", [one, edited, half, fresh]);

  assert.deepEqual(outcome, {
    state: "refused",
    refused: [
      { name: "0001_a.sql", reason: "dev recorded it without a checksum" },
      { name: "0002_b.sql", reason: `dev recorded checksum ${two.checksum}, the file has ${edited.checksum}` },
      { name: "0003_c.sql", reason: "it stopped midway on dev" },
      { name: "0004_d.sql", reason: "dev has not recorded it" },
    ],
  });
  assert.equal(await countTables(prod.client), 0);
});

test("a row of a mirror on dev proves nothing for prod", async (t) => {
  const { dev, prod, up } = await openPair(t);
  await up("dev", []);
  await dev.client.query("insert into schema_migrations (migration_name, checksum, kind) values ($1, $2, 'mirror')", [
    one.name,
    one.checksum,
  ]);

  const outcome = await up("prod", [one]);

  assert.equal(outcome.state, "refused");
  assert.equal(await countTables(prod.client), 0);
});

test("dev and prod that are one database, and a database marked as the other one, are refused", async (t) => {
  const { dev, up } = await openPair(t);
  await up("dev", [one]);
  const asProd = {
    environment: "prod" as const,
    target: dev.target,
    table,
    files: [one],
    appliedBy: "test",
    signal: new AbortController().signal,
  };

  await assert.rejects(applyPending({ ...asProd, dev: dev.target }), {
    code: "conflict",
    message: "dev and prod are the same database",
  });
  await assert.rejects(applyPending({ ...asProd, dev: undefined }), { code: "precondition_failed" });
  const other = await openPair(t);
  await assert.rejects(applyPending({ ...asProd, dev: other.dev.target }), /marked as dev .* not prod/);
});

test("migrations that wait for prod come with their file, or with the reason why they cannot be replayed", async (t) => {
  const { dev, prod, up } = await openPair(t);
  const four = file("0004_d.sql", "create table d (id int);");
  await up("dev", [one, two, three, four]);
  await up("prod", [one]);
  await recordMirror(dev.client, table, {
    at: new Date(),
    appliedBy: "test",
    checksum: "0".repeat(64),
    sql: "",
    status: {},
  });
  await dev.client.query("insert into schema_migrations (migration_name) values ('by hand')");
  const edited = file("0003_c.sql", "create table c (id bigint);");

  const pending = await pendingDevFirst(prod.client, dev.client, table, [one, two, edited]);

  assert.deepEqual(pending, [
    { name: "0002_b.sql", file: two },
    { name: "0003_c.sql", unreplayable: `dev recorded checksum ${three.checksum}, the file has ${edited.checksum}` },
    { name: "0004_d.sql", unreplayable: "its file is missing" },
    { name: "by hand", unreplayable: "dev recorded it without a checksum, so no file can be proven to be it" },
  ]);
});

test("a status shows both environments side by side, with what contradicts the record", async (t) => {
  const { dev, prod, up } = await openPair(t);
  await up("dev", [one, two]);
  await up("prod", [one]);
  const edited = file("0002_b.sql", "create table b (id bigint);");
  const recorded = { dev: await readRecorded(dev.target, table), prod: await readRecorded(prod.target, table) };

  const status = compareEnvironments([one, edited, three], recorded.dev, recorded.prod);

  assert.deepEqual(
    status.migrations.map(({ name, dev: onDev, prod: onProd }) => [name, onDev, onProd]),
    [
      ["0001_a.sql", "applied", "applied"],
      ["0002_b.sql", "edited", "pending"],
      ["0003_c.sql", "pending", "pending"],
    ],
  );
  assert.equal(status.faults.length, 1);
  assert.match(status.faults[0] ?? "", /^dev: 0002_b\.sql was edited/);
  assert.deepEqual([status.pendingOnDev, status.readyForProd], [1, 0]);
});

test("an environment that is not configured has no standing, and a database without the table has nothing recorded", async (t) => {
  const { prod } = await openPair(t);
  const recorded: Applied[] = await listApplied(prod.client, table);

  const status = compareEnvironments([one], null, recorded);

  assert.deepEqual(status.migrations, [{ name: "0001_a.sql", dev: null, prod: "pending", detail: null }]);
});

test("a new migration gets the next number and a name of plain words", async (t) => {
  const directory = await mkdtemp(join(tmpdir(), "migrations-"));
  t.after(() => rm(directory, { recursive: true }));

  const first = await createMigration(directory, "Add region, to agents!");
  const second = await createMigration(directory, "drop_x");

  assert.deepEqual(
    [first, second].map((path) => basename(path)),
    ["0001_add_region_to_agents.sql", "0002_drop_x.sql"],
  );
  assert.match(await readFile(first, "utf8"), /^-- add region to agents: /);
  await assert.rejects(
    createMigration(directory, "…"),
    (error: unknown) => error instanceof AppError && error.code === "invalid_input",
  );
});
