import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { test } from "node:test";

import type pg from "pg";

import { dropDatabase, freshDatabase, type Major, testCluster } from "#test/database.ts";
import { type Mutation, openRichDatabase, openSession, readMutations, readRichCatalog } from "#test/rich-database.ts";

import { catalogKey, digestCatalog, readCatalog } from "./catalog.ts";
import { type CatalogDifference, compareCatalogs, describeDifference } from "./catalog-comparison.ts";
import { classify } from "./drift-classes.ts";

const majors: Major[] = [15, 18];

for (const major of majors) {
  test(`an untouched copy is equal on PostgreSQL ${major}`, async (t) => {
    const left = await openRichDatabase(t, major);
    const right = await openRichDatabase(t, major);

    const comparison = compareCatalogs(await readRichCatalog(left.client), await readRichCatalog(right.client));

    assert.deepEqual(comparison.differences, []);
    assert.deepEqual(comparison.devOnly, []);
    assert.deepEqual(comparison.findings, []);
    assert.equal(comparison.desiredDigest, comparison.actualDigest);
    assert.ok(comparison.objectCount > 300);
  });

  test(`every change of the list is found and named on PostgreSQL ${major}`, async (t) => {
    const { client } = await openRichDatabase(t, major);
    const before = await readRichCatalog(client);
    const missed: string[] = [];
    let waiting = await readMutations();

    while (waiting.length > 0) {
      const changed = await openRichDatabase(t, major);
      const { applied, postponed } = await applyTogether(changed.client, waiting);
      const { differences } = compareCatalogs(before, await readRichCatalog(changed.client), { devOnly: "drop" });
      missed.push(...applied.filter(({ found }) => !isAmong(found, differences)).map(({ found }) => found));
      waiting = postponed;
    }

    assert.deepEqual(missed, []);
  });
}

test("a class of drift is a few words without the names of objects", async (t) => {
  const { client } = await openRichDatabase(t, 15);
  const changed = await openRichDatabase(t, 15);
  await applyTogether(changed.client, await readMutations());

  const { differences } = compareCatalogs(await readRichCatalog(client), await readRichCatalog(changed.client));
  const classes = new Set(differences.map(classify));

  assert.ok(classes.size > 50, `only ${classes.size} classes`);
  assert.deepEqual(
    [...classes].filter((name) => !/^[a-z- ]+$/.test(name)),
    [],
  );
});

test("the catalogue has one of every kind", async (t) => {
  const { client } = await openRichDatabase(t, 18);

  const { objects } = await readRichCatalog(client);

  const kinds = new Set(objects.map(({ kind }) => kind));
  assert.ok(kinds.size >= 40, [...kinds].join(", "));
  assert.equal(new Set(objects.map(catalogKey)).size, objects.length);
});

test("our own schemas, the migrations table and members of extensions are outside", async (t) => {
  const { client } = await openRichDatabase(t, 15);
  const before = await readRichCatalog(client);
  await client.query(`
    create schema leveredge;
    create table leveredge.run (id integer);
    create schema leveredge_jobs;
    alter table schema_migrations add column checksum text not null, add check (checksum <> '');
    create index on schema_migrations (checksum);
    grant select on schema_migrations to rich_reader;
    comment on table schema_migrations is 'leveredge environment: dev';
    create temporary table passing (id integer)`);

  const after = await readRichCatalog(client);

  assert.deepEqual(after.objects, before.objects);
  assert.deepEqual(
    before.objects.filter(({ identity }) => identity.includes("citext_") || identity.includes("schema_migrations")),
    [],
  );
});

test("a missing migrations table is no fault, and a quoted one is left out", async (t) => {
  const { url } = await freshDatabase(t, { major: 18 });
  const client = await openSession(t, url);
  await client.query(`create schema "a.b"; create table "a.b"."Schema ""Migrations""" (id serial)`);

  const { objects } = await readCatalog(client, {
    excludeTables: [
      { schema: "a.b", name: 'Schema "Migrations"' },
      { schema: "nowhere", name: "nothing" },
    ],
    excludeSchemas: ["a.b"],
  });

  assert.deepEqual(
    objects.filter(({ identity }) => identity.includes("a.b")),
    [],
  );
});

test("a database with another collation of its own has the same digest", async (t) => {
  const cluster = await testCluster({ major: 15 });
  const digests = [];
  for (const locale of ["C", "en-x-icu"]) {
    const name = `collated_${process.pid}_${digests.length}`;
    const options = locale === "C" ? "" : " locale_provider icu icu_locale 'en-US'";
    const admin = await openSession(t, cluster.url());
    await admin.query(`create database ${name} template template0${options}`);
    t.after(() => dropDatabase(cluster, name));
    const client = await openSession(t, cluster.url(name));
    await client.query(`create table "B" (a_b text, "aB" text);
      create table a (x integer) with (fillfactor = 70, autovacuum_enabled = off);
      grant insert, select, update on a to public`);
    digests.push(
      digestCatalog(
        (await readCatalog(client, { excludeTables: [] })).objects.filter(({ kind }) => kind !== "database"),
      ),
    );
  }

  assert.equal(digests[0], digests[1]);
});

