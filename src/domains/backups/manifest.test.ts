import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";

import fc from "fast-check";
import pg from "pg";

import { runProgram } from "#system/run.ts";
import { ordinaryRole } from "#test/database-role.ts";
import { freshDatabase, type Major, testCluster } from "#test/database.ts";

import {
  compareManifest,
  describeFile,
  type Manifest,
  manifestPathOf,
  readManifest,
  takeManifest,
  writeManifest,
} from "./manifest.ts";

type Side = { url: string; client: pg.Client };

const signal = new AbortController().signal;
const app = { run: runProgram, now: () => new Date("2026-11-22T03:00:00.000Z"), programVersion: "1.0.0" };

const richSql = `
  create schema "Odd ""schema""";
  create type mood as enum ('calm', 'héctic');
  create table "Odd ""schema"""."table; drop" ("a ""col""" int, "SELECT" text, created timestamptz default now());
  insert into "Odd ""schema"""."table; drop" select i, 'x', '2026-01-01 00:00:00.123456+09' from generate_series(1, 9) i;
  create table parent (id int, kind text) partition by list (kind);
  create table parent_a partition of parent for values in ('a');
  create table parent_rest partition of parent default;
  insert into parent select i, case when i % 2 = 0 then 'a' else 'b' end from generate_series(1, 20) i;
  create table base (b int, a int);
  create table child (c int, b int, a int);
  alter table child inherit base;
  insert into base values (1, 2);
  insert into child values (3, 4, 5);
  create unlogged table fast (id int);
  insert into fast values (1);
  create table nothing ();
  insert into nothing default values;
  create table kinds (
    id bigint generated always as identity primary key, r real, d double precision, n numeric, i interval, b bytea,
    j jsonb, m mood, t tstzrange, x xml, s tsvector, c money, l text, dropped int,
    g int generated always as (length(l)) stored
  );
  alter table kinds drop column dropped;
  insert into kinds (r, d, n, i, b, j, m, t, x, s, c, l) values
    (0.1, 1e-300 / 3, 12345678901234567890.123, '1 mon -2 days', '\\xdeadbeef', '{"b": 1, "a": [null]}', 'héctic',
     '[2026-01-01,2026-06-01)', '<a>ü</a>', 'a fat cat', 12.5, E'line\\nbreak\\t\\\\ "quoted" ü'),
    (null, 'NaN', 'NaN', null, '', null, null, null, null, null, null, '');
  create function twice(n int) returns int immutable language sql as 'select n * 2';
  create table made (a int, b int generated always as (public.twice(a)) stored);
  insert into made values (1);
  -- A restore makes the value anew.
  create or replace function twice(n int) returns int immutable language sql as 'select n * 2 + 1';
  create table guarded (id int);
  alter table guarded enable row level security;
  alter table guarded force row level security;
  insert into guarded values (1);
  create materialized view seen as select now() as at;
  create sequence plain start 7;
  create sequence used increment -5 minvalue -1000 maxvalue 0 start 0;
  select nextval('used'), nextval('used');
  select lo_from_bytea(900001, convert_to(repeat('large', 500000), 'UTF8')), lo_from_bytea(900002, '');
`;

async function open(t: TestContext, major: Major, sql = ""): Promise<Side> {
  const { url } = await freshDatabase(t, { major });
  const client = new pg.Client({ connectionString: url });
  client.on("error", () => undefined);
  await client.connect();
  t.after(() => client.end());
  await client.query(sql);
  return { url, client };
}

async function dumped(t: TestContext, side: Side): Promise<{ file: string; manifest: Manifest }> {
  const directory = await mkdtemp(join(tmpdir(), "manifest-"));
  t.after(() => rm(directory, { recursive: true }));
  const file = join(directory, "x.dump");
  const manifest = await takeManifest(app, side.client, {
    signal,
    definitions: { format: "custom", pgRestore: ["pg_restore"], timeoutMs: 60_000 },
    dump: async (snapshot) => {
      await runProgram("pg_dump", ["-Fc", `--snapshot=${snapshot}`, "--file", file, "--dbname", side.url], {
        timeoutMs: 60_000,
      });
      return file;
    },
  });
  return { file, manifest };
}

