import assert from "node:assert/strict";
import { test } from "node:test";

import type { ReferenceTable } from "#config/schema.ts";
import { entry, makePair, makeRole, type Pair, rowsInput, rowsOf } from "#test/row-pair.ts";

import { copyReferenceRows, planReferenceRows, type RowsInput } from "./rows.ts";

type Told = { table: string; kind: string; reason: string; remedy: string };

/** The refusals of a copy; a plan must tell the same. */
async function refusalsOf(
  pair: Pair,
  tables: (string | ReferenceTable)[],
  more: Partial<RowsInput> = {},
): Promise<Told[]> {
  const input = rowsInput(pair, tables, more);
  const outcome = await copyReferenceRows(input);
  const plan = await planReferenceRows(input);
  assert.equal(outcome.state, "refused");
  assert.deepEqual(plan.refusals, outcome.refusals);
  return outcome.refusals;
}

function assertTold(told: Told[], table: string, reason: RegExp, remedy: RegExp): void {
  const found = told.find((one) => one.table === table && reason.test(one.reason) && remedy.test(one.remedy));
  assert.ok(found, `${table} ${reason} ${remedy} is not among ${JSON.stringify(told)}`);
}

test("nothing is copied when one of several tables is refused", async (t) => {
  const pair = await makePair(
    t,
    "create table good (id int primary key); create table keyless (id int);",
    "insert into good values (1)",
  );

  const told = await refusalsOf(pair, ["good", "keyless"]);

  assertTold(told, "public.keyless", /no primary key on prod/, /add a primary key or take it off/);
  assert.deepEqual(await rowsOf(pair.dev, "select * from good"), []);
});

test("a name in never_copy, a blocked schema, a doubled and a missing table are refused by name", async (t) => {
  const pair = await makePair(
    t,
    "create schema auth; create table auth.users (id int primary key); create table a (id int primary key);",
  );
  await pair.prod.client.query("create table only_prod (id int primary key)");

  const told = await refusalsOf(pair, ["a", "auth.users", "only_prod", "gone", "twice", "public.twice"], {
    neverCopy: ["public.a"],
  });

  assertTold(told, "public.a", /never_copy names it/, /take it off/);
  assertTold(told, "auth.users", /rows of schema auth never travel/, /take it off/);
  assertTold(told, "public.twice", /listed twice/, /list it once/);
  assertTold(told, "public.gone", /prod has no such table/, /correct the name/);
  assertTold(told, "public.only_prod", /dev has no such table/, /mirror the schema first/);
  assert.deepEqual(
    told.map(({ kind }) => kind),
    ["rule", "rule", "rule", "schema", "rule"],
  );
});

test("a table that never_copy names is not even read to plan, when it is listed by mistake", async (t) => {
  const pair = await makePair(t, "create table banned (id int primary key);", "insert into banned values (1)");
  const { as } = await makeRole(t, pair);
  const input = rowsInput(pair, ["banned"], { from: { label: "prod", url: as(pair.prod) }, neverCopy: ["banned"] });

  const plan = await planReferenceRows(input);

  assert.deepEqual(
    plan.refusals.map(({ reason }) => reason),
    ["never_copy names it"],
  );
  assert.deepEqual(plan.tables, []);
});

test("a partitioned table whose partition never_copy names is refused, and so is a partition", async (t) => {
  const pair = await makePair(
    t,
    `create table part (id int primary key) partition by list (id);
     create table part_1 partition of part for values in (1);`,
  );

  assertTold(
    await refusalsOf(pair, ["part"], { neverCopy: ["part_1"] }),
    "public.part",
    /shares rows with public\.part_1/,
    /take it off/,
  );
  assertTold(await refusalsOf(pair, ["part_1"]), "public.part_1", /it is a partition/, /list its partitioned table/);
});

test("views and tables with rewrite rules are refused", async (t) => {
  const pair = await makePair(
    t,
    `create table t (id int primary key);
     create view v as select * from t;
     create rule nothing as on insert to t do instead nothing;`,
  );

  const told = await refusalsOf(pair, ["v", "t"]);

  assertTold(told, "public.v", /no table on prod/, /list the tables it reads/);
  assertTold(told, "public.t", /rewrite rule of prod/, /drop the rule/);
});