test("settings of the session change nothing", async (t) => {
  const { client } = await openRichDatabase(t, 15);
  const plain = await readRichCatalog(client);
  await client.query(`set search_path = shop, public; set timezone = 'Asia/Tokyo'; set datestyle = 'German';
    set intervalstyle = 'iso_8601'; set quote_all_identifiers = on; set bytea_output = 'escape'`);

  const odd = await readRichCatalog(client);

  assert.deepEqual(odd, plain);
});

test("a role that owns nothing reads the same, but for options it may not see", async (t) => {
  const { client } = await openRichDatabase(t, 15);
  const all = await readRichCatalog(client);
  await client.query("set role rich_writer");

  const { differences, findings } = compareCatalogs(all, await readRichCatalog(client));

  assert.deepEqual(differences, []);
  assert.deepEqual(
    findings.map(({ id }) => id),
    ["catalog.user mapping for rich_reader server elsewhere.options"],
  );
});

test("jobs that this role may not read are said to be unread", async (t) => {
  const { client } = await openRichDatabase(t, 15);
  await client.query("create schema cron; create table cron.job (command text); set role rich_writer");

  const { unread } = await readRichCatalog(client);

  assert.deepEqual(unread, ["jobs of pg_cron"]);
});

test("foreign keys of partitions are equal whatever PostgreSQL called them", async (t) => {
  const digests = [];
  for (const years of [
    [1, 2],
    [2, 1],
  ]) {
    const client = await openSession(t, (await freshDatabase(t, { major: 15 })).url);
    await client.query(`
      create table a (id integer primary key) partition by range (id);
      create table b (id integer primary key, a_id integer references a (id)) partition by range (id);
      ${years.map((n) => `create table a${n} partition of a for values from (${n}0) to (${n}9)`).join(";")};
      ${years.map((n) => `create table b${n} partition of b for values from (${n}0) to (${n}9)`).join(";")}`);
    digests.push(digestCatalog((await readRichCatalog(client)).objects.filter(({ kind }) => kind === "constraint")));
  }

  assert.equal(digests[0], digests[1]);
});

test("reading leaves no transaction behind, also when it fails", async (t) => {
  const { client } = await openRichDatabase(t, 15);
  await client.query("set statement_timeout = 1");

  await assert.rejects(readRichCatalog(client), /cannot read|statement timeout/);

  await client.query("reset statement_timeout");
  const { rows } = await client.query("select now() = statement_timestamp() as alone");
  assert.equal(rows[0].alone, true);
});

test("the verifier imports nothing of the planner", async () => {
  const here = new URL("./", import.meta.url);
  const names = (await readdir(here)).filter(
    (name) => /^(catalog|drift).*\.ts$/.test(name) && !name.includes(".test."),
  );
  const own = new Set(names.map((name) => `./${name}`));

  for (const name of names) {
    const text = await readFile(new URL(name, here), "utf8");
    const imports = [...text.matchAll(/from "([^"]+)"/g)].map(([, specifier]) => specifier ?? "");
    const foreign = imports.filter((specifier) => !own.has(specifier));
    assert.deepEqual(
      foreign.filter((specifier) => !["node:crypto", "pg", "#errors.ts", "#domain.ts"].includes(specifier)),
      [],
      name,
    );
  }
});

/** As many changes as one database can take at once: one for each object, in savepoints. */
async function applyTogether(
  client: pg.Client,
  mutations: readonly Mutation[],
): Promise<{ applied: Mutation[]; postponed: Mutation[] }> {
  const applied: Mutation[] = [];
  const postponed: Mutation[] = [];
  const touched = new Set<string>();
  await client.query("begin");
  for (const mutation of mutations) {
    const subject = mutation.found.replace(/ (differs in .*|is (missing|extra))$/s, "");
    const isFree = !touched.has(subject) && (await succeeds(client, mutation.sql));
    if (isFree) touched.add(subject);
    (isFree ? applied : postponed).push(mutation);
  }
  await client.query("commit");
  assert.ok(applied.length > 0, `cannot apply: ${postponed[0]?.found}`);
  return { applied, postponed };
}

async function succeeds(client: pg.Client, sql: string): Promise<boolean> {
  await client.query("savepoint change");
  try {
    await client.query(sql);
    return true;
  } catch {
    // In the way of an earlier change: it gets a database of its own.
    await client.query("rollback to change");
    return false;
  }
}

/** Changes of one batch may add attributes to one difference. */
function isAmong(found: string, differences: readonly CatalogDifference[]): boolean {
  const [, subject, attributes] = /^(.*) differs in (.*)$/s.exec(found) ?? [];
  return differences.some((difference) => {
    if (attributes === undefined) return describeDifference(difference) === found;
    const wanted = attributes.split(", ");
    return catalogKey(difference) === subject && wanted.every((name) => difference.attributes.includes(name));
  });
}