async function restore(file: string, to: Side): Promise<void> {
  await runProgram("pg_restore", ["--no-owner", "--no-privileges", "--exit-on-error", "--dbname", to.url, file], {
    timeoutMs: 60_000,
  });
}

test("a restored copy agrees with the manifest, on the same major version and on a newer one", async (t) => {
  const source = await open(t, 15, richSql);
  const { file, manifest } = await dumped(t, source);

  for (const major of [15, 18] as const) {
    const copy = await open(t, major);
    await restore(file, copy);
    await copy.client.query(
      "set datestyle = 'German, DMY'; set timezone = 'Asia/Tokyo'; set extra_float_digits = 0; set bytea_output = 'escape'",
    );

    assert.deepEqual([major, await compareManifest(copy.client, manifest, { signal })], [major, []]);
  }

  assert.deepEqual(
    manifest.tables.filter(({ rows }) => rows > 0).map(({ name, rows }) => `${name} ${rows}`),
    [
      "table; drop 9",
      "base 1",
      "child 1",
      "fast 1",
      "guarded 1",
      "kinds 2",
      "made 1",
      "nothing 1",
      "parent_a 10",
      "parent_rest 10",
    ],
  );
  assert.equal(manifest.largeObjects.count, 2);
});

test("each thing that is not as it was is named", async (t) => {
  const source = await open(t, 15, richSql);
  const { manifest } = await dumped(t, source);
  const changes: [sql: string, line: RegExp][] = [
    ["update kinds set l = 'other' where id = 1", /^public\.kinds: the content of its 2 rows differs$/],
    ["update kinds set r = 0.100000024 where id = 1", /^public\.kinds: the content/],
    ["update kinds set b = null where id = 2", /^public\.kinds: the content/],
    ["delete from parent where id = 2", /^public\.parent_a: 9 rows instead of 10$/],
    ["insert into base values (1, 2)", /^public\.base: 2 rows instead of 1$/],
    ["update child set a = b, b = a", /^public\.child: the content/],
    ["drop table fast", /^public\.fast: the table is missing$/],
    ["alter table base rename column b to d", /^public\.(base|child): the content/],
    ["select nextval('plain')", /^public\.plain: the sequence stands at 7 instead of 6$/],
    ["drop sequence used", /^public\.used: the sequence is missing$/],
    ["select lo_put(900002, 0, 'x')", /^large objects: the content of 2 differs$/],
    ["select lo_put(900001, 2400000, 'x')", /^large objects: the content of 2 differs$/],
    ["select lo_unlink(900002)", /^large objects: 1 instead of 2$/],
  ];
  // Equal rows are counted, so that one for another does not hide.
  await source.client.query("create table twice (n int); insert into twice values (1), (1), (2)");
  const second = (await dumped(t, source)).manifest;
  await source.client.query("truncate twice; insert into twice values (1), (2), (2)");

  const twice = await compareManifest(source.client, second, { signal });

  assert.deepEqual(twice, ["public.twice: the content of its 3 rows differs"]);
  for (const [sql, line] of changes) {
    const copy = await open(t, 15, richSql);
    assert.deepEqual(await compareManifest(copy.client, manifest, { signal }), []);
    await copy.client.query(sql);

    const lines = await compareManifest(copy.client, manifest, { signal });

    assert.ok(lines.length > 0, `${sql}: nothing was found`);
    for (const found of lines) assert.match(found, line, sql);
  }
});

test("rows that a policy hides are an error, not a smaller table", async (t) => {
  const role = await ordinaryRole(t, { major: 15 });
  await role.run(
    (name) => `create table public.hidden (id int); alter table public.hidden owner to ${name};
    alter table public.hidden enable row level security; alter table public.hidden force row level security`,
  );
  const client = new pg.Client({ connectionString: role.url.reveal() });
  client.on("error", () => undefined);
  await client.connect();

  const taken = dumped(t, { url: role.url.reveal(), client });

  await assert.rejects(taken, /row-level security/);
  await client.end();
});

