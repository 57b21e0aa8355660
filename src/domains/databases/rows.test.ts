import assert from "node:assert/strict";
import { test } from "node:test";

import pg from "pg";

import type { ReferenceTable } from "#config/schema.ts";
import { entry, makePair, makeRole, rowsInput as input, rowsOf } from "#test/row-pair.ts";

import { copyReferenceRows, planReferenceRows, verifyReferenceRows } from "./rows.ts";

const settings = `
  create table public.settings (
    id bigint generated always as identity primary key,
    key text not null unique,
    value jsonb not null,
    raw json, place point, document xml,
    updated_at timestamptz,
    local_note text,
    label text generated always as (upper(key)) stored
  );`;

const someSettings = `
  insert into settings (key, value, raw, place, document, updated_at) values
    ('a', '{"n": 1.0}', '{"b": 1,  "a": 2}', '(1,2)', '<x/>', '2026-01-01 10:00+02'),
    (E'b\\t\\\\\\n"ü"', '[]', null, null, null, null),
    ('', 'null', '1', '(0,0)', null, 'infinity');`;

test("an empty table gets all rows, their keys and the sequence behind them", async (t) => {
  const pair = await makePair(t, settings, someSettings);

  const outcome = await copyReferenceRows(input(pair, ["settings"]));

  assert.deepEqual(outcome, {
    state: "copied",
    tables: [{ table: "public.settings", inserted: 3, updated: 0, deleted: 0 }],
    notes: [],
  });
  const query = "select settings::text from settings order by id";
  assert.deepEqual(await rowsOf(pair.dev, query), await rowsOf(pair.prod, query));
  await pair.dev.client.query("insert into settings (key, value) values ('mine', '{}')");
  assert.deepEqual(await rowsOf(pair.dev, "select id from settings where key = 'mine'"), [["4"]]);
});

test("only what differs is written: changed rows, new rows, and with delete the rows that prod has not", async (t) => {
  const pair = await makePair(t, settings, someSettings);
  await copyReferenceRows(input(pair, ["settings"]));
  await pair.prod.client.query(`
    update settings set raw = '{"b":1,"a":2}' where key = 'a';
    insert into settings (key, value) values ('new', '{}')`);
  await pair.dev.client.query("insert into settings (key, value) overriding system value values ('of dev', '{}')");
  await pair.dev.client.query("update settings set id = default where key = 'of dev'");
  const unchanged = await rowsOf(pair.dev, "select ctid from settings where key = ''");

  const outcome = await copyReferenceRows(input(pair, [entry("settings", { delete: true })]));

  assert.deepEqual(outcome.state === "copied" ? outcome.tables : outcome, [
    { table: "public.settings", inserted: 1, updated: 1, deleted: 1 },
  ]);
  assert.deepEqual(await rowsOf(pair.dev, "select ctid from settings where key = ''"), unchanged);
  const query = "select settings::text from settings order by id";
  assert.deepEqual(await rowsOf(pair.dev, query), await rowsOf(pair.prod, query));
});

test("a second copy finds nothing to do and a proof finds both sides equal", async (t) => {
  const pair = await makePair(t, settings, someSettings);
  await copyReferenceRows(input(pair, ["settings"]));

  const outcome = await copyReferenceRows(input(pair, ["settings"]));
  const proof = await verifyReferenceRows(input(pair, ["settings"]));

  assert.deepEqual(outcome.state === "copied" ? outcome.tables : outcome, [
    { table: "public.settings", inserted: 0, updated: 0, deleted: 0 },
  ]);
  assert.equal(proof.isEqual, true);
  assert.equal(proof.tables[0]?.rows, 3);
  assert.equal(proof.tables[0]?.digest, proof.tables[0]?.targetDigest);
});

test("a changed row, a missing row and, with delete, a row too many are each seen by the proof", async (t) => {
  const pair = await makePair(t, settings, someSettings);
  await copyReferenceRows(input(pair, ["settings"]));
  const isEqual = async (table: ReferenceTable) => (await verifyReferenceRows(input(pair, [table]))).isEqual;
  const deleting = entry("settings", { delete: true });

  await pair.dev.client.query(`update settings set raw = '{"b": 1, "a": 2}' where key = 'a'`);
  const afterChange = await isEqual(deleting);
  await copyReferenceRows(input(pair, ["settings"]));
  await pair.dev.client.query("insert into settings (key, value) values ('of dev', '{}')");
  const afterExtra = { deleting: await isEqual(deleting), keeping: await isEqual(entry("settings")) };
  await pair.dev.client.query("delete from settings where key = 'a'");
  const afterMissing = await isEqual(entry("settings"));

  assert.deepEqual(
    { afterChange, afterExtra, afterMissing },
    {
      afterChange: false,
      afterExtra: { deleting: false, keeping: true },
      afterMissing: false,
    },
  );
});

