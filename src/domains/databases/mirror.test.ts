import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";

import pg from "pg";

import { Secret } from "#secrets/secret.ts";
import { applyMigrations, ensureMigrationTable, readMigrationFiles } from "#store/migrator.ts";
import { testCluster } from "#test/database.ts";
import { mirrorPair } from "#test/mirror-pair.ts";

const table = { schema: "public", name: "schema_migrations" };

test("drift of many kinds goes away in one transaction and is recorded", async (t) => {
  const pair = await mirrorPair(t, {
    prod: `create schema app; create type app.state as enum ('new', 'done');
      create table app.orders (id bigint generated always as identity primary key, state app.state not null default 'new', total numeric(12, 2), "weird ""name" text);
      create table app.lines (order_id bigint references app.orders, qty int check (qty > 0));
      create index on app.lines (order_id); create view app.open as select id from app.orders where state = 'new';
      create function app.touch() returns trigger language plpgsql as 'begin return new; end';
      create trigger touch before update on app.orders for each row execute function app.touch();
      alter table app.orders enable row level security; create policy own on app.orders using (id > 0);
      comment on table app.orders is 'what was ordered';`,
    dev: `create schema app; create table app.orders (id bigint primary key, total numeric(10, 2), legacy text);
      create table app.lines (order_id bigint, qty int); insert into app.orders values (7, 1.5, 'x');`,
  });

  const plan = await pair.plan();
  const outcome = await pair.apply(plan);

  assert.equal(plan.state, "ready");
  assert.equal(outcome.state, "equal");
  assert.equal(outcome.verdict?.desiredDigest, outcome.verdict?.actualDigest);
  const { rows } = await pair.dev.query(
    "select migration_name, kind, checksum, sql, status, applied_by from schema_migrations",
  );
  assert.equal(rows.length, 1);
  assert.equal(rows[0].migration_name, outcome.recordedAs);
  assert.equal(rows[0].kind, "mirror");
  assert.equal(rows[0].checksum, plan.fingerprint);
  assert.deepEqual(rows[0].status.segments, [{ segment: 0, statements: plan.statements.length, state: "committed" }]);
  assert.match(rows[0].sql, /CREATE POLICY "own"/);
  assert.deepEqual((await pair.plan()).statements, []);
});

test("a hazard that is not allowed is named with its statements, and dev is untouched", async (t) => {
  const pair = await mirrorPair(t, {
    prod: "create table t (a varchar(3)); create table u (a int);",
    dev: "create table t (a varchar(9), gone text); insert into t values ('123456789'); create table u (a int, empty int);",
  });

  const plan = await pair.plan({ allow: [] });
  const outcome = await pair.apply(plan, { allow: [] });

  assert.equal(outcome.state, "refused");
  assert.deepEqual(
    plan.refusals.map(({ hazard }) => hazard),
    ["data-loss", "lock", "rewrite"],
  );
  assert.deepEqual(
    plan.refusals[0]?.subjects.map((subject) => subject.split(" (")[0]),
    ["drop column public.t.gone", "drop column public.u.empty", "alter column public.t.a"],
  );
  assert.match(plan.refusals[1]?.remedy ?? "", /--allow lock/);
  const { rows } = await pair.dev.query("select a, gone from t");
  assert.deepEqual(rows, [{ a: "123456789", gone: null }]);
  assert.equal((await pair.dev.query("select to_regclass('schema_migrations') as found")).rows[0].found, null);
});

test("a plan is refused when dev changed after it was made, and passes when the change was none", async (t) => {
  const pair = await mirrorPair(t, { prod: "create table t (a int, b int);", dev: "create table t (a int);" });
  const plan = await pair.plan();
  await pair.dev.query("create temp table noise (a int)");

  await pair.dev.query("alter table t add c int");
  const refused = await pair.apply(plan);
  await pair.dev.query("alter table t drop c");
  const applied = await pair.apply(plan);

  assert.equal(refused.state, "refused");
  assert.match(refused.refusals[0]?.text ?? "", /changed after this plan/);
  assert.equal(applied.state, "equal");
});

