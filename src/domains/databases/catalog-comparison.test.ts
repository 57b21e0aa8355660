import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import { type Major, freshDatabase } from "#test/database.ts";
import { openRichDatabase, openSession, readRichCatalog } from "#test/rich-database.ts";

import { type Catalog, type CatalogObject, catalogKey, digestCatalog } from "./catalog.ts";
import { compareCatalogs, describeDifference } from "./catalog-comparison.ts";

/** Whole objects only the second has, each with something that hangs on it, and changes to shared objects. */
const devOnlySql = `
  create schema sandbox;
  create table sandbox.note (id serial primary key, body text check (body <> ''));
  create index note_body on sandbox.note (body);
  comment on column sandbox.note.body is 'mine';
  grant select on sandbox.note to rich_reader;
  create function sandbox.f() returns trigger language plpgsql as 'begin return new; end';
  create trigger note_trigger before insert on sandbox.note for each row execute function sandbox.f();
  create type public.mood as enum ('good');
  create view public.mine as select 1 as one;
  create table public.draft (customer_id bigint references shop.customer (id));
  alter table public.draft enable row level security;
  create policy draft_all on public.draft using (true);`;

test("objects only the second has are kept apart, with all that hangs on them", async (t) => {
  const { client } = await openRichDatabase(t, 15);
  const desired = await readRichCatalog(client);
  await client.query(devOnlySql);

  const comparison = compareCatalogs(desired, await readRichCatalog(client));

  assert.deepEqual(comparison.differences, []);
  assert.equal(comparison.desiredDigest, comparison.actualDigest);
  assert.deepEqual(comparison.devOnly.filter(({ whole }) => whole).map(catalogKey), [
    "enum public.mood",
    "function sandbox.f()",
    "schema sandbox",
    "table public.draft",
    "table sandbox.note",
    "view public.mine",
  ]);
  assert.ok(comparison.devOnly.some((object) => catalogKey(object) === "comment column sandbox.note.body"));
});

test("what only the second has is a difference when it is to be dropped", async (t) => {
  const { client } = await openRichDatabase(t, 15);
  const desired = await readRichCatalog(client);
  await client.query(devOnlySql);

  const comparison = compareCatalogs(desired, await readRichCatalog(client), { devOnly: "drop" });

  assert.deepEqual(comparison.devOnly, []);
  assert.ok(comparison.differences.every(({ change }) => change === "extra"));
  assert.ok(comparison.differences.map(describeDifference).includes("schema sandbox is extra"));
  assert.notEqual(comparison.desiredDigest, comparison.actualDigest);
});

test("what hangs on a shared object is a difference, whatever it refers to", async (t) => {
  const { client } = await openRichDatabase(t, 15);
  const desired = await readRichCatalog(client);
  await client.query(`
    create table public.mine (id integer primary key);
    create function public.note() returns trigger language plpgsql as 'begin return new; end';
    alter table shop.orders add column mine_id integer references public.mine (id);
    create trigger orders_note before insert on shop.orders for each row execute function public.note();
    create sequence shop.extra owned by shop.counter.id;
    create statistics public.more on id, customer_id from shop.orders;
    create publication mine for table shop.counter;
    create event trigger mine on sql_drop execute function shop.note_ddl()`);

  const { differences } = compareCatalogs(desired, await readRichCatalog(client));

  assert.deepEqual(differences.map(describeDifference), [
    "column shop.orders.mine_id is extra",
    "constraint shop.orders.orders_mine_id_fkey is extra",
    "event trigger mine is extra",
    "grant sequence shop.extra to postgres is extra",
    "publication mine is extra",
    "publication table mine: shop.counter is extra",
    "sequence shop.extra is extra",
    "statistics public.more is extra",
    "trigger shop.orders.orders_note is extra",
  ]);
});

test("what belongs to one environment is a finding that shows no value", async (t) => {
  const left = await openRichDatabase(t, 15);
  const right = await openRichDatabase(t, 15);
  const { name } = (await right.client.query("select current_database() as name")).rows[0];
  await right.client.query(`
    alter server elsewhere options (set host 'other.example.com');
    alter user mapping for rich_reader server elsewhere options (set password 'also hidden');
    create user mapping for public server elsewhere;
    alter foreign data wrapper plain_wrapper options (set debug 'false');
    alter database ${name} set search_path = shop;
    alter role rich_reader in database ${name} set app.key = 'also hidden';
    comment on database ${name} is 'another';
    create subscription incoming connection 'host=hidden.example.com' publication p with (connect = false, slot_name = none);
    update pg_extension set extversion = '9.9' where extname = 'citext';
    refresh materialized view shop.totals with no data;
    alter table shop.vehicle drop column wheels cascade;
    alter table shop.vehicle add column wheels integer default 4 check (wheels > 0);
    create schema cron;
    create table cron.job (jobid bigint, schedule text, command text, username text, active boolean, jobname text);
    insert into cron.job values (1, '* * * * *', 'select hidden()', 'x', true, 'nightly'), (2, '* * * * *', 'select hidden()', 'x', true, null), (3, '* * * * *', 'select hidden()', 'x', true, null)`);
  t.after(() => right.client.query("drop subscription if exists incoming").catch(() => undefined));
  const [desired, actual] = [await readRichCatalog(left.client), await readRichCatalog(right.client)];

  const { differences, findings } = compareCatalogs(desired, actual);

  await right.client.query("drop subscription incoming");
  assert.deepEqual(differences, []);
  const ids = findings.map(({ id }) => id);
  assert.deepEqual(ids.filter((id) => id.startsWith("catalog.cron job")).length, 3);
  assert.deepEqual(
    ids.filter((id) => !id.startsWith("catalog.cron job")),
    [
      "catalog.database itself.comment",
      "catalog.extension citext.version",
      "catalog.foreign server elsewhere.options",
      "catalog.foreign-data wrapper plain_wrapper.options",
      "catalog.materialized view shop.totals.populated",
      "catalog.table shop.lorry.columnOrder",
      "catalog.user mapping for rich_reader server elsewhere.options",
      "catalog.database setting app.key for rich_reader",
      "catalog.database setting search_path",
      "catalog.subscription incoming",
      "catalog.user mapping for PUBLIC server elsewhere",
    ],
  );
  const leak = /hidden|do not show|(db|other)\.example\.com/;
  assert.doesNotMatch(JSON.stringify(findings), leak);
  assert.deepEqual(
    actual.objects.filter((object) => leak.test(JSON.stringify(object))),
    [],
  );
});

