import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { type TestContext, test } from "node:test";

import pg from "pg";

import { AppError } from "#errors.ts";
import { freshDatabase, type Major } from "#test/database.ts";

import { parseMigrationFile } from "./migration-files.ts";
import {
  applyMigrations,
  type ApplyOptions,
  ensureMigrationTable,
  inspectMigrationTable,
  listApplied,
  type MigrationFile,
  type MigrationTable,
  planMigrationTable,
  readEnvironmentMark,
  recordMirror,
  unfinishedProgress,
  updateMirrorStatus,
} from "./migrator.ts";

const table: MigrationTable = { schema: "public", name: "schema_migrations" };
const options: ApplyOptions = { appliedBy: "test", lockTimeoutMs: 2000 };
const majors: Major[] = [15, 18];

async function open(t: TestContext, url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  client.on("error", () => undefined);
  await client.connect();
  t.after(() => client.end());
  return client;
}

async function fresh(t: TestContext, major: Major = 15): Promise<pg.Client> {
  return open(t, (await freshDatabase(t, { major })).url);
}

function file(name: string, sql: string): MigrationFile {
  const parsed = parseMigrationFile(name, Buffer.from(sql));
  if (typeof parsed === "string") throw new Error(parsed);
  return parsed;
}

async function failure(work: Promise<unknown>): Promise<AppError> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof AppError, String(error));
  return error;
}

async function tableNames(client: pg.Client): Promise<string[]> {
  const { rows } = await client.query(
    "select relname from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace order by 1",
  );
  return rows.map((row) => String(row.relname)).filter((name) => name !== table.name);
}

for (const major of majors) {
  test(`PostgreSQL ${major}: files are applied once, in order, each with its row`, async (t) => {
    const client = await fresh(t, major);
    const first = file("0001_a.sql", "create table a (id int);");
    const second = file("0002_b.sql", "insert into a values (1); create table b (id int);");

    const applied = await applyMigrations(client, table, [first, second], options);
    const again = await applyMigrations(client, table, [first, second], options);

    assert.deepEqual(applied, ["0001_a.sql", "0002_b.sql"]);
    assert.deepEqual(again, []);
    const rows = await listApplied(client, table);
    assert.deepEqual(
      rows.map(({ name, checksum, appliedBy, kind }) => ({ name, checksum, appliedBy, kind })),
      [first, second].map(({ name, checksum }) => ({ name, checksum, appliedBy: "test", kind: "migration" })),
    );
    assert.deepEqual((await client.query("select * from a")).rows, [{ id: 1 }]);
  });
}

test("a failed file leaves nothing and names file, line, statement and PostgreSQL's words", async (t) => {
  const client = await fresh(t);
  const good = file("0001_a.sql", "create table a (id int);");
  const bad = file(
    "0002_b.sql",
    "create table b (id int);\n\n-- ä comment\nalter table b\n  add column c ünknown,\n  add password text default 'hunter2';",
  );

  const error = await failure(applyMigrations(client, table, [good, bad], options));

  assert.equal(error.code, "upstream_failed");
  assert.match(
    error.message,
    /migration 0002_b\.sql failed at line 5: type "ünknown" does not exist\n {2}statement: alter table b add column c/,
  );
  assert.doesNotMatch(error.message, /hunter2/);
  assert.deepEqual(await tableNames(client), ["a"]);
  assert.deepEqual(
    (await listApplied(client, table)).map(({ name }) => name),
    ["0001_a.sql"],
  );
});

test("what a transaction cannot hold is told with the way out", async (t) => {
  const client = await fresh(t);

  const vacuum = await failure(applyMigrations(client, table, [file("0001_a.sql", "vacuum;")], options));
  await client.query("create type known as enum ('a')");
  const label = file("0001_a.sql", "alter type known add value 'b'; select 'b'::known;");
  const unsafe = await failure(applyMigrations(client, table, [label], options));

  assert.match(vacuum.hint ?? "", /`-- no-transaction` the first line of 0001_a\.sql/);
  assert.match(unsafe.hint ?? "", /enum value into a file of its own/);
});