test("what is made of data that does not fit is taken back as a whole and recorded as failed", async (t) => {
  const pair = await mirrorPair(t, {
    prod: "create table t (a int not null, b int); create table more (a int);",
    dev: "create table t (a int); insert into t values (null);",
  });

  const outcome = await pair.mirror();

  assert.equal(outcome.state, "failed");
  assert.match(outcome.failure?.sql ?? "", /SET NOT NULL/);
  assert.equal((await pair.dev.query("select to_regclass('more') as found")).rows[0].found, null);
  const { rows } = await pair.dev.query("select status from schema_migrations where kind = 'mirror'");
  assert.deepEqual(
    rows.map(({ status }) => status.segments[0].state),
    ["rolled-back"],
  );
});

test("whole objects that only dev has stay, and what hangs on a shared table goes", async (t) => {
  const pair = await mirrorPair(t, {
    prod: "create table t (a bigint);",
    dev: `create table t (a int, extra int); create index on t (a); create view own as select a from t; create table scratch (id serial primary key, t int);
      create schema lab; create table lab.x (a int); create function mine() returns int language sql as 'select 1'; create type color as enum ('red'); insert into scratch (t) values (1);`,
  });

  const outcome = await pair.mirror();

  assert.equal(outcome.state, "equal");
  assert.deepEqual(outcome.verdict?.kept, [
    "enum public.color",
    "function public.mine()",
    "schema lab",
    "table lab.x",
    "table public.scratch",
    "view public.own",
  ]);
  assert.equal((await pair.dev.query("select count(*)::int as rows from scratch")).rows[0].rows, 1);
});

test("dev-only objects are dropped when asked, as data-loss", async (t) => {
  const pair = await mirrorPair(t, {
    prod: "create table t (a int);",
    dev: "create table t (a int); create table scratch (a int); create view own as select a from scratch;",
  });

  const refused = await pair.plan({ devOnly: "drop", allow: [] });
  const outcome = await pair.mirror({ devOnly: "drop" });

  assert.deepEqual(
    refused.refusals.map(({ hazard }) => hazard),
    ["data-loss"],
  );
  assert.equal(outcome.state, "equal");
  assert.equal((await pair.dev.query("select to_regclass('scratch') as found")).rows[0].found, null);
});

test("a kept view that stands on a column which prod does not have is refused by name", async (t) => {
  const pair = await mirrorPair(t, {
    prod: "create table t (a int);",
    dev: "create table t (a int, c int); create view v as select c from t;",
  });

  const plan = await pair.plan();

  assert.equal(plan.state, "refused");
  assert.deepEqual(plan.refusals[0]?.subjects, ["view public.v needs column public.t.c"]);
});

test("an empty dev is made from prod's dump", async (t) => {
  const pair = await mirrorPair(t, {
    prod: `create schema s; create table t (a int primary key, x varchar check (x in ('a', 'b'))); create view s.v as select * from t;
      create table p (a int) partition by list (a); create table p1 partition of p for values in (1); create index on p (a);
      create function s.f() returns trigger language plpgsql as $$begin return new; end$$; create trigger tr before insert on t for each row execute function s.f();
      create table schema_migrations (id serial primary key, migration_name text not null, applied_at timestamp, applied_by text default 'system', checksum text);
      insert into t values (1, 'a');`,
    dev: "",
  });

  const outcome = await pair.mirror();

  assert.equal(outcome.state, "equal");
  assert.equal((await pair.dev.query("select count(*)::int as rows from t")).rows[0].rows, 0);
  assert.deepEqual((await pair.dev.query("select kind from schema_migrations")).rows, [{ kind: "mirror" }]);
});