test("a sequence that moves while the dump runs may stand anywhere between", async (t) => {
  const source = await open(t, 15, "create sequence s");
  const other = new pg.Client({ connectionString: source.url });
  other.on("error", () => undefined);
  await other.connect();
  t.after(() => other.end());
  await other.query("select nextval('s')");

  const manifest = await takeManifest(app, source.client, {
    signal,
    definitions: { format: "plain", pgRestore: [], timeoutMs: 60_000 },
    dump: async () => {
      await other.query("select setval('s', 9)");
      return import.meta.filename;
    },
  });

  assert.deepEqual(manifest.sequences, [{ schema: "public", name: "s", from: "1", to: "9" }]);
  for (const [value, agrees] of [
    [1, true],
    [5, true],
    [9, true],
    [10, false],
  ] as const) {
    await other.query("select setval('s', $1)", [value]);
    assert.equal((await compareManifest(source.client, manifest, { signal })).length === 0, agrees, String(value));
  }
});

test("names of any letters are read, and equal rows in any order hash alike", async (t) => {
  const side = await open(t, 15);
  const name = fc
    .string({ unit: "grapheme", minLength: 1, maxLength: 12 })
    .filter(
      (text) => !text.includes("\0") && text.isWellFormed() && Buffer.byteLength(text) <= 63 && !text.startsWith("pg_"),
    );
  const quote = pg.escapeIdentifier;
  await fc.assert(
    fc.asyncProperty(
      name,
      name,
      fc.uniqueArray(name, { minLength: 1, maxLength: 3 }),
      async (schema, table, columns) => {
        const place = `${quote(schema)}.${quote(table)}`;
        const values = columns.map((_, index) => `'v' || i * ${index + 1}`).join(", ");
        const make = (order: string) => `
        drop schema if exists ${quote(schema)} cascade; create schema ${quote(schema)};
        create table ${place} (${columns.map((column) => `${quote(column)} text`).join(", ")});
        insert into ${place} select ${values} from generate_series(1, 5) i order by i ${order}`;
        if (schema === "public") return;
        await side.client.query(make("asc"));
        const { manifest } = await dumped(t, side);
        await side.client.query(make("desc"));

        assert.deepEqual(await compareManifest(side.client, manifest, { signal }), []);
        assert.deepEqual(
          manifest.tables.map((found) => [found.schema, found.name, found.rows]),
          [[schema, table, 5]],
        );
        await side.client.query(`drop schema ${quote(schema)} cascade`);
      },
    ),
    { numRuns: 8 },
  );
});

test("bytes of SQL_ASCII are compared as they are", async (t) => {
  const cluster = await testCluster({ major: 15 });
  const admin = new pg.Client({ connectionString: cluster.url() });
  await admin.connect();
  const name = `test_ascii_${process.pid}`;
  await admin.query(`create database ${name} encoding 'SQL_ASCII' lc_collate 'C' lc_ctype 'C' template template0`);
  const side = { url: cluster.url(name), client: new pg.Client({ connectionString: cluster.url(name) }) };
  side.client.on("error", () => undefined);
  t.after(async () => {
    await side.client.end();
    await admin.query(`drop database ${name} with (force)`);
    await admin.end();
  });
  await side.client.connect();
  await side.client.query("set client_encoding = 'SQL_ASCII'");
  await side.client.query("create table t (x text); insert into t values (E'\\xff\\xfe')");

  const { manifest } = await dumped(t, side);
  const same = await compareManifest(side.client, manifest, { signal });
  await side.client.query("update t set x = E'\\xff\\xfd'");
  const changed = await compareManifest(side.client, manifest, { signal });

  assert.deepEqual([same, changed], [[], ["public.t: the content of its 1 rows differs"]]);
});

test("a manifest is written whole and private, and one that cannot be read says why", async (t) => {
  const side = await open(t, 15, "create table t (id int)");
  const { file, manifest } = await dumped(t, side);
  const path = manifestPathOf(file);

  await writeManifest(path, manifest);

  assert.deepEqual(await readManifest(path), manifest);
  assert.equal((await stat(path)).mode & 0o777, 0o600);
  assert.deepEqual(manifest.file, await describeFile(file, signal));
  const text = await readFile(path, "utf8");
  for (const damaged of [text.slice(0, 200), text.replace('"version": 1', '"version": 2'), "[]", ""]) {
    await writeFile(path, damaged);
    await assert.rejects(readManifest(path), {
      code: "invalid_input",
      message: /manifest .*x\.dump\.manifest\.json is damaged/,
    });
  }
  await assert.rejects(readManifest(`${file}.none`), { code: "not_found" });
});