test("a failure that only the commit finds is told, and the file is not recorded", async (t) => {
  const client = await fresh(t);
  const deferred = file(
    "0001_a.sql",
    "create table a (id int primary key); create table b (a int references a deferrable initially deferred); insert into b values (1);",
  );

  const error = await failure(applyMigrations(client, table, [deferred], options));

  assert.match(error.message, /0001_a\.sql failed at its commit: .*violates foreign key/);
  assert.deepEqual(await tableNames(client), []);
});

test("an edited, a missing and a late file are named together, with both checksums, and nothing runs", async (t) => {
  const client = await fresh(t);
  const [first, second, third] = [
    file("0001_a.sql", "select 1;"),
    file("0002_b.sql", "select 2;"),
    file("0004_c.sql", "select 3;"),
  ];
  await applyMigrations(client, table, [first, second, third], options);
  const edited = file("0001_a.sql", "select 1 + 1;");
  const late = file("0003_d.sql", "create table d (id int);");
  const next = file("0005_e.sql", "create table e (id int);");

  const error = await failure(applyMigrations(client, table, [edited, late, third, next], options));

  assert.equal(error.code, "conflict");
  assert.ok(error.message.includes(first.checksum) && error.message.includes(edited.checksum));
  assert.match(error.message, /0002_b\.sql is recorded as applied at .*, but the file is missing/);
  assert.match(error.message, /0003_d\.sql is new, but its number is below 0004_c\.sql/);
  assert.deepEqual(await tableNames(client), []);
});

test("all pending files are read before the first is applied", async (t) => {
  const client = await fresh(t);

  const error = await failure(
    applyMigrations(
      client,
      table,
      [file("0001_a.sql", "create table a (id int);"), file("0002_b.sql", "\\i x.sql")],
      options,
    ),
  );

  assert.match(error.message, /0002_b\.sql cannot be applied:\n {2}line 1: \\i/);
  assert.deepEqual(await tableNames(client), []);
});

test("settings and role of one file do not reach the next, nor the session", async (t) => {
  const client = await fresh(t);
  await client.query("set application_name = 'mine'");
  const first = file(
    "0001_a.sql",
    "set search_path = pg_catalog; set application_name = 'theirs'; set role pg_monitor;",
  );
  const second = file(
    "0002_b.sql",
    "create table a as select current_setting('search_path') as path, current_user::text as who;",
  );

  await applyMigrations(client, table, [first, second], options);

  assert.deepEqual((await client.query("select path, who from a")).rows, [
    { path: '"$user", public', who: (await client.query("select current_user::text as who")).rows[0]?.who },
  ]);
  assert.deepEqual((await client.query("show application_name")).rows, [{ application_name: "mine" }]);
  assert.deepEqual((await client.query("show lock_timeout")).rows, [{ lock_timeout: "0" }]);
});

test("a gate that throws stops everything before the first statement", async (t) => {
  const client = await fresh(t);
  const seen: string[] = [];
  const gate = async (pending: MigrationFile[]): Promise<void> => {
    seen.push(...pending.map(({ name }) => name));
    throw new AppError("precondition_failed", "not today");
  };

  const error = await failure(
    applyMigrations(client, table, [file("0001_a.sql", "create table a (id int);")], { ...options, gate }),
  );

  assert.equal(error.message, "not today");
  assert.deepEqual(seen, ["0001_a.sql"]);
  assert.deepEqual(await tableNames(client), []);
});

