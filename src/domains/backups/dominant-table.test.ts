import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";
import pg from "pg";

import { freshDatabase } from "#test/database.ts";
import { drill } from "#test/drills.ts";
import { largeRows, largeSql, watchRestore } from "#test/dominant-dump.ts";
import { databaseWith, dumpMajor, makeDump } from "#test/dumps.ts";

import { createRowSplitter, findDominantTable, type RowTarget } from "./dominant-table.ts";

function targetOf(url: string): RowTarget {
  const { hostname, port, username, password, pathname } = new URL(url);
  const host = new URL(url).searchParams.get("host") ?? decodeURIComponent(hostname);
  return {
    host,
    port: Number(port),
    user: username,
    password: decodeURIComponent(password),
    database: pathname.slice(1),
  };
}

test("a table with most of the rows is loaded over several sessions, and every row is the manifest's", async (t) => {
  const dump = await makeDump(t, await databaseWith(t, largeSql), "custom");
  const { run, asked } = watchRestore();

  const result = await drill({ ...dump, run });

  assert.deepEqual([result.verdict, result.assurance, result.rows], ["verified", "content", largeRows + 8], result.why);
  assert.deepEqual(asked, ["--section=pre-data --section=data", "--section=data --file=-", "--section=post-data"]);
});

test("rows that the server refuses are its word against the dump, without a value of them", async (t) => {
  const { url } = await freshDatabase(t, { major: dumpMajor });
  await withClient(url, (client) => client.query("create table visit (id int check (id < 5))"));
  const splitter = createRowSplitter(targetOf(url), 2);
  splitter.script.end("COPY public.visit (id) FROM stdin;\n1\n9\n\\.\n");

  await assert.rejects(splitter.finish(), /violates check constraint "visit_id_check"/);

  assert.deepEqual(await withClient(url, async (client) => (await client.query("select id from visit")).rows), []);
});

test("whatever the chunks, each line arrives once, and a script without its end mark is cut short", async (t) => {
  const { url } = await freshDatabase(t, { major: dumpMajor });
  const target = targetOf(url);
  const line = fc.stringMatching(/^[a-zü.\\]{0,12}$/).map((text) => text.replaceAll("\\", "\\\\"));
  await fc.assert(
    fc.asyncProperty(fc.array(line, { maxLength: 60 }), fc.array(fc.nat(40), { maxLength: 60 }), fc.boolean(), check),
    { numRuns: 40 },
  );

  async function check(lines: string[], cuts: number[], isWhole: boolean): Promise<void> {
    await withClient(url, (client) => client.query("drop table if exists noted; create table noted (text text)"));
    const rows = lines.map((text) => `${text}\n`).join("");
    const script = Buffer.from(
      `--\n\nSET client_encoding = 'UTF8';\n\nCOPY public.noted (text) FROM stdin;\n${rows}${isWhole ? "\\.\n\n--\n" : ""}`,
    );
    const splitter = createRowSplitter(target, 3);
    let position = 0;
    for (const size of cuts) {
      splitter.script.write(script.subarray(position, position + size + 1));
      position += size + 1;
    }
    splitter.script.end(script.subarray(position));

    assert.equal(await splitter.finish(), isWhole ? "loaded" : "cut short");

    const found = await withClient(url, (client) => client.query<{ text: string }>("select text from noted"));
    const expected = isWhole ? lines.map((text) => text.replaceAll("\\\\", "\\")) : [];
    assert.deepEqual(found.rows.map(({ text }) => text).toSorted(), expected.toSorted());
  }
});

test("no table is the dominant one where several share the rows, where there are few, or where its entry is not certain", () => {
  const table = (name: string, rows: number) => ({ schema: "public", name, rows, hash: "" });
  const list =
    "1; 0 1 TABLE DATA public a owner\n2; 0 2 TABLE DATA public b owner\n3; 0 3 TABLE DATA public a owner two\n";
  const find = (tables: ReturnType<typeof table>[], lines = list) => findDominantTable(lines, tables, 2)?.entry;

  assert.equal(find([table("b", 300_000), table("a", 10)]), "2; 0 2 TABLE DATA public b owner");
  assert.equal(find([table("b", 300_000), table("a", 300_000)]), undefined);
  assert.equal(find([table("b", 3_000), table("a", 10)]), undefined);
  assert.equal(find([table("a", 300_000), table("b", 10)]), undefined);
  assert.equal(find([]), undefined);
});

async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
