import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";

import { sql } from "kysely";
import type pg from "pg";

import type { App } from "#app.ts";
import { transaction } from "#store/database.ts";
import { testPlatform } from "#test/platform.ts";

import { checkKnowledge } from "./checks.ts";
import { publishEntries } from "./publication.ts";
import { insertEntry } from "./queries.ts";

const signal = new AbortController().signal;

const plain = "create table aria_knowledge (id serial primary key, title text not null, content text, source text)";

type Platform = { app: App; prod: pg.Client };

function openPlatform(t: TestContext, prod: string, more: Record<string, unknown> = {}): Promise<Platform> {
  return testPlatform(t, { prod, dev: "" }, { knowledge: { database: "file:prod.url", ...more } });
}

async function know(app: App, ...titles: string[]): Promise<void> {
  for (const title of titles) {
    const entry = {
      title,
      content: `about ${title}`,
      category: "test",
      source: `leveredge:event:${title}:9f3c0a1b`,
      environment: null,
      createdAt: "2026-11-22T19:50:00.123456Z",
    };
    await transaction(app.db, (tx) => insertEntry(tx, entry));
  }
}

async function rowsOf({ prod }: Platform, columns = "title, content, source"): Promise<unknown[]> {
  const { rows } = await prod.query(`select ${columns} from aria_knowledge order by id`);
  return rows;
}

/** The next attempt is due. */
async function passTime(app: App): Promise<void> {
  await sql`update knowledge_publication set retry_at = clock_timestamp() where retry_at is not null`.execute(app.db);
}

test("entries are added to the platform's table once, in their order", async (t) => {
  const platform = await openPlatform(t, `${plain}; insert into aria_knowledge (title) values ('mine')`);
  const { app } = platform;
  await know(app, "1", "2");

  await publishEntries(app, { signal });
  await know(app, "3");
  await publishEntries(app, { signal });
  await publishEntries(app, { signal });

  assert.deepEqual(await rowsOf(platform), [
    { title: "mine", content: null, source: null },
    ...["1", "2", "3"].map((title) => ({
      title,
      content: `about ${title}`,
      source: `leveredge:event:${title}:9f3c0a1b`,
    })),
  ]);
  const [check] = await checkKnowledge(app);
  assert.deepEqual(check, {
    subject: "knowledge table public.aria_knowledge",
    state: "ok",
    detail: "takes entries, 0 wait",
  });
});

test("a copy that was made but not remembered is not made again", async (t) => {
  const platform = await openPlatform(t, plain);
  await know(platform.app, "1", "2");
  await publishEntries(platform.app, { signal });
  await sql`update knowledge_publication set last_entry_id = 0`.execute(platform.app.db);
  await know(platform.app, "3");

  await publishEntries(platform.app, { signal });

  assert.equal((await rowsOf(platform)).length, 3);
});

test("two that publish at once add each entry once", async (t) => {
  const platform = await openPlatform(t, plain);
  const titles = Array.from({ length: 150 }, (_, index) => String(index));
  await know(platform.app, ...titles);

  await Promise.all([1, 2, 3].map(() => publishEntries(platform.app, { signal })));

  assert.deepEqual(
    await rowsOf(platform, "title"),
    titles.map((title) => ({ title })),
  );
});

test("a table of other names and narrow columns gets what fits", async (t) => {
  const table = `create schema "Mind"; create table "Mind"."My ""Log""" (
    id int generated always as identity, "Head line" varchar(4), body text, kind varchar(2), told timestamp, "from" varchar(41) not null)`;
  const columns = { title: "Head line", content: "body", category: "kind", source: "from", created_at: "told" };
  const platform = await openPlatform(t, table, { table: '"Mind"."My ""Log"""', columns });
  await know(platform.app, "🔧🔧🔧🔧🔧");

  await publishEntries(platform.app, { signal });

  const { rows } = await platform.prod.query(
    `select "Head line" as title, kind, told::text as told, length("from") > 0 as sourced from "Mind"."My ""Log"""`,
  );
  assert.deepEqual(rows, [{ title: "🔧🔧🔧…", kind: "t…", told: "2026-11-22 19:50:00.123", sourced: true }]);
});

const obstacles: { what: string; table: string; more?: Record<string, unknown>; detail: RegExp; remedy: RegExp }[] = [
  { what: "no table", table: "select 1", detail: /no table public\.aria_knowledge/, remedy: /Create it/ },
  {
    what: "a view",
    table: "create view aria_knowledge as select 1 as title",
    detail: /is not a table/,
    remedy: /knowledge\.table/,
  },
  {
    what: "a missing column",
    table: "create table aria_knowledge (title text, content text)",
    detail: /has no column source/,
    remedy: /knowledge\.columns\.source/,
  },
  {
    what: "a column of another type",
    table: "create table aria_knowledge (title text, content jsonb, source text)",
    detail: /column content of public\.aria_knowledge is jsonb, expected text/,
    remedy: /knowledge\.columns\.content/,
  },
  {
    what: "a column that must be filled",
    table: "create table aria_knowledge (title text, content text, source text, agent text not null)",
    detail: /column agent \(text\) .* must not be null and has no default/,
    remedy: /alter column agent set default/,
  },
  {
    what: "a generated column",
    table: "create table aria_knowledge (a text, title text generated always as (a) stored, content text, source text)",
    detail: /column title .* is generated/,
    remedy: /Name another column/,
  },
  {
    what: "a source that is too short",
    table: "create table aria_knowledge (title text, content text, source varchar(20))",
    detail: /holds 20 characters, expected 41/,
    remedy: /alter column source type text/,
  },
];

test("what keeps entries out is named with its remedy, nothing is lost, and they follow once it is gone", async (t) => {
  for (const { what, table, detail, remedy } of obstacles) {
    await t.test(what, async (part) => {
      const platform = await openPlatform(part, table);
      const { app, prod } = platform;
      await know(app, "1");

      await publishEntries(app, { signal });
      const [check] = await checkKnowledge(app);
      await prod.query(`drop ${what === "a view" ? "view" : "table"} if exists aria_knowledge; ${plain}`);
      await publishEntries(app, { signal });
      const early = await rowsOf(platform);
      await passTime(app);
      await publishEntries(app, { signal });

      assert.equal(check?.state, "failed");
      assert.match(check?.detail ?? "", detail);
      assert.match(check?.remedy ?? "", remedy);
      assert.deepEqual(early, [], "the next attempt comes later");
      assert.equal((await rowsOf(platform)).length, 1);
    });
  }
});

test("a row that the table refuses leaves the entries waiting, and the check says why", async (t) => {
  const platform = await openPlatform(t, `${plain}; alter table aria_knowledge add check (title <> '2')`);
  await know(platform.app, "1", "2");

  await publishEntries(platform.app, { signal });

  const [check] = await checkKnowledge(platform.app);
  assert.equal(check?.state, "loose");
  assert.match(check?.detail ?? "", /^2 entries wait: .*violates check constraint/);
  assert.deepEqual(await rowsOf(platform), []);
});

test("a database that does not answer is a failed check and no failed delivery", async (t) => {
  const platform = await openPlatform(t, plain, { database: "file:gone.url" });
  await know(platform.app, "1");

  await publishEntries(platform.app, { signal });

  const [check] = await checkKnowledge(platform.app);
  assert.equal(check?.state, "failed");
  assert.match(check?.detail ?? "", /gone\.url/);
});
