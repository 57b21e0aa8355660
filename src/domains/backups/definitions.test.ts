import assert from "node:assert/strict";
import { createReadStream } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { promisify } from "node:util";
import { gzip } from "node:zlib";

import fc from "fast-check";
import pg from "pg";

import { runProgram } from "#system/run.ts";
import { freshDatabase } from "#test/database.ts";

import { compareDefinitions, type DefinitionSource, DefinitionReader, readDefinitions } from "./definitions.ts";

const schema = `
  create schema "Odd; Type: X";
  create table "Odd; Type: X"."a ""b""" (id int);
  create table empty (id int);
  create table rows (id int, note text);
  comment on table rows is 'a comment';
  insert into rows select i, e'line\\\\.\\nCOPY x FROM stdin;\\n' || i from generate_series(1, 30) i;
  create function double(n int) returns int language sql as 'select n * 2';
  create view seen as select id from rows where note is not null`;

type Format = DefinitionSource["format"];

async function dumpAll(t: TestContext): Promise<Record<Format, string>> {
  const { url } = await freshDatabase(t, { major: 15 });
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(schema);
  await client.end();
  const directory = await mkdtemp(join(tmpdir(), "definitions-"));
  t.after(() => rm(directory, { recursive: true }));
  const files = { custom: join(directory, "c"), plain: join(directory, "p"), "plain.gz": join(directory, "z") };
  const dump = (...args: string[]) => runProgram("pg_dump", ["--dbname", url, ...args], { timeoutMs: 60_000 });
  await dump("-Fc", "-Z0", "--file", files.custom);
  await dump("-Fp", "--file", files.plain);
  await writeFile(files["plain.gz"], await promisify(gzip)(await readFile(files.plain)));
  return files;
}

function source(file: string, format: Format): DefinitionSource {
  return { file, format, pgRestore: ["pg_restore"], timeoutMs: 60_000, signal: new AbortController().signal };
}

test("a changed definition is found in every format, and is called by its name", async (t) => {
  const files = await dumpAll(t);
  for (const format of ["custom", "plain"] as const) {
    const expected = await readDefinitions({ run: runProgram }, source(files[format], format));
    const bytes = await readFile(files[format]);
    for (const [from, to, name] of [
      ["select n * 2", "select n * 3", "FUNCTION public.double(integer)"],
      ["a comment", "b comment", "COMMENT public.TABLE rows"],
      [".note IS NOT NULL", ".note IS     NULL", "VIEW public.seen"],
    ] as const) {
      const at = bytes.indexOf(from);
      assert.ok(at > 0);
      await writeFile(
        files[format],
        Buffer.concat([bytes.subarray(0, at), Buffer.from(to), bytes.subarray(at + from.length)]),
      );

      const found = await readDefinitions({ run: runProgram }, source(files[format], format));

      assert.deepEqual(compareDefinitions(expected, found), [`${name}: the definition differs`]);
    }
  }
});

test("rows are no definitions, whatever they look like, and gzip changes nothing", async (t) => {
  const files = await dumpAll(t);
  const [plain, zipped] = [
    await readDefinitions({ run: runProgram }, source(files.plain, "plain")),
    await readDefinitions({ run: runProgram }, source(files["plain.gz"], "plain.gz")),
  ];
  const text = await readFile(files.plain, "utf8");
  await writeFile(files.plain, text.replace(/^7\t.*$/m, "7\tother"));

  const changed = await readDefinitions({ run: runProgram }, source(files.plain, "plain"));

  assert.deepEqual(zipped, plain);
  assert.deepEqual(changed, plain);
  assert.ok('TABLE Odd; Type: X.a "b"' in plain.entries);
  assert.deepEqual(compareDefinitions(plain, changed), []);
});

test("two programs that write a definition differently are no evidence", () => {
  const entries = { "TABLE public.t": "1", "VIEW public.v": "2" };

  assert.deepEqual(
    compareDefinitions({ tool: "15.18", entries }, { tool: "15.18", entries: { "TABLE public.t": "1" } }),
    ["VIEW public.v: the definition is missing"],
  );
  assert.equal(compareDefinitions({ tool: "15.18", entries }, { tool: "18.1", entries: {} }), undefined);
  assert.deepEqual(compareDefinitions({ tool: "15.18", entries }, { tool: "18.1", entries }), []);
});

test("what is read does not depend on where the file is cut into chunks", async (t) => {
  const { plain } = await dumpAll(t);
  const bytes = await readFile(plain);
  const whole = new DefinitionReader();
  whole.add(bytes);
  const expected = whole.finish();

  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 200 }), async (highWaterMark) => {
      const reader = new DefinitionReader();
      for await (const chunk of createReadStream(plain, { highWaterMark })) reader.add(chunk);

      assert.deepEqual(reader.finish(), expected);
    }),
    { numRuns: 20 },
  );
});

test("a program's own random word is not part of what it wrote", () => {
  const read = (word: string) => {
    const reader = new DefinitionReader();
    reader.add(Buffer.from(`--\n\\restrict ${word}\nSET x = 1;\n\\unrestrict ${word}\n`));
    return reader.finish();
  };

  assert.deepEqual(read("abc"), read("xyz"));
});
