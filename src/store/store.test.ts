import assert from "node:assert/strict";
import { test } from "node:test";

import { sql } from "kysely";

import { AppError } from "#errors.ts";
import { Secret } from "#secrets/secret.ts";
import { ordinaryRole, ownerQuery } from "#test/database-role.ts";
import { freshDatabase, testCluster, testDatabase } from "#test/database.ts";

import { migrateStore, openStore } from "./store.ts";

const nowhere = "/nonexistent/leveredge";

for (const major of [15, 18] as const) {
  test(`the application works on the store of PostgreSQL ${major} as a role that owns nothing`, async (t) => {
    const { db } = await testDatabase(t, { major });

    const { rows } = await sql<{ role: string }>`select current_user as role from instance`.execute(db);

    assert.deepEqual(rows, [{ role: "leveredge_app" }]);
  });

  test(`processes that migrate an empty PostgreSQL ${major} at once apply each migration once`, async (t) => {
    const url = new Secret((await freshDatabase(t, { major })).url);

    const applied = await Promise.all([migrateStore(url), migrateStore(url), migrateStore(url)]);

    const rows = await ownerQuery(url, "select migration_name from leveredge.schema_migrations order by id");
    assert.deepEqual(
      applied.flat().toSorted(),
      rows.map((row) => row["migration_name"]),
    );
    assert.equal(applied.filter((names) => names.length > 0).length, 1);
  });

  test(`nobody but the application reaches the store on PostgreSQL ${major}, whatever the database grants by default`, async (t) => {
    const url = new Secret((await freshDatabase(t, { major })).url);
    const cluster = new Secret((await testCluster({ major })).url());
    for (const role of ["anon", "authenticated"]) await ensureRole(cluster, role);
    await ownerQuery(url, "alter default privileges grant all on tables to anon, authenticated, public");
    await ownerQuery(url, "alter default privileges grant all on sequences to anon, authenticated");
    await ownerQuery(url, "alter default privileges grant all on functions to anon, authenticated");
    await ownerQuery(url, "alter default privileges grant usage on schemas to anon, authenticated, public");

    await migrateStore(url);

    assert.deepEqual(await ownerQuery(url, privilegesOfOthers), []);
  });

  test(`a role with CREATE on its database and membership is enough on PostgreSQL ${major}`, async (t) => {
    const { url, run } = await ordinaryRole(t, { major });
    await testDatabase(t, { major });
    await run((role, database) => `grant create on database ${database} to ${role}; grant leveredge_app to ${role}`);

    const store = await openStore({ directory: nowhere, databaseUrl: url });
    t.after(() => store.close());

    assert.equal(store.server, undefined);
    assert.ok(store.applied.length > 0);
    await assert.rejects(
      sql`create table leveredge.mine ()`.execute(store.db),
      /permission denied for schema leveredge/,
    );
  });

  test(`a role without rights on PostgreSQL ${major} is told the SQL, and that SQL is enough`, async (t) => {
    const { url, runAsAdministrator } = await ordinaryRole(t, { major });
    await testDatabase(t, { major });

    const error = await migrateStore(url).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );

    assert.ok(error instanceof AppError);
    assert.equal(error.code, "forbidden");
    await runAsAdministrator(/administrator: (.*)$/.exec(error.hint ?? "")?.[1] ?? "");
    assert.ok((await migrateStore(url)).length > 0);
  });
}

test("a second start applies nothing and leaves the instance as it is", async (t) => {
  const { ownerUrl } = await testDatabase(t);
  const before = await ownerQuery(ownerUrl, "select id from leveredge.instance");

  const applied = await migrateStore(ownerUrl);

  assert.deepEqual(applied, []);
  assert.deepEqual(await ownerQuery(ownerUrl, "select id from leveredge.instance"), before);
});