test("a second runner waits, then names the session that holds the lock", async (t) => {
  const { url } = await freshDatabase(t, { major: 15 });
  const [first, second] = [await open(t, url), await open(t, url)];
  await second.query("set application_name = 'second'");
  let error: AppError | undefined;
  const gate = async (): Promise<void> => {
    error = await failure(applyMigrations(second, table, [], { ...options, lockTimeoutMs: 200 }));
  };
  await first.query("set application_name = 'the first runner'");

  await applyMigrations(first, table, [file("0001_a.sql", "select 1;")], { ...options, gate });

  assert.match(error?.message ?? "", /another run is applying migrations to .*: process \d+ of the first runner since/);
  assert.deepEqual(await applyMigrations(second, table, [file("0001_a.sql", "select 1;")], options), []);
});

test("two runners at once apply each file once", async (t) => {
  const { url } = await freshDatabase(t, { major: 15 });
  const files = [
    file("0001_a.sql", "create table a (id int);"),
    file("0002_b.sql", "-- no-transaction\ncreate index concurrently on a (id);"),
  ];
  const runners = [await open(t, url), await open(t, url), await open(t, url)];

  const applied = await Promise.all(
    runners.map((client) => applyMigrations(client, table, files, { ...options, lockTimeoutMs: 20_000 })),
  );

  assert.deepEqual(applied.flat(), ["0001_a.sql", "0002_b.sql"]);
});

test("a lock that somebody holds ends the file after the lock timeout, with nothing applied", async (t) => {
  const { url } = await freshDatabase(t, { major: 15 });
  const [client, other] = [await open(t, url), await open(t, url)];
  await client.query("create table a (id int)");
  await other.query("begin; lock table a");

  const error = await failure(
    applyMigrations(client, table, [file("0001_a.sql", "create table b (id int); alter table a add b int;")], {
      ...options,
      lockTimeoutMs: 200,
    }),
  );

  assert.match(error.message, /line 1: canceling statement due to lock timeout/);
  assert.match(error.hint ?? "", /no other session holds a lock/);
  assert.deepEqual(await tableNames(client), ["a"]);
});

const concurrent =
  "-- no-transaction\nset search_path = public;\ncreate table a (id int);\ninsert into a values (1), (1);\ncreate unique index concurrently a_id on a (id);\ncreate table done (id int);\n";

test("a failed statement outside a transaction is recorded, its invalid index named, and the mended rest goes on from there", async (t) => {
  const client = await fresh(t);

  const error = await failure(applyMigrations(client, table, [file("0001_a.sql", concurrent)], options));

  assert.match(error.message, /failed at line 5: could not create unique index[\s\S]*invalid indexes: public\.a_id/);
  assert.match(error.hint ?? "", /drop index concurrently public\.a_id;/);
  assert.equal((await listApplied(client, table)).map(unfinishedProgress)[0]?.statement, 4);

  await client.query("drop index concurrently a_id");
  const elsewhere = file("0001_a.sql", concurrent.replace("(1), (1)", "(1)"));
  assert.match(
    (await failure(applyMigrations(client, table, [elsewhere], options))).message,
    /what was done before it has been edited/,
  );

  const mended = file("0001_a.sql", concurrent.replace("unique index", "index"));
  assert.deepEqual(await applyMigrations(client, table, [mended], options), ["0001_a.sql"]);
  assert.deepEqual(await applyMigrations(client, table, [mended], options), []);
  assert.deepEqual(await tableNames(client), ["a", "done"]);
  assert.equal((await listApplied(client, table))[0]?.checksum, mended.checksum);
});