test("foreign keys into unlisted tables are refused unless their columns are omitted", async (t) => {
  const pair = await makePair(
    t,
    `create table person (id int primary key);
     create table flow (id int primary key, owner int constraint flow_owner references person);`,
    "insert into person values (1); insert into flow values (1, 1)",
  );

  const told = await refusalsOf(pair, ["flow"]);
  const outcome = await copyReferenceRows(rowsInput(pair, [entry("flow", { omit: ["owner"] })]));

  assertTold(
    told,
    "public.flow",
    /foreign key flow_owner points into public\.person, which is not listed/,
    /omit: \[owner\]/,
  );
  assert.equal(outcome.state, "copied");
  assert.deepEqual(await rowsOf(pair.dev, "select * from flow"), [[1, null]]);
});

test("columns that differ are refused as a matter of the schema, one by one", async (t) => {
  const pair = await makePair(t, "create table t (id int primary key, a int, b int);");
  await pair.dev.client.query("alter table t alter a type bigint, drop b");

  const told = await refusalsOf(pair, ["t"]);

  assert.deepEqual(
    told.map(({ kind, reason }) => `${kind}: ${reason}`),
    ["schema: column a is integer on prod and bigint on dev", "schema: column b is integer on prod and missing on dev"],
  );
});

test("a column that only dev has keeps what it holds", async (t) => {
  const pair = await makePair(
    t,
    "create table t (id int primary key, a int);",
    "insert into t values (1, 2), (2, 2)",
    "insert into t values (1, 1)",
  );
  await pair.dev.client.query("alter table t add ahead text default 'new'; update t set ahead = 'own'");

  const outcome = await copyReferenceRows(rowsInput(pair, ["t"]));

  assert.equal(outcome.state, "copied");
  assert.deepEqual(await rowsOf(pair.dev, "select * from t order by id"), [
    [1, 2, "own"],
    [2, 2, "new"],
  ]);
});

test("omit refuses names that are none, keys, and columns without which no row can be inserted", async (t) => {
  const pair = await makePair(t, "create table t (id int primary key, must text not null, may text);");

  const told = await refusalsOf(pair, [entry("t", { omit: ["id", "must", "may", "typo"] })]);

  assertTold(told, "public.t", /omit names id of the primary key/, /take it off omit/);
  assertTold(told, "public.t", /without column must: it is NOT NULL/, /give must a default/);
  assertTold(told, "public.t", /omit names column typo, which it has not/, /correct the name/);
  assert.equal(told.length, 3);
});

test("columns that look like secrets are refused by name and by value, and pass when omitted", async (t) => {
  const pair = await makePair(
    t,
    `create collation blind (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
     create table t (id int primary key, api_key text, max_tokens int, note text collate blind, doc jsonb, raw bytea, tags text[]);`,
    `insert into t (id) select generate_series(1, 30000);
     update t set note = 'call me at ${["sk", "0123456789abcdefghij"].join("-")}' where id = 29999;
     update t set doc = '{"client_secret": "0123456789"}', raw = '-----BEGIN RSA PRIVATE KEY-----', tags = '{a,ghp_abcdefghijklmnopqrstuvwxyz0123}' where id = 3`,
  );
  const omit = ["api_key", "note", "doc", "raw", "tags"];

  const byName = await refusalsOf(pair, ["t"]);
  const byValue = await refusalsOf(pair, [entry("t", { omit: ["api_key"] })]);
  const outcome = await copyReferenceRows(rowsInput(pair, [entry("t", { omit })]));

  assertTold(byName, "public.t", /column api_key looks like a secret by its name/, /omit: \[api_key\]/);
  for (const column of ["note", "doc", "raw", "tags"]) {
    assertTold(
      byValue,
      "public.t",
      new RegExp(`column ${column} holds a value`),
      /omit: \[api_key, note, doc, raw, tags\]/,
    );
  }
  assert.equal(outcome.state, "copied");
});