test("one database as both ends, a target marked prod and a source marked dev are refused", async (t) => {
  const pair = await mirrorPair(t, { prod: "create table t (a int);", dev: "create table u (a int);" });

  const same = await pair.plan({ from: { ...pair.spec.to, label: "prod" } });
  await ensureMigrationTable(pair.dev, table, { environment: "prod" });
  const marked = await pair.plan();
  const exchanged = await pair.plan({ from: pair.spec.to, to: pair.spec.from });
  await pair.dev.query("comment on table schema_migrations is 'leveredge environment: dev'");
  const backwards = await pair.plan({ from: pair.spec.to, to: pair.spec.from });

  assert.match(same.refusals[0]?.text ?? "", /are one database/);
  assert.match(marked.refusals[0]?.text ?? "", /marked as prod/);
  assert.equal(exchanged.state, "ready");
  assert.match(backwards.refusals[0]?.text ?? "", /direction is wrong/);
});

test("a target must be empty, marked as dev, or be marked on request", async (t) => {
  const pair = await mirrorPair(t, { prod: "create table t (a int);", dev: "create table u (a int);" });

  const refused = await pair.plan({ markDev: false });
  const marked = await pair.mirror({ markDev: true });
  const again = await pair.plan({ markDev: false });

  assert.match(refused.refusals[0]?.remedy ?? "", /--mark-dev/);
  assert.equal(marked.state, "equal");
  assert.equal(again.state, "ready");
});

test("a password of a foreign server never reaches dev, and dev's own server stays as it is", async (t) => {
  const extension = "create extension postgres_fdw;";
  const server = (host: string, password: string): string =>
    `create server s foreign data wrapper postgres_fdw options (host '${host}'); create user mapping for public server s options (user 'u', password '${password}');`;
  const pair = await mirrorPair(t, {
    prod: `${extension} ${server("prod.example.com", "geheim")} create server other foreign data wrapper postgres_fdw options (host 'other.example.com'); create foreign table f (a int) server s options (table_name 'x');`,
    dev: `${extension} ${server("dev.example.com", "offen")}`,
  });

  const outcome = await pair.mirror();

  assert.equal(outcome.state, "equal");
  const { rows } = await pair.dev.query(
    "select s.srvname, s.srvoptions, m.umoptions from pg_user_mapping m join pg_foreign_server s on s.oid = m.umserver",
  );
  assert.deepEqual(rows, [
    { srvname: "s", srvoptions: ["host=dev.example.com"], umoptions: ["user=u", "password=offen"] },
  ]);
  assert.ok(outcome.verdict?.findings.some(({ text }) => text.includes("foreign server other exists on prod only")));
});

test("a secret option of a foreign table stays dev's own, and no placeholder is written", async (t) => {
  const server = "create foreign data wrapper w; create server s foreign data wrapper w;";
  const pair = await mirrorPair(t, {
    prod: `${server} create foreign table f (a int) server s options (secret_key 'geheim', location 'l2'); create foreign table new (a int) server s options (secret_key 'geheim');`,
    dev: `${server} create foreign table f (a int, b int) server s options (secret_key 'own', location 'l1'); create user mapping for pg_monitor server s options (password 'own');`,
  });

  await pair.mirror({ devOnly: "drop" });

  const { rows } = await pair.dev.query(
    "select ftrelid::regclass::text as name, ftoptions as options from pg_foreign_table order by 1",
  );
  assert.deepEqual(rows[0].options.toSorted(), ["location=l2", "secret_key=own"]);
  assert.deepEqual(rows[1], { name: "new", options: null });
  assert.equal((await pair.dev.query("select from pg_user_mapping")).rows.length, 1);
});

test("a table of a foreign server that dev lacks is refused with what to create", async (t) => {
  const extension = "create extension postgres_fdw;";
  const pair = await mirrorPair(t, {
    prod: `${extension} create server s foreign data wrapper postgres_fdw options (host 'prod.example.com'); create foreign table f (a int) server s;`,
    dev: `${extension} create table t (a int);`,
  });

  const plan = await pair.plan();

  assert.deepEqual(plan.refusals[0]?.subjects, ["foreign table public.f needs server s"]);
});