test("a foreign server only the source has is a finding, and not a difference", async (t) => {
  const left = await openRichDatabase(t, 15);
  const right = await openRichDatabase(t, 15);
  await left.client.query(
    "create server far foreign data wrapper postgres_fdw; grant usage on foreign server far to public",
  );
  await left.client.query("comment on server far is 'prod only'");

  const comparison = compareCatalogs(await readRichCatalog(left.client), await readRichCatalog(right.client));

  assert.deepEqual(comparison.differences, []);
  assert.equal(comparison.desiredDigest, comparison.actualDigest);
  assert.deepEqual(
    comparison.findings.map(({ id }) => id),
    ["catalog.foreign server far"],
  );
});

test("a throw-away database stands for no environment", async (t) => {
  const left = await openRichDatabase(t, 15);
  const right = await openRichDatabase(t, 15);
  await right.client.query("alter server elsewhere options (set host 'other.example.com')");

  const { findings } = compareCatalogs(await readRichCatalog(left.client), await readRichCatalog(right.client), {
    desired: "throw-away",
  });

  assert.deepEqual(findings, []);
});

test("an index that is invalid on the source is a finding and not wanted on the target", async (t) => {
  const left = await openRichDatabase(t, 15);
  const right = await openRichDatabase(t, 15);
  const third = await openRichDatabase(t, 15);
  await left.client.query("comment on index shop.orders_placed is 'slow'");
  await left.client.query("update pg_index set indisvalid = false where indexrelid = 'shop.orders_placed'::regclass");
  await right.client.query("drop index shop.orders_placed");
  const desired = await readRichCatalog(left.client);

  const without = compareCatalogs(desired, await readRichCatalog(right.client));
  const valid = compareCatalogs(desired, await readRichCatalog(third.client));

  assert.deepEqual([without.differences, valid.differences], [[], []]);
  assert.equal(without.desiredDigest, valid.actualDigest);
  assert.deepEqual(
    without.findings.map(({ id, severity }) => [id, severity]),
    [["catalog.invalid.index shop.orders_placed", "high"]],
  );
});

test("servers of two major versions are compared without named NOT NULL constraints, and it is said", async (t) => {
  const catalogs = [];
  for (const major of [15, 18] satisfies Major[]) {
    const client = await openSession(t, (await freshDatabase(t, { major })).url);
    await client.query("create table a (id integer primary key, b text not null)");
    catalogs.push(await readRichCatalog(client));
  }
  const [older, newer] = catalogs;
  assert.ok(older !== undefined && newer !== undefined);

  const { differences, findings } = compareCatalogs(older, newer);

  assert.deepEqual(
    differences.filter(({ kind }) => kind !== "grant"),
    [],
  );
  assert.equal(findings[0]?.id, "catalog.server-version");
});

test("the digests are equal exactly when there is no difference", () => {
  const object = fc.record({
    kind: fc.constantFrom("table", "column", "index"),
    identity: fc.constantFrom("a", "b", 'c"\n', "d.e"),
    definition: fc.constantFrom("{}", '{"valid":true}', '{"a":1}'),
    context: fc.constant("{}"),
    whole: fc.boolean(),
    parents: fc.constant<string[]>([]),
  });
  const catalog = fc
    .uniqueArray(object, { selector: catalogKey })
    .map((objects): Catalog => ({ serverVersion: 150018, unread: [], objects: objects.toSorted(byKey) }));

  fc.assert(
    fc.property(catalog, catalog, fc.constantFrom("keep" as const, "drop" as const), (desired, actual, devOnly) => {
      const comparison = compareCatalogs(desired, actual, { devOnly });

      assert.equal(comparison.desiredDigest === comparison.actualDigest, comparison.differences.length === 0);
      assert.equal(comparison.desiredDigest, digestCatalog(desired.objects));
    }),
  );
});

function byKey(a: CatalogObject, b: CatalogObject): number {
  return a.kind < b.kind || (a.kind === b.kind && a.identity < b.identity) ? -1 : 1;
}
