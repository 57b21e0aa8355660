import assert from "node:assert/strict";
import { test } from "node:test";

import pg from "pg";

import { Secret } from "#secrets/secret.ts";
import { freshDatabase, testCluster } from "#test/database.ts";

import { connect } from "#postgres/connection.ts";
import { dropStale, makeThrowAway } from "./shadow.ts";

const table = { schema: "public", name: "schema_migrations" };

test("a throw-away database and its roles are gone when it is dropped, and a living one is left alone", async (t) => {
  const { url } = await freshDatabase(t, { major: 15 });
  const beside = { label: "dev", url: new Secret(url) };
  const role = `temporary_${process.pid}`;
  const client = await connect(beside, { readOnly: false });
  t.after(() => client.end());

  const made = await makeThrowAway({
    beside,
    entries: [
      { type: "TABLE", object: "public.t", sql: `create table public.t (); grant select on public.t to ${role};` },
    ],
    missingRoles: [role],
    migrations: [],
    table,
  });
  await dropStale(client);
  const living = await findMade(client, made.target.url, role);
  await made.drop();
  const dropped = await findMade(client, made.target.url, role);

  assert.deepEqual(living, { databases: 1, roles: 1 });
  assert.deepEqual(dropped, { databases: 0, roles: 0 });
});

test("what a killed run left is dropped, and a database that only looks like it stays", async (t) => {
  const cluster = await testCluster({ major: 15 });
  const client = await connect({ label: "dev", url: new Secret(cluster.url()) }, { readOnly: false });
  t.after(() => client.end());
  const gonePid = 2 ** 31 - 7;
  const [left, own] = [`leveredge_shadow_0badcafe_${gonePid}`, `leveredge_shadow_0badcaff_${gonePid}`];
  for (const name of [left, own]) await client.query(`create database ${name}`);
  t.after(async () => {
    const cleaner = new pg.Client({ connectionString: cluster.url() });
    await cleaner.connect();
    await cleaner.query(`drop database if exists ${own}`);
    await cleaner.end();
  });
  await client.query(`comment on database ${own} is 'mine'`);

  await dropStale(client);

  const { rows } = await client.query("select datname from pg_database where datname = any($1)", [[left, own]]);
  assert.deepEqual(rows, [{ datname: own }]);
});

async function findMade(client: pg.Client, url: Secret, role: string): Promise<{ databases: number; roles: number }> {
  const name = /dbname=([^&]+)$/.exec(url.reveal())?.[1];
  const { rows } = await client.query(
    `select (select count(*)::int from pg_database where datname = $1) as databases,
            (select count(*)::int from pg_roles where rolname = $2) as roles`,
    [name, role],
  );
  return rows[0];
}