test("a plan tells rows and differences, and changes nothing", async (t) => {
  const pair = await makePair(
    t,
    settings,
    someSettings,
    "insert into settings (key, value) values ('x', '1'), ('y', '1'), ('', '1'), ('z', '1')",
  );

  const plan = await planReferenceRows(input(pair, ["settings"]));

  assert.deepEqual(plan.refusals, []);
  const [table] = plan.tables;
  assert.deepEqual([table?.rows, table?.targetRows, table?.extraRows, table?.isEqual], [3, 3, 1, false]);
  assert.deepEqual(await rowsOf(pair.dev, "select key from settings order by id"), [["x"], ["y"], [""], ["z"]]);
});

test("omitted columns keep dev's values and new rows get the default", async (t) => {
  const schema = "create table flow (id int primary key, name text, api_key text default 'none');";
  const pair = await makePair(
    t,
    schema,
    "insert into flow values (1, 'one', 'p1'), (2, 'two', 'p2')",
    "insert into flow values (1, 'old', 'd1')",
  );

  const outcome = await copyReferenceRows(input(pair, [entry("flow", { omit: ["api_key"] })]));
  const proof = await verifyReferenceRows(input(pair, [entry("flow", { omit: ["api_key"] })]));

  assert.equal(outcome.state, "copied");
  assert.equal(proof.isEqual, true);
  assert.deepEqual(await rowsOf(pair.dev, "select * from flow order by id"), [
    [1, "one", "d1"],
    [2, "two", "none"],
  ]);
});

test("two rows may exchange a unique value", async (t) => {
  const schema = "create table step (id int primary key, place int unique not null);";
  const pair = await makePair(
    t,
    schema,
    "insert into step values (1, 1), (2, 2)",
    "insert into step values (1, 2), (2, 1)",
  );

  const outcome = await copyReferenceRows(input(pair, ["step"]));

  assert.equal(outcome.state, "copied");
  assert.deepEqual(await rowsOf(pair.dev, "select * from step order by id"), [
    [1, 1],
    [2, 2],
  ]);
});

test("names with quotes, newlines, a percent sign and 63 letters are copied", async (t) => {
  const long = "ü".repeat(31) + "x";
  const name = 'A "b"\n%c$1 table';
  const quoted = `public.${pg.escapeIdentifier(name)}`;
  const pair = await makePair(
    t,
    `create table ${quoted} ("i'd" serial primary key, ${pg.escapeIdentifier(long)} text, "c0" int, "is_new" int, "a\nb" text);`,
    `insert into ${quoted} values (1, 'x', 2, 3, 'y')`,
    `insert into ${quoted} values (1, 'y', 2, 3, 'y')`,
  );

  const outcome = await copyReferenceRows(input(pair, [quoted]));
  const proof = await verifyReferenceRows(input(pair, [quoted]));

  assert.deepEqual(outcome.state === "copied" ? outcome.tables : outcome, [
    { table: quoted, inserted: 0, updated: 1, deleted: 0 },
  ]);
  assert.equal(proof.isEqual, true);
});

test("a partitioned table is copied through its parent, an inherited one without its children", async (t) => {
  const pair = await makePair(
    t,
    `create table region (id int, area text, primary key (id, area)) partition by list (area);
     create table region_a partition of region for values in ('a');
     create table region_b partition of region for values in ('b');
     create table base (id int primary key);
     create table child () inherits (base);`,
    "insert into region values (1, 'a'), (2, 'b'); insert into base values (1); insert into child values (2)",
  );

  const outcome = await copyReferenceRows(input(pair, ["region", "base"]));

  assert.deepEqual(outcome.state === "copied" ? outcome.tables.map(({ inserted }) => inserted) : outcome, [2, 1]);
  assert.deepEqual(await rowsOf(pair.dev, "select count(*)::int from region_b"), [[1]]);
  assert.deepEqual(await rowsOf(pair.dev, "select count(*)::int from base"), [[1]]);
});

test("triggers do not fire for copied rows, and one that fires always is told", async (t) => {
  const pair = await makePair(
    t,
    `create table log (at int);
     create table word (id int primary key);
     create function note() returns trigger language plpgsql as 'begin insert into public.log values (1); return new; end';
     create trigger quiet after insert on word for each row execute function note();
     create trigger loud after insert on word for each row execute function note();
     alter table word enable always trigger loud;`,
    "insert into word values (1)",
  );

  const outcome = await copyReferenceRows(input(pair, ["word"]));

  assert.deepEqual(await rowsOf(pair.dev, "select count(*)::int from log"), [[1]]);
  assert.match(JSON.stringify(outcome), /trigger loud of public\.word fires on dev/);
});

test("tables that refer to themselves and to each other are copied together", async (t) => {
  const pair = await makePair(
    t,
    `create table a (id int primary key, parent int references a, b int);
     create table b (id int primary key, a int references a);
     alter table a add foreign key (b) references b;`,
    "insert into a values (1, null, null); insert into b values (1, 1); insert into a values (2, 1, 1); update a set parent = 2, b = 1 where id = 1",
    "insert into a values (7)",
  );

  const outcome = await copyReferenceRows(input(pair, ["a", "b"]));

  assert.equal(outcome.state, "copied");
  assert.deepEqual(await rowsOf(pair.dev, "select * from a order by id"), [
    [1, 2, 1],
    [2, 1, 1],
    [7, null, null],
  ]);
});