test("an address and a key of prod are named before they are copied, and the key is not shown", async (t) => {
  const key = `sk-${"live".padEnd(24, "0")}`;
  const pair = await mirrorPair(t, {
    prod: `create table t (a int); create function call() returns text language sql as $$select 'https://hooks.prod.example.com/x?key=${key}'$$;`,
    dev: "create table t (a int);",
  });

  const plan = await pair.plan({ allow: ["privilege"] });
  const outcome = await pair.mirror();

  assert.deepEqual(
    plan.refusals.map(({ hazard }) => hazard),
    ["endpoint-copied"],
  );
  assert.match(
    plan.refusals[0]?.subjects[0] ?? "",
    /function public.call\(\) holds host hooks.prod.example.com, an API key/,
  );
  assert.ok(!JSON.stringify(plan).includes(key));
  assert.equal(outcome.state, "equal");
  const { rows } = await pair.dev.query("select sql from schema_migrations");
  assert.ok(!rows[0].sql.includes(key));
  assert.match(
    (await pair.dev.query("select prosrc from pg_proc where proname = 'call'")).rows[0].prosrc,
    new RegExp(key),
  );
});

test("a role that dev's server lacks is made without login, on another major version", async (t) => {
  const role = `only_prod_${process.pid}`;
  const pair = await mirrorPair(t, {
    prod: `create role ${role}; create table t (a int); grant select on t to ${role}; create policy p on t to ${role} using (true);`,
    dev: "create table t (a int);",
    devMajor: 18,
  });
  t.after(() => dropRoles(role));

  const outcome = await pair.mirror();

  assert.equal(outcome.state, "equal");
  const { rows } = await pair.dev.query("select rolcanlogin from pg_roles where rolname = $1", [role]);
  assert.deepEqual(rows, [{ rolcanlogin: false }]);
});

test("a migration that went to dev first is not undone", async (t) => {
  const content = "create table t (a int, x varchar check (x in ('a', 'b')));";
  const pair = await mirrorPair(t, { prod: `${content} create table from_prod (a int);`, dev: content });
  const directory = await migrationsOnDev(t, pair.dev, {
    "0001_first.sql": "alter table t add first int; create index first_i on t (first);",
  });
  const migrations = { table, directory };

  const outcome = await pair.mirror({ migrations });

  assert.equal(outcome.state, "equal");
  assert.deepEqual(outcome.verdict?.pending, [{ name: "0001_first.sql", unreplayable: null }]);
  assert.equal(
    (await pair.dev.query("select to_regclass('first_i')::text as found, to_regclass('from_prod')::text as other"))
      .rows[0].found,
    "first_i",
  );
  const shadows = await pair.dev.query(
    "select datname from pg_database where datname ~ '^leveredge_shadow_' and datname ~ $1",
    [`_${process.pid}$`],
  );
  assert.deepEqual(shadows.rows, []);
  assert.deepEqual((await pair.plan({ migrations })).statements, []);
});

test("dev that is ahead by a migration which does not replay is refused untouched, and passes when allowed", async (t) => {
  const pair = await mirrorPair(t, {
    prod: "create table t (a int);",
    dev: "create table t (a int); create table gone (a int);",
  });
  const directory = await migrationsOnDev(t, pair.dev, {
    "0001_alter.sql": "alter table gone add b int; alter table t add b int;",
    "0002_later.sql": "create table later (a int);",
  });
  const migrations = { table, directory };

  const refused = await pair.mirror({ migrations });
  const allowed = await pair.mirror({ migrations, allow: [...pair.spec.allow, "ahead"] });

  assert.equal(refused.state, "refused");
  assert.equal(refused.refusals[0]?.hazard, "ahead");
  assert.match(refused.refusals[0]?.subjects[0] ?? "", /0001_alter.sql: .*gone/s);
  assert.equal(allowed.state, "equal");
  const { rows } = await pair.dev.query(
    "select count(*)::int as columns from pg_attribute where attrelid = 't'::regclass and attname = 'b'",
  );
  assert.deepEqual(rows, [{ columns: 0 }]);
});

