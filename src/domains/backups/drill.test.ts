import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { chmod, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";

import { AppError } from "#errors.ts";
import { type Run, runProgram } from "#system/run.ts";
import { drill, drillHome, drillText, dumpEntry, plainDump, runningDrills } from "#test/drills.ts";
import { databaseWith, dumpFolder, type DumpKind, makeDump, runDump, variedDatabase } from "#test/dumps.ts";

import { drillFile } from "./drill.ts";
import { describeFile, writeManifest } from "./manifest.ts";

const { signal } = new AbortController();
const kinds: DumpKind[] = ["custom", "custom-Z0", "plain", "plain.gz"];

for (const kind of kinds) {
  test(`a good ${kind} dump with its manifest is verified by content, and what was left out is said`, async (t) => {
    const { file, manifestPath, manifest } = await makeDump(t, await variedDatabase(), kind);

    const result = await drill({ file, manifestPath });

    const named = result.leftOut.join(", ");
    assert.deepEqual(
      [result.verdict, result.assurance, result.why],
      ["verified", "content", `it restores but for ${named}, and its 1003 rows in 6 tables are those of the manifest`],
    );
    assert.deepEqual(result.stubs, ['role drill "reader', "role drill_owner"]);
    assert.match(named, /user mapping.*publication changes.*event trigger watch/);
    assert.equal(result.header?.format, kind.replace("-Z0", ""));
    assert.match(result.header?.dumpVersion ?? "", /^15\./);
    assert.equal(result.dataAt, manifest.takenAt);
    assert.ok(result.restoreMs !== null && result.verifyMs !== null);
  });
}

test("a comment on what is left out is left out with it", async (t) => {
  const url = await databaseWith(
    t,
    `create table a (id int); create publication changes for table a; comment on publication changes is 'all of it';
     create function watch() returns event_trigger language plpgsql as 'begin end';
     create event trigger watch on ddl_command_start execute function watch(); comment on event trigger watch is 'it'`,
  );
  for (const kind of ["custom", "plain"] as const) {
    const { file, manifestPath } = await makeDump(t, url, kind);

    const result = await drill({ file, manifestPath });

    assert.deepEqual([result.verdict, result.assurance], ["verified", "content"], result.why);
    assert.deepEqual(result.leftOut, ["publication changes", "publication table changes a", "event trigger watch"]);
  }
});

test("a manifest that is damaged is named as what is at fault, and the dump is not accused", async (t) => {
  const { file, manifestPath } = await makeDump(t, await databaseWith(t, "create table a (id int)"), "custom");

  for (const text of ["{bad", "[]"]) {
    await writeFile(manifestPath, text);
    const result = await drill({ file, manifestPath });

    assert.equal(result.verdict, "unverifiable", text);
    assert.ok(result.why.startsWith(`the manifest ${manifestPath} is damaged`), result.why);
    assert.match(result.why, /; the dump was not restored$/);
    assert.ok(result.manifestFault !== null && result.why.startsWith(result.manifestFault));
  }
});

test("without a manifest a restored dump says what could slip through", async (t) => {
  const url = await databaseWith(t, "create table a (id int); insert into a select generate_series(1, 7)");
  const packed = await makeDump(t, url, "custom");
  const unpacked = await makeDump(t, url, "custom-Z0");

  const first = await drill({ file: packed.file });
  const second = await drill({ file: unpacked.file });

  assert.deepEqual(
    [first.verdict, first.assurance, first.stubs, first.tables, first.rows],
    ["verified", "restored", [], 1, 7],
  );
  assert.deepEqual(first.notes, [
    "without a manifest rows that are missing or were changed before the dump are not noticed",
  ]);
  assert.equal(first.dataAt, first.header?.createdAt);
  assert.match(second.notes[1] ?? "", /flipped byte in a row slips through/);
});

test("roles that only the dump names are made up, and without a manifest the assurance says so", async (t) => {
  const { file } = await makeDump(t, await variedDatabase(), "plain");

  const result = await drill({ file });

  assert.deepEqual([result.verdict, result.assurance], ["verified", "stubs"]);
  assert.deepEqual(result.stubs, ['role drill "reader', "role drill_owner"]);
});

test("an empty file, one shorter than a header, and a dump that was cut off are damaged", async (t) => {
  const { file } = await makeDump(t, await variedDatabase(), "custom");
  const custom = await readFile(file);
  const text = plainDump("");
  const parts: [string | Buffer, RegExp][] = [
    ["", /empty/],
    ["PGD", /ends after 3 bytes/],
    [custom.subarray(0, 20), /header cannot be read/],
    [custom.subarray(0, custom.length - 2000), /cannot be read/],
    [text.slice(0, 20), /ends after 20 bytes/],
    [text.slice(0, -60), /last line is missing/],
    [gzipSync(text).subarray(0, 100), /gzip stream is damaged/],
    [gzipSync(text).subarray(0, 12), /within the header/],
  ];

  for (const [part, why] of parts) {
    const result = await drillText(t, part);

    assert.equal(result.verdict, "damaged", result.why);
    assert.match(result.why, why);
  }
});

test("a foreign file is unverifiable and named, and a tar is not given to pg_restore", async (t) => {
  const folder = await dumpFolder(t);
  await runDump(await variedDatabase(), ["--format=tar", `--file=${join(folder, "tar")}`]);
  const tar = await readFile(join(folder, "tar"));
  const { file } = await makeDump(t, await variedDatabase(), "custom");
  const files: [string | Buffer, RegExp][] = [
    [tar, /tar archive/],
    [tar.subarray(0, tar.length / 2), /tar archive/],
    [gzipSync(await readFile(file)), /custom dump inside gzip/],
    [gzipSync("x".repeat(500)), /does not begin like a dump/],
    [`SQLite format 3\0${"x".repeat(100)}`, /SQLite/],
    [Buffer.concat([Buffer.from([0x28, 0xb5, 0x2f, 0xfd]), Buffer.alloc(100)]), /zstd/],
    ["age-encryption.org/v1\n-> X25519 abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz", /age/],
    [`--\n-- PostgreSQL database cluster dump\n--\n${" ".repeat(100)}`, /pg_dumpall/],
    ["create table x (id int); ".repeat(10), /does not begin like a dump/],
  ];

  for (const [bytes, why] of files) {
    const result = await drillText(t, bytes);

    assert.equal(result.verdict, "unverifiable", result.why);
    assert.match(result.why, why);
  }
});

test("a dump that is newer than every program or server here is unverifiable and names the version", async (t) => {
  const { file, manifestPath } = await makeDump(t, await variedDatabase(), "custom");
  const bytes = await readFile(file);
  const newerFormat = Buffer.from(bytes);
  newerFormat.writeUInt8(99, 6);
  const newerProgram = Buffer.from(bytes.toString("latin1").replace("15.18 (", "95.18 ("), "latin1");
  const newerServer = Buffer.from(bytes.toString("latin1").replace("15.18", "95.18"), "latin1");

  const results = [
    await drillText(t, newerFormat),
    await drillText(t, newerProgram),
    await drillText(t, newerServer),
    await drillText(t, plainDump("", "95.18")),
  ];

  assert.deepEqual(
    results.map(({ verdict }) => verdict),
    Array.from(results, () => "unverifiable"),
  );
  const [format, program, server, plain] = results.map(({ why }) => why);
  assert.match(format ?? "", /archive format 1\.99 is newer/);
  assert.match(program ?? "", /made by pg_dump 95.*install postgresql-client-95/);
  assert.match(server ?? "", /PostgreSQL 95\.18.*install postgresql-95/);
  assert.match(plain ?? "", /PostgreSQL 95\.18/);
  await writeFile(file, newerFormat);
  const known = await drill({ file, manifestPath, useFileChecksum: false });
  assert.equal(known.verdict, "damaged", "a manifest tells that the file was readable");
});

test("a healthy dump of a newer program with its manifest is unverifiable, never damaged", async (t) => {
  const { file, manifestPath, manifest } = await makeDump(t, await variedDatabase(), "custom");
  const bytes = await readFile(file);
  await writeFile(file, Buffer.from(bytes.toString("latin1").replace("15.18 (", "95.18 ("), "latin1"));
  const definitions = { ...manifest.definitions, tool: "95.18" };
  await writeManifest(manifestPath, { ...manifest, definitions, file: await describeFile(file, signal) });

  const result = await drill({ file, manifestPath });
  const newerFormat = await readFile(file);
  newerFormat.writeUInt8(99, 6);
  await writeFile(file, newerFormat);
  const unknown = await drill({ file, manifestPath, useFileChecksum: false });

  assert.deepEqual([result.verdict, unknown.verdict], ["unverifiable", "unverifiable"], result.why);
  assert.match(result.why, /made by pg_dump 95.*name a container with via/);
});

test("an extension that no server here has is unverifiable where tables need it, and a stub where none does", async (t) => {
  const extension = dumpEntry("EXTENSION", "pg_cron", "CREATE EXTENSION IF NOT EXISTS pg_cron WITH SCHEMA public;");
  const needing = dumpEntry("TABLE", "a", "CREATE TABLE public.a (at public.cron_time);");
  const plain = dumpEntry("TABLE", "a", "CREATE TABLE public.a (id int);");

  const needed = await drillText(t, plainDump(extension + needing));
  const unneeded = await drillText(t, plainDump(extension + plain));

  assert.deepEqual([needed.verdict, needed.assurance], ["unverifiable", null]);
  assert.match(needed.why, /needs the extension pg_cron/);
  assert.deepEqual(
    [unneeded.verdict, unneeded.assurance, unneeded.stubs],
    ["verified", "stubs", ["extension pg_cron"]],
  );
});

test("a statement that the server refuses is damage, and no value of a row is told", async (t) => {
  const table = dumpEntry("TABLE", "a", "CREATE TABLE public.a (id int);");
  const rows = dumpEntry("TABLE DATA", "a", "COPY public.a (id) FROM stdin;\n1\nsecret-value\n\\.\n");

  const result = await drillText(t, plainDump(table + rows));

  assert.equal(result.verdict, "damaged");
  assert.match(result.why, /does not restore: .*invalid input syntax for type integer/);
  assert.doesNotMatch(JSON.stringify(result), /secret-value/);
});

test("the public schema, another database's settings and tablespaces do not disturb", async (t) => {
  const folder = await dumpFolder(t);
  const file = join(folder, "x.sql");
  await runDump(await variedDatabase(), ["--create", "--clean", "--if-exists", `--file=${file}`]);
  const withPublic = dumpEntry(
    "SCHEMA",
    "public",
    "CREATE SCHEMA public;\n\n\nALTER SCHEMA public OWNER TO pg_database_owner;",
  );
  const tablespace = `SET default_tablespace = fast;\n\n${dumpEntry("TABLE", "a", "CREATE TABLE public.a (id int);")}`;

  assert.equal((await drillText(t, plainDump(withPublic + tablespace))).verdict, "verified");
  const created = await drill({ file });
  assert.equal(created.verdict, "verified", created.why);
});

test("a function of a custom dump cannot run a program while it is restored", async (t) => {
  const folder = await dumpFolder(t);
  await chmod(folder, 0o777);
  const mark = join(folder, "ran");
  const url = await databaseWith(
    t,
    `create table log (line text);
     create function f(int) returns bool language plpgsql as $$
     begin
       if current_database() like 'leveredge_drill%' then copy public.log from program 'touch ${mark}'; end if;
       return true;
     end $$;
     create table a (id int check (f(id)));
     insert into a values (1)`,
  );
  const { file } = await makeDump(t, url, "custom");

  const result = await drill({ file });

  assert.equal(result.verdict, "unverifiable");
  assert.match(result.why, /pg_execute_server_program/);
  assert.equal(existsSync(mark), false);
});

test("a file that is not the manifest's is damaged before anything is restored", async (t) => {
  const { file, manifestPath } = await makeDump(t, await variedDatabase(), "custom-Z0");
  const bytes = await readFile(file);
  const at = bytes.indexOf("note 123") + 5;
  bytes.write("9", at);
  await writeFile(file, bytes);

  const byChecksum = await drill({ file, manifestPath });
  const byContent = await drill({ file, manifestPath, useFileChecksum: false });

  assert.deepEqual([byChecksum.verdict, byChecksum.restoreMs], ["damaged", null]);
  assert.match(byChecksum.why, /SHA-256/);
  assert.equal(byContent.verdict, "damaged");
  assert.match(byContent.why, /shop\.customer: the content of its 300 rows differs/);
});

test("doubt about this host is not damage: a timeout, a manifest that cannot be read", async (t) => {
  const { file, manifestPath } = await makeDump(t, await variedDatabase(), "custom");
  const slow: Run = (program, args, options) =>
    args.some((arg) => arg.startsWith("--use-list"))
      ? runProgram("sleep", ["60"], { ...options, timeoutMs: 50 })
      : runProgram(program, args, options);
  await writeFile(`${manifestPath}.other`, "{}");

  const late = await drill({ file, manifestPath, run: slow });
  const unread = await drill({ file, manifestPath: `${manifestPath}.other` });

  assert.deepEqual([late.verdict, unread.verdict], ["unverifiable", "unverifiable"]);
  assert.match(late.why, /did not end within 50 ms/);
  assert.match(unread.why, /manifest .* is damaged or of another version/);
});

test("a container's pg_restore is used where this host has none that is new enough", async (t) => {
  const { file, manifestPath } = await makeDump(t, await variedDatabase(), "custom");
  const folder = await dumpFolder(t);
  const container = join(folder, "docker");
  await writeFile(container, '#!/bin/sh\n[ "$1 $2 $3" = "exec -i db" ] || exit 9\nshift 3\nexec "$@"\n', {
    mode: 0o755,
  });
  const withoutLocal: Run = (program, args, options) =>
    program.endsWith("pg_restore")
      ? Promise.reject(new AppError("not_found", `cannot run ${program}`))
      : runProgram(program, args, options);

  const result = await drill({ file, manifestPath, via: [container, "exec", "-i", "db"], run: withoutLocal });

  assert.deepEqual([result.verdict, result.assurance], ["verified", "content"], result.why);
  const without = await drill({ file, run: withoutLocal });
  assert.deepEqual([without.verdict], ["unverifiable"]);
  assert.match(without.why, /this host has no pg_restore.*via/);
});

test("two drills at once do not meet", async (t) => {
  const dumps = await Promise.all(kinds.slice(1).map(async (kind) => makeDump(t, await variedDatabase(), kind)));
  const work = { dataHome: drillHome, signal, progress: () => undefined };

  const results = await Promise.all(
    dumps.map((dump) => drillFile({ run: runProgram, stateDir: drillHome }, { ...dump, ...work })),
  );

  assert.deepEqual(
    results.map(({ assurance }) => assurance),
    ["content", "content", "content"],
  );
});

test("stopped in the middle it throws, and nothing is left", async (t) => {
  const stopping = new AbortController();
  const text = plainDump("SELECT pg_catalog.pg_sleep(60);");
  const file = join(await dumpFolder(t), "x");
  await writeFile(file, text);
  const progress = (step: string): void => {
    if (step.startsWith("restore")) setTimeout(() => stopping.abort(), 100);
  };

  await assert.rejects(drill({ file, signal: stopping.signal, progress }));

  assert.deepEqual(await readdir(runningDrills), []);
});