test("a delete that rows of an unlisted table stand in the way of is refused and nothing is copied", async (t) => {
  const pair = await makePair(
    t,
    `create table kind (id int primary key, name text);
     create table thing (id int primary key, kind int references kind on delete cascade);`,
    "insert into kind values (1, 'new')",
    "insert into kind values (1, 'old'), (2, 'of dev'); insert into thing values (1, 2)",
  );

  const copy = copyReferenceRows(input(pair, [entry("kind", { delete: true })]));

  await assert.rejects(copy, {
    code: "conflict",
    message: /1 rows of public\.thing would break foreign key thing_kind_fkey/,
  });
  assert.deepEqual(await rowsOf(pair.dev, "select * from kind order by id"), [
    [1, "old"],
    [2, "of dev"],
  ]);
});

test("a row that only dev has and that holds a unique value is a conflict without the value in it", async (t) => {
  const schema = "create table tag (id int primary key, name text constraint tag_name unique);";
  const pair = await makePair(
    t,
    schema,
    "insert into tag values (1, 'hidden-value')",
    "insert into tag values (9, 'hidden-value')",
  );

  const copy = copyReferenceRows(input(pair, ["tag"]));

  await assert.rejects(copy, (error: Error) => {
    assert.match(error.message, /rows of public\.tag: a row that only dev has holds a value of tag_name/);
    assert.doesNotMatch(JSON.stringify([error.message, String(error.cause), error.stack]), /hidden-value/);
    return true;
  });
});

test("a table that is locked by another session is a clear error and leaves all tables as they were", async (t) => {
  const pair = await makePair(t, settings, someSettings);
  await pair.dev.client.query("begin; lock table settings in row exclusive mode");

  const copy = copyReferenceRows(input(pair, ["settings"], { lockTimeoutMs: 200 }));

  await assert.rejects(copy, { code: "unavailable", message: /another session of dev holds a lock/ });
});

test("a connection that is lost midway is a clear error and leaves dev as it was", async (t) => {
  const pair = await makePair(t, settings, someSettings);
  await pair.dev.client.query("begin; lock table settings in row exclusive mode");
  const copy = copyReferenceRows(input(pair, ["settings"]));
  const ended = assert.rejects(copy, { code: "unavailable", message: /the connection was lost; dev is as it was/ });

  let terminated = 0;
  while (terminated === 0) {
    const waiting = await pair.prod.client.query(
      "select pg_terminate_backend(pid) from pg_stat_activity where datname = $1 and wait_event_type = 'Lock'",
      [pair.dev.name],
    );
    terminated = waiting.rows.length;
  }

  await ended;
  await pair.dev.client.query("rollback");
  assert.deepEqual(await rowsOf(pair.dev, "select count(*)::int from settings"), [[0]]);
});

test("a row that dev keeps and whose parent would go is a conflict, also where nothing checks foreign keys", async (t) => {
  const pair = await makePair(
    t,
    `create table parent (id int primary key);
     create table child (id int primary key, parent int constraint child_parent references parent);`,
    "",
    "insert into parent values (1); insert into child values (1, 1)",
  );

  const copy = copyReferenceRows(input(pair, [entry("parent", { delete: true }), "child"]));

  await assert.rejects(copy, { code: "conflict", message: /public\.child would break foreign key child_parent/ });
  assert.deepEqual(await rowsOf(pair.dev, "select * from parent"), [[1]]);
});

test("a copy that is stopped leaves nothing behind", async (t) => {
  const pair = await makePair(t, settings, someSettings);
  const stop = new AbortController();

  const copy = copyReferenceRows(
    input(pair, ["settings"], { signal: stop.signal, progress: (text) => text.startsWith("writing") && stop.abort() }),
  );

  await assert.rejects(copy, { code: "unavailable", message: /stopped/ });
  assert.deepEqual(await rowsOf(pair.dev, "select count(*)::int from settings"), [[0]]);
});

test("only listed tables of prod are read: a role that may read no other copies and verifies them", async (t) => {
  const pair = await makePair(
    t,
    `create table config (id int primary key, name text);
     create table message (id int primary key, config int references config, body text);
     create table banned (id int primary key);`,
    "insert into config values (1, 'x'); insert into message values (1, 1, 'private'); insert into banned values (1)",
  );
  const { role, as } = await makeRole(t, pair);
  await pair.prod.client.query(`grant select on config to ${role}`);
  await pair.prod.client.query("select pg_stat_reset()");
  const from = { label: "prod", url: as(pair.prod) };

  const outcome = await copyReferenceRows(input(pair, ["config"], { from, neverCopy: ["banned"] }));
  const proof = await verifyReferenceRows(input(pair, ["config"], { from, neverCopy: ["banned"] }));

  assert.equal(outcome.state, "copied");
  assert.equal(proof.isEqual, true);
  const scanned = await rowsOf(
    pair.prod,
    "select relname from pg_stat_user_tables where seq_scan + coalesce(idx_scan, 0) > 0",
  );
  assert.deepEqual(
    scanned.filter(([name]) => name !== "config"),
    [],
  );
  assert.deepEqual(await rowsOf(pair.dev, "select count(*)::int from message"), [[0]]);
});