test("a runner that is killed outside a transaction is noticed, with the statement it stood at", async (t) => {
  const { url } = await freshDatabase(t, { major: 15 });
  const [client, blocker] = [await open(t, url), await open(t, url)];
  await client.query("create table a (id int)");
  await blocker.query("begin; lock table a in share mode");
  const sql = "-- no-transaction\ncreate table b (id int);\ninsert into a values (1);\ncreate table c (id int);";
  const runner = spawn(process.execPath, ["--input-type=module", "--eval", killedRunner], {
    env: { URL: url, SQL: sql },
    cwd: import.meta.dirname,
    stdio: ["ignore", "pipe", "inherit"],
  });
  await waitUntilBlocked(blocker);
  runner.kill("SIGKILL");
  await once(runner, "exit");
  await blocker.query(
    "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and wait_event_type = 'Lock'",
  );
  await blocker.query("rollback");
  const files = [file("0001_a.sql", sql)];

  const error = await failure(applyMigrations(client, table, files, { ...options, lockTimeoutMs: 20_000 }));

  assert.match(
    error.message,
    /0001_a\.sql was interrupted at statement 2 of 3 \(line 3: insert into a values \(1\)\); whether it took effect is not known/,
  );
  assert.deepEqual(await tableNames(client), ["a", "b"]);
  assert.deepEqual(await applyMigrations(client, table, files, { ...options, interrupted: "retry" }), ["0001_a.sql"]);
  assert.deepEqual(await tableNames(client), ["a", "b", "c"]);
  assert.deepEqual((await client.query("select * from a")).rows, [{ id: 1 }]);
});

const killedRunner = `
  import pg from "pg";
  import { parseMigrationFile } from "./migration-files.ts";
  import { applyMigrations } from "./migrator.ts";
  const client = new pg.Client({ connectionString: process.env.URL });
  await client.connect();
  const file = parseMigrationFile("0001_a.sql", Buffer.from(process.env.SQL));
  await applyMigrations(client, { schema: "public", name: "schema_migrations" }, [file], { appliedBy: "killed", lockTimeoutMs: 60000 });
`;

async function waitUntilBlocked(client: pg.Client): Promise<void> {
  for (;;) {
    const { rows } = await client.query(
      "select 1 from pg_locks where not granted and database = (select oid from pg_database where datname = current_database())",
    );
    if (rows.length > 0) return;
  }
}

test("a statement that took effect before the kill can be skipped", async (t) => {
  const client = await fresh(t);
  const sql = "-- no-transaction\ncreate table b (id int);\ncreate table c (id int);";
  await failure(
    applyMigrations(client, table, [file("0001_a.sql", sql.replace("create table c", "create tabl c"))], options),
  );
  await client.query("update schema_migrations set status = jsonb_set(status, '{state}', '\"running\"')");
  await client.query("create table c (id int)");

  const applied = await applyMigrations(client, table, [file("0001_a.sql", sql)], { ...options, interrupted: "skip" });

  assert.deepEqual(applied, ["0001_a.sql"]);
});

test("the table is made once, marked, and closed to the API roles of hosted platforms", async (t) => {
  const client = await fresh(t);
  await client.query("alter default privileges grant all on tables to public");

  const planned = await planMigrationTable(client, table, "dev");
  const made = await ensureMigrationTable(client, table, { environment: "dev" });
  const again = await ensureMigrationTable(client, table, { environment: "dev" });

  assert.deepEqual(planned, { state: "ready", changes: made });
  assert.deepEqual(made, ['create table "public"."schema_migrations"', "mark the database as dev"]);
  assert.deepEqual(again, []);
  assert.equal(await readEnvironmentMark(client, table), "dev");
  const { rows } = await client.query(
    "select count(*)::int as count from pg_class c, aclexplode(c.relacl) a where c.relname = 'schema_migrations' and a.grantee = 0",
  );
  assert.deepEqual(rows, [{ count: 0 }]);
  const error = await failure(ensureMigrationTable(client, table, { environment: "prod" }));
  assert.match(error.message, /marked as dev .* not prod/);
});

