/** Dumps for tests: real ones of a small database with a little of everything, made by the real pg_dump. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, type TestContext } from "node:test";

import pg from "pg";
import { parse } from "pg-connection-string";

import { type Manifest, manifestPathOf, takeManifest, writeManifest } from "#domains/backups/manifest.ts";
import { runProgram } from "#system/run.ts";
import { createDatabase, dropDatabase, freshDatabase, testCluster } from "#test/database.ts";

export type DumpKind = "custom" | "custom-Z0" | "plain" | "plain.gz";

export type Dump = { file: string; manifestPath: string; manifest: Manifest };

/** Of Debian 12's pg_dump. */
export const dumpMajor = 15;

const timeoutMs = 60_000;
const app = { run: runProgram, now: () => new Date("2026-11-22T03:00:00.000Z"), programVersion: "1.0.0" };

/** Nothing in it needs a superuser to be restored but what a drill leaves out by name. */
const variedSql = `
  do $$ begin create role drill_owner nologin; exception when duplicate_object or unique_violation then null; end $$;
  do $$ begin create role "drill ""reader" nologin; exception when duplicate_object or unique_violation then null; end $$;
  create schema extensions;
  create extension citext schema extensions;
  create extension postgres_fdw;
  create schema shop authorization drill_owner;
  create type shop.state as enum ('draft', 'paid');
  create domain shop.amount as numeric check (value >= 0);
  create table shop.customer (
    id bigint generated always as identity primary key, mail extensions.citext unique, note text, born date,
    length_of_note int generated always as (length(note)) stored
  );
  create table shop.orders (
    id int primary key, customer_id bigint references shop.customer, state shop.state, total shop.amount,
    placed timestamptz default now(), details jsonb
  );
  create table shop.event (id int, kind text, payload bytea) partition by list (kind);
  create table shop.event_a partition of shop.event for values in ('a');
  create table shop.event_rest partition of shop.event default;
  create table "Odd ""name"";" ("a ""col""" int, "SELECT" text);
  create table nothing ();
  alter table shop.customer owner to drill_owner;
  alter table shop.orders owner to drill_owner;
  insert into shop.customer (mail, note, born)
    select 'c' || i || '@example.com', repeat('note ' || i || E'\\t\\\\ü\\n', 3), date '1980-01-01' + i from generate_series(1, 300) i;
  insert into shop.orders
    select i, 1 + i % 300, (array['draft', 'paid'])[1 + i % 2]::shop.state, i * 1.5, timestamptz '2026-01-01' + i * interval '1 minute',
           jsonb_build_object('line', i, 'sku', md5(i::text))
      from generate_series(1, 500) i;
  insert into shop.event select i, case when i % 3 = 0 then 'a' else 'b' end, decode(md5(i::text), 'hex') from generate_series(1, 200) i;
  insert into "Odd ""name"";" values (1, E'\\\\.'), (2, null), (3, E'\\\\! touch x');
  create function shop.total_of(bigint) returns numeric language sql stable
    begin atomic select sum(total) from shop.orders where customer_id = $1; end;
  create function shop.touch() returns trigger language plpgsql as $$
  begin
    -- Name: not an entry; Type: FUNCTION; it only looks like one
    new.note := coalesce(new.note, '\\! echo');
    return new;
  end $$;
  create trigger touch before insert on shop.customer for each row execute function shop.touch();
  create view shop.paid as select * from shop.orders where state = 'paid';
  create materialized view shop.sums as select customer_id, sum(total) from shop.orders group by 1;
  create index on shop.orders (lower(details ->> 'sku'));
  alter table shop.orders enable row level security;
  create policy readers on shop.orders for select to "drill ""reader" using (total > 10);
  grant select on shop.orders to "drill ""reader";
  grant usage on schema shop to "drill ""reader";
  alter default privileges for role drill_owner in schema shop grant select on tables to "drill ""reader";
  create server elsewhere foreign data wrapper postgres_fdw options (host '192.0.2.1');
  create user mapping for drill_owner server elsewhere options (password 'never shown');
  create foreign table shop.remote (id int) server elsewhere;
  create publication changes for table shop.orders;
  create function shop.on_ddl() returns event_trigger language plpgsql as $$ begin raise notice 'ddl'; end $$;
  create event trigger watch on ddl_command_end execute function shop.on_ddl();
  comment on table shop.orders is 'what was ordered';
  select lo_from_bytea(910001, convert_to(repeat('large', 5000), 'UTF8'));
`;

let varied: Promise<string> | undefined;

/** The URL of a database with one of everything, shared by the tests of a file. */
export function variedDatabase(): Promise<string> {
  return (varied ??= (async () => {
    const cluster = await testCluster({ major: dumpMajor });
    const name = `dumped_${process.pid}`;
    await createDatabase(cluster, name, "template0");
    await query(cluster.url(name), variedSql);
    return cluster.url(name);
  })());
}

after(async () => {
  if (varied === undefined) return;
  const cluster = await testCluster({ major: dumpMajor });
  await varied;
  await dropDatabase(cluster, `dumped_${process.pid}`);
});

/** A database of the test's own with what the statements make. */
export async function databaseWith(t: TestContext, sql: string): Promise<string> {
  const { url } = await freshDatabase(t, { major: dumpMajor });
  await query(url, sql);
  return url;
}

export async function dumpFolder(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "dump-"));
  t.after(() => rm(directory, { recursive: true }));
  return directory;
}

/** Dumps the database and takes its manifest in the same snapshot. */
export async function makeDump(t: TestContext, url: string, kind: DumpKind): Promise<Dump> {
  const file = join(await dumpFolder(t), "x.dump");
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const manifest = await takeManifest(app, client, {
      signal: new AbortController().signal,
      definitions: {
        format: kind === "custom-Z0" ? "custom" : kind,
        pgRestore: ["pg_restore"],
        timeoutMs,
      },
      dump: async (snapshot) => {
        await runDump(url, [...argumentsOf(kind), `--snapshot=${snapshot}`, `--file=${file}`]);
        return file;
      },
    });
    const manifestPath = manifestPathOf(file);
    await writeManifest(manifestPath, manifest);
    return { file, manifestPath, manifest };
  } finally {
    await client.end();
  }
}

/** With the password in the environment, as a program is run. */
export async function runDump(url: string, args: readonly string[]): Promise<string> {
  const { host, user, password, database } = parse(url);
  const env = { PGHOST: host ?? "", PGUSER: user ?? "", PGPASSWORD: password ?? "", PGDATABASE: database ?? "" };
  return (await runProgram("pg_dump", args, { timeoutMs, env })).stdout;
}

function argumentsOf(kind: DumpKind): string[] {
  switch (kind) {
    case "custom":
      return ["--format=custom"];
    case "custom-Z0":
      return ["--format=custom", "--compress=0"];
    case "plain":
      return ["--format=plain"];
    case "plain.gz":
      return ["--format=plain", "--compress=6"];
  }
}

async function query(url: string, text: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(text);
  } finally {
    await client.end();
  }
}