test("the application can change neither the instance nor the record of migrations", async (t) => {
  const { db } = await testDatabase(t);

  for (const statement of [
    sql`update leveredge.instance set id = gen_random_uuid()`,
    sql`insert into leveredge.instance default values`,
    sql`delete from leveredge.schema_migrations`,
    sql`insert into leveredge.schema_migrations (migration_name, checksum) values ('0009_x.sql', '')`,
    sql`truncate leveredge.instance`,
  ]) {
    await assert.rejects(statement.execute(db), /permission denied/);
  }
});

test("a store written by a newer program is refused by name", async (t) => {
  const { ownerUrl } = await testDatabase(t);
  await ownerQuery(
    ownerUrl,
    "insert into leveredge.schema_migrations (migration_name, checksum) values ('9999_future.sql', 'c')",
  );

  const opening = openStore({ directory: nowhere, databaseUrl: ownerUrl });

  await assert.rejects(opening, refusal("precondition_failed", /newer leveredge: it has migration 9999_future\.sql/));
});

test("a schema of that name which belongs to somebody else is refused by its owner's name", async (t) => {
  const { url, run, runAsAdministrator } = await ordinaryRole(t);
  await testDatabase(t);
  await runAsAdministrator("create schema leveredge authorization postgres");
  await run((role, database) => `grant create on database ${database} to ${role}; grant leveredge_app to ${role}`);

  await assert.rejects(migrateStore(url), refusal("conflict", /schema leveredge .* belongs to postgres/));
});

test("commits of the store wait for the disk even where the server's default is not to", async (t) => {
  const { ownerUrl } = await testDatabase(t);

  const store = await openStore({ directory: nowhere, databaseUrl: ownerUrl });
  t.after(() => store.close());

  assert.deepEqual(store.durability, { fsync: false, fullPageWrites: false, synchronousCommit: true });
});

test("a DATABASE_URL that leads nowhere is refused without its password", async () => {
  const urls = [
    "mysql://user:hunter2@localhost/db",
    "postgresql://user:hunter2@localhost:99999999/db",
    "postgresql://user:hunter2@127.0.0.1:1/db",
    "postgresql://user:hunter2@%2Fnonexistent/db",
  ];

  for (const url of urls) {
    const error = await openStore({ directory: nowhere, databaseUrl: new Secret(url) }).catch(
      (cause: unknown) => cause,
    );
    assert.ok(error instanceof AppError, String(error));
    assert.match(error.code, /^(invalid_input|unavailable)$/);
    assert.doesNotMatch(`${error.message} ${error.hint} ${JSON.stringify(error.cause)}`, /hunter2/);
  }
});

async function ensureRole(cluster: Secret, role: string): Promise<void> {
  // Another test process may make it in the same moment.
  await ownerQuery(cluster, `create role ${role} nologin`).catch((error: unknown) => {
    assert.match(String(error), /already exists|duplicate key/);
  });
}

/** What anon, authenticated and a role without any grant (as everybody is, through PUBLIC) may do in the schema. */
const privilegesOfOthers = `
  with other as (select unnest(array['anon', 'authenticated', 'pg_monitor']) as role)
  select role, 'schema' as kind, 'leveredge' as name
  from other
  where has_schema_privilege(role, 'leveredge', 'usage') or has_schema_privilege(role, 'leveredge', 'create')
  union all
  select role, 'table', relname::text
  from other, pg_class
  where relnamespace = 'leveredge'::regnamespace
    and relkind in ('r', 'v', 'p', 'm')
    and has_table_privilege(role, oid, 'select, insert, update, delete, truncate, references, trigger')
  union all
  select role, 'function', proname::text
  from other, pg_proc
  where pronamespace = 'leveredge'::regnamespace and has_function_privilege(role, oid, 'execute')
  union all
  select role, 'sequence', relname::text
  from other, pg_class
  where relnamespace = 'leveredge'::regnamespace
    and relkind = 'S'
    and has_sequence_privilege(role, oid, 'usage, select, update')`;

function refusal(code: string, message: RegExp) {
  return (error: unknown): boolean => error instanceof AppError && error.code === code && message.test(error.message);
}