test("a table of the specification's shape is used as it is, with its rows and comment", async (t) => {
  const client = await fresh(t);
  await client.query(`
    create table schema_migrations (id serial primary key, migration_name text not null, applied_at timestamp default now(), applied_by text default 'system', checksum text);
    insert into schema_migrations (migration_name) values ('by hand');
    comment on table schema_migrations is 'ours since 2024'`);

  const made = await ensureMigrationTable(client, table, { environment: "prod" });
  const applied = await applyMigrations(client, table, [file("0001_a.sql", "select 1;")], options);

  assert.deepEqual(made, [
    'add to "public"."schema_migrations" the columns kind, sql, status and close it to PUBLIC, anon and authenticated',
    "mark the database as prod",
  ]);
  assert.deepEqual(applied, ["0001_a.sql"]);
  assert.deepEqual(
    (await listApplied(client, table)).map(({ name, appliedBy, checksum }) => [name, appliedBy, checksum === null]),
    [
      ["by hand", "system", true],
      ["0001_a.sql", "test", false],
    ],
  );
  const { rows } = await client.query("select obj_description('schema_migrations'::regclass) as comment");
  assert.deepEqual(rows, [{ comment: "ours since 2024\nleveredge environment: prod" }]);
});

test("another tool's table, or something that is no table, is refused with the difference and the setting to change", async (t) => {
  const client = await fresh(t);
  const foreign: [string, RegExp][] = [
    [
      "create table s.m (version varchar primary key)",
      /column id is missing; column migration_name is missing.*column version \(character varying\) must be given a value/,
    ],
    [
      "create table s.m (id int primary key, migration_name text, applied_at timestamp, applied_by text, checksum text)",
      /column id \(integer\) must be given a value/,
    ],
    [
      "create table s.m (id serial, migration_name text, applied_at date, applied_by text, checksum text)",
      /column applied_at is date, not timestamp/,
    ],
    ["create view s.m as select 1 as id", /not an ordinary table/],
  ];
  for (const [sql, difference] of foreign) {
    await client.query(`drop schema if exists s cascade; create schema s; ${sql}`);

    const error = await failure(ensureMigrationTable(client, { schema: "s", name: "m" }));

    assert.equal(error.code, "conflict");
    assert.match(error.message, difference);
    assert.match(error.hint ?? "", /migrations\.table/);
    assert.equal((await inspectMigrationTable(client, { schema: "s", name: "m" })).state, "foreign");
  }
});

test("a table's name with quotes and 63 letters works", async (t) => {
  const client = await fresh(t);
  const odd = { schema: 'a"b%s', name: `$revoke$ ${"ü".repeat(25)} '` };
  await client.query(`create schema ${pg.escapeIdentifier(odd.schema)}`);

  const applied = await applyMigrations(client, odd, [file("0001_a.sql", "select 1;")], options);

  assert.deepEqual(applied, ["0001_a.sql"]);
  assert.equal((await listApplied(client, odd)).length, 1);
});

test("a schema that is missing or closed is named with what its owner can do", async (t) => {
  const client = await fresh(t);

  const missing = await failure(ensureMigrationTable(client, { schema: "nowhere", name: "m" }));
  await client.query("set role pg_monitor");
  const closed = await failure(ensureMigrationTable(client, table));

  assert.match(missing.message, /schema nowhere of the migration table does not exist/);
  assert.match(closed.message, /the role may not make "public"\."schema_migrations" ready/);
  assert.match(closed.hint ?? "", /grant create on schema "public"/);
});

test("a mirror is recorded beside the migrations and is none of them", async (t) => {
  const client = await fresh(t);
  await ensureMigrationTable(client, table);
  const at = new Date("2026-01-01T12:00:00Z");

  const name = await recordMirror(client, table, {
    at,
    appliedBy: "test",
    checksum: "abcdef0123456789",
    sql: "select 1;",
    status: { segments: [] },
  });
  await updateMirrorStatus(client, table, name, { segments: ["committed"] });

  assert.equal(name, "mirror-2026-01-01T12:00:00.000Z-abcdef01");
  const [row] = await listApplied(client, table);
  assert.deepEqual(
    [row?.kind, row?.sql, row?.status, row?.appliedAt],
    ["mirror", "select 1;", { segments: ["committed"] }, at.toISOString()],
  );
  assert.deepEqual(await applyMigrations(client, table, [file("0001_a.sql", "select 1;")], options), ["0001_a.sql"]);
});
