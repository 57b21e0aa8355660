import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";

import { AppError } from "#errors.ts";

import { type MigrationFile, parseMigrationFile, readMigrationFiles, readStatements } from "./migration-files.ts";

async function directoryOf(t: TestContext, files: Record<string, string | Buffer>): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "migration-files-"));
  t.after(() => rm(directory, { recursive: true }));
  for (const [name, content] of Object.entries(files)) await writeFile(join(directory, name), content);
  return directory;
}

function file(sql: string): MigrationFile {
  const parsed = parseMigrationFile("0001_a.sql", Buffer.from(sql));
  if (typeof parsed === "string") throw new Error(parsed);
  return parsed;
}

test("files come by number with the checksum of their bytes; gaps and other files do not matter", async (t) => {
  const directory = await directoryOf(t, {
    "0010_b.sql": "-- no-transaction\nvacuum",
    "0002_a_word.sql": "select 1",
    "schema.sql": "not read",
    "README.md": "not read",
  });

  const files = await readMigrationFiles(directory);

  assert.deepEqual(
    files.map(({ name, number, inTransaction }) => ({ name, number, inTransaction })),
    [
      { name: "0002_a_word.sql", number: 2, inTransaction: true },
      { name: "0010_b.sql", number: 10, inTransaction: false },
    ],
  );
  assert.equal(files[0]?.checksum, createHash("sha256").update("select 1").digest("hex"));
});

test("every fault of a directory is reported at once", async (t) => {
  const directory = await directoryOf(t, {
    "0001_a.sql": "select 1",
    "0001_b.sql": "select 2",
    "2_short.sql": "select 1",
    "0003_Upper.sql": "select 1",
    "0004_nul.sql": "select 1\0",
    "0005_bom.sql": "\ufeffselect 1",
    "0006_latin.sql": Buffer.from([0x73, 0xe9]),
  });
  await symlink("/nowhere", join(directory, "0007_link.sql"));
  await mkdir(join(directory, "0008_folder.sql"));

  await assert.rejects(readMigrationFiles(directory), (error: unknown) => {
    assert.ok(error instanceof AppError);
    assert.equal(error.code, "invalid_input");
    for (const fault of [
      /0001_b\.sql: has the same number as 0001_a\.sql/,
      /2_short\.sql: expected a name like/,
      /0003_Upper\.sql: expected a name like/,
      /0004_nul\.sql: holds a NUL byte/,
      /0005_bom\.sql: starts with a byte order mark/,
      /0006_latin\.sql: is not valid UTF-8/,
      /0007_link\.sql: cannot be read/,
      /0008_folder\.sql: cannot be read/,
    ]) {
      assert.match(error.message, fault);
    }
    return true;
  });
});

test("a missing directory is named with the command that makes it", async () => {
  await assert.rejects(readMigrationFiles("/nowhere/migrations"), {
    code: "not_found",
    hint: "Create it with: mkdir -p /nowhere/migrations",
  });
});

test("a file that ends the runner's transaction, talks to psql or holds nothing is refused by line", () => {
  const refused: [string, RegExp][] = [
    ["select 1;\nbegin;\nselect 2;\ncommit;", /line 2: `begin`[\s\S]*line 4: `commit`/],
    ["START TRANSACTION;", /line 1: `start`/],
    ["end", /line 1: `end`/],
    ["rollback;", /line 1: `rollback`/],
    ["abort;", /`abort`/],
    ["prepare transaction 'x';", /`prepare`/],
    ["discard all;", /`discard`/],
    ["\n\\i other.sql\n", /line 2: \\i is a command of psql/],
    ["copy t (a, b) from stdin;\n1\t2\n\\.\n", /`copy … from stdin`/],
    ["-- only a comment\n", /it holds no statement/],
  ];
  for (const [sql, fault] of refused) assert.throws(() => readStatements(file(sql)), { message: fault });
});

test("what only looks like transaction control is accepted", () => {
  const sql =
    "savepoint a; rollback to a; release a; prepare p as select 1; create function f() returns int begin atomic select 1; end; do $$ begin end $$";

  assert.equal(readStatements(file(sql)).length, 6);
});

test("only an exact first line takes a file out of its transaction", () => {
  assert.equal(file("-- no-transaction\r\nvacuum").inTransaction, false);
  assert.equal(file("-- no-transaction").inTransaction, false);
  assert.equal(file("\n-- no-transaction\nvacuum").inTransaction, true);
  assert.equal(file("-- no-transactions\nvacuum").inTransaction, true);
});