test("a secret that is found while a later table is copied takes the earlier tables back too", async (t) => {
  const pair = await makePair(
    t,
    "create table one (id int primary key); create table two (id int primary key, note text);",
    "insert into one values (1); insert into two values (1, 'postgresql://me:hunter2@db/x')",
    "insert into two values (1, 'x')",
  );

  const told = await refusalsOf(pair, ["one", "two"]);

  assertTold(told, "public.two", /column note holds a value/, /omit: \[note\]/);
  assert.deepEqual(await rowsOf(pair.dev, "select count(*)::int from one"), [[0]]);
  assert.deepEqual(await rowsOf(pair.dev, "select note from two"), [["x"]]);
});

test("row-level security that would hide rows and missing privileges are refused, not silently empty", async (t) => {
  const pair = await makePair(
    t,
    `create table hidden (id int primary key); alter table hidden enable row level security;
     create table locked (id serial primary key, name text);`,
    "insert into hidden values (1)",
  );
  const { role, as } = await makeRole(t, pair);
  for (const { client } of [pair.prod, pair.dev])
    await client.query(`grant select, insert, update on hidden to ${role}`);
  const sides = { from: { label: "prod", url: as(pair.prod) }, to: { label: "dev", url: as(pair.dev) } };

  const told = await refusalsOf(pair, ["hidden", entry("locked", { delete: true })], sides);

  assertTold(told, "public.hidden", /row-level security would hide rows of it .* on prod/, /bypassrls/);
  for (const [right, side] of [
    ["select", "prod"],
    ["insert", "dev"],
    ["update", "dev"],
    ["delete", "dev"],
    ["update on its sequences", "dev"],
  ]) {
    assertTold(
      told,
      "public.locked",
      new RegExp(`lacks the privilege: ${right}, on ${side}`),
      new RegExp(`grant it on ${side}`),
    );
  }
});

test("a role that may not act as a replica copies in the order of foreign keys and says which triggers fire", async (t) => {
  const pair = await makePair(
    t,
    `create table child (id int primary key, parent int);
     create table parent (id int primary key, note text);
     alter table child add foreign key (parent) references parent on delete cascade;
     create function pass() returns trigger language plpgsql as 'begin return new; end';
     create trigger hello before insert on parent for each row execute function pass();`,
    "insert into parent values (1, 'new'), (2, 'b'); insert into child values (1, 1), (2, 2)",
    "insert into parent values (1, 'old'), (9, 'gone'); insert into child values (9, 9), (1, 9)",
  );
  const { role, as } = await makeRole(t, pair);
  await pair.dev.client.query(`grant select, insert, update, delete on child, parent to ${role}`);
  const to = { label: "dev", url: as(pair.dev) };

  const outcome = await copyReferenceRows(
    rowsInput(pair, [entry("child", { delete: true }), entry("parent", { delete: true })], { to }),
  );

  assert.match(JSON.stringify(outcome), /trigger hello of public\.parent fires on dev.*grant set on parameter/);
  assert.deepEqual(await rowsOf(pair.dev, "select * from parent order by id"), [
    [1, "new"],
    [2, "b"],
  ]);
  assert.deepEqual(await rowsOf(pair.dev, "select * from child order by id"), [
    [1, 1],
    [2, 2],
  ]);
});

test("a circle of foreign keys that are not deferrable is refused where the role may not act as a replica", async (t) => {
  const pair = await makePair(
    t,
    `create table a (id int primary key, b int);
     create table b (id int primary key, a int constraint b_a references a);
     alter table a add constraint a_b foreign key (b) references b;`,
  );
  const { role, as } = await makeRole(t, pair);
  await pair.dev.client.query(`grant select, insert, update on a, b to ${role}`);
  const to = { label: "dev", url: as(pair.dev) };

  const told = await refusalsOf(pair, ["a", "b"], { to });

  assertTold(
    told,
    "public.a",
    /foreign key a_b is part of a circle and not deferrable/,
    /make it deferrable, or grant set/,
  );
  assertTold(told, "public.b", /foreign key b_a is part of a circle/, /make it deferrable/);
});