test("a role that may not create databases is told what it needs", async (t) => {
  const pair = await mirrorPair(t, { prod: "create table t (a int);", dev: "create table t (a int);" });
  const directory = await migrationsOnDev(t, pair.dev, { "0001_first.sql": "alter table t add b int;" });
  const role = `weak_${process.pid}`;
  await pair.dev.query(`create role ${role} login password 'weak'; grant all on schema_migrations to ${role}`);
  t.after(() => dropRoles(role));
  const url = new URL(pair.spec.to.url.reveal());
  url.searchParams.set("user", role);
  url.searchParams.set("password", "weak");

  const plan = await pair.plan({ migrations: { table, directory }, to: { label: "dev", url: new Secret(url.href) } });

  assert.equal(plan.state, "blocked");
  assert.match(plan.needs[0] ?? "", new RegExp(`alter role "${role}" createdb`));
});

test("what a role may not create beside dev is named as what it needs", async (t) => {
  const content = "create extension postgres_fdw; create table t (a int);";
  const pair = await mirrorPair(t, { prod: content, dev: content });
  const directory = await migrationsOnDev(t, pair.dev, { "0001_first.sql": "alter table t add b int;" });
  const role = `maker_${process.pid}`;
  await pair.dev.query(`create role ${role} login createdb password 'weak'; grant all on schema_migrations to ${role}`);
  t.after(() => dropRoles(role));
  const url = new URL(pair.spec.to.url.reveal());
  url.searchParams.set("user", role);
  url.searchParams.set("password", "weak");

  const plan = await pair.plan({
    migrations: { table, directory },
    to: { label: "dev", url: new Secret(url.href) },
  });

  assert.equal(plan.state, "blocked");
  assert.match(plan.needs[0] ?? "", /permission denied to create extension "postgres_fdw".*superuser/);
});

test("a second mirror that writes at the same time is refused", async (t) => {
  const pair = await mirrorPair(t, { prod: "create table t (a int, b int);", dev: "create table t (a int);" });
  const plan = await pair.plan();
  await pair.dev.query("select pg_advisory_lock(hashtextextended('leveredge mirror', 0))");

  await assert.rejects(pair.apply(plan), { code: "conflict" });
});

test("an index is built beside writers when lock is not allowed", async (t) => {
  const content = "create table t (a int); insert into t values (1), (1);";
  const pair = await mirrorPair(t, {
    prod: "create table t (a int); create index i on t (a); create table n (a int);",
    dev: content,
  });
  const unique = await mirrorPair(t, { prod: "create table t (a int); create unique index u on t (a);", dev: content });

  const plan = await pair.plan({ allow: ["privilege"] });
  const outcome = await pair.apply(plan, { allow: ["privilege"] });
  const failed = await unique.mirror({ allow: [] });

  assert.deepEqual(plan.refusals, []);
  assert.ok(plan.statements.some(({ sql }) => sql.startsWith("CREATE INDEX CONCURRENTLY")));
  assert.equal(outcome.state, "equal");
  assert.equal(failed.state, "failed");
  assert.deepEqual((await unique.dev.query("select to_regclass('u') as found")).rows, [{ found: null }]);
  const { rows } = await unique.dev.query("select status from schema_migrations");
  assert.deepEqual(
    rows.map(({ status }) => status.segments.map((segment: { state: string }) => segment.state)),
    [["failed"]],
  );
});

async function migrationsOnDev(t: TestContext, dev: pg.Client, files: Record<string, string>): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "mirror-migrations-"));
  t.after(() => rm(directory, { recursive: true }));
  for (const [name, sql] of Object.entries(files)) await writeFile(join(directory, name), sql);
  await applyMigrations(dev, table, await readMigrationFiles(directory), { appliedBy: "test", lockTimeoutMs: 10_000 });
  return directory;
}

/** After their databases, which are dropped first; in both clusters. */
async function dropRoles(role: string): Promise<void> {
  for (const major of [15, 18] as const) {
    const client = new pg.Client({ connectionString: (await testCluster({ major })).url() });
    await client.connect();
    await client.query(`drop role if exists ${pg.escapeIdentifier(role)}`);
    await client.end();
  }
}
