import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { chmod, mkdir, readdir, readFile, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, type TestContext, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { gzipSync } from "node:zlib";

import { programRoot } from "#config/state-directory.ts";
import { AppError } from "#errors.ts";
import { type Run, runProgram } from "#system/run.ts";
import { databaseWith, dumpFolder, type DumpKind, makeDump, runDump, variedDatabase } from "#test/dumps.ts";

import { drillFile, type DrillRequest } from "./drill.ts";
import type { DrillResult } from "./schema.ts";

const home = mkdtempSync(join(tmpdir(), "drill-"));
after(() => rmSync(home, { recursive: true, force: true }));

const running = join(home, "throwaway", "running");
const kinds: DumpKind[] = ["custom", "custom-Z0", "plain", "plain.gz"];

async function drill(request: Partial<DrillRequest> & { file: string; run?: Run }): Promise<DrillResult> {
  const { run = runProgram, ...rest } = request;
  const work = { dataHome: home, signal: new AbortController().signal, progress: () => undefined };
  const result = await drillFile({ run, stateDir: home }, { ...work, ...rest });
  assert.deepEqual(await readdir(running).catch(() => []), []);
  return result;
}

async function drillText(t: TestContext, text: string | Buffer): Promise<DrillResult> {
  const file = join(await dumpFolder(t), "x");
  await writeFile(file, text);
  return drill({ file });
}

function plainDump(body: string, version = "15.18"): string {
  const versions = `-- Dumped from database version ${version}\n-- Dumped by pg_dump version 15.18\n`;
  const complete = "--\n-- PostgreSQL database dump complete\n--\n";
  return `--\n-- PostgreSQL database dump\n--\n\n${versions}\nSET client_encoding = 'UTF8';\n\n${body}\n${complete}\n`;
}

function entry(type: string, name: string, statement: string): string {
  return `--\n-- Name: ${name}; Type: ${type}; Schema: public; Owner: postgres\n--\n\n${statement}\n\n`;
}

for (const kind of kinds) {
  test(`a good ${kind} dump with its manifest is verified by content, and what was left out is said`, async (t) => {
    const { file, manifestPath, manifest } = await makeDump(t, await variedDatabase(), kind);

    const result = await drill({ file, manifestPath });

    assert.deepEqual(
      [result.verdict, result.assurance, result.why],
      ["verified", "content", "it restores, and its 1003 rows in 6 tables are those of the manifest"],
    );
    assert.deepEqual(result.stubs, ['role drill "reader', "role drill_owner"]);
    assert.match(result.notes[0] ?? "", /left out.*user mapping.*publication changes.*event trigger watch/);
    assert.equal(result.header?.format, kind.replace("-Z0", ""));
    assert.match(result.header?.dumpVersion ?? "", /^15\./);
    assert.equal(result.dataAt, manifest.takenAt);
    assert.ok(result.restoreMs !== null && result.verifyMs !== null);
  });
}

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
  assert.match(program ?? "", /made by pg_dump 95\.18.*install postgresql-client-95/);
  assert.match(server ?? "", /PostgreSQL 95\.18.*install postgresql-95/);
  assert.match(plain ?? "", /PostgreSQL 95\.18/);
  await writeFile(file, newerFormat);
  const known = await drill({ file, manifestPath, useFileChecksum: false });
  assert.equal(known.verdict, "damaged", "a manifest tells that the file was readable");
});

test("an extension that no server here has is unverifiable where tables need it, and a stub where none does", async (t) => {
  const extension = entry("EXTENSION", "pg_cron", "CREATE EXTENSION IF NOT EXISTS pg_cron WITH SCHEMA public;");
  const needing = entry("TABLE", "a", "CREATE TABLE public.a (at public.cron_time);");
  const plain = entry("TABLE", "a", "CREATE TABLE public.a (id int);");

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
  const table = entry("TABLE", "a", "CREATE TABLE public.a (id int);");
  const rows = entry("TABLE DATA", "a", "COPY public.a (id) FROM stdin;\n1\nsecret-value\n\\.\n");

  const result = await drillText(t, plainDump(table + rows));

  assert.equal(result.verdict, "damaged");
  assert.match(result.why, /does not restore: .*invalid input syntax for type integer/);
  assert.doesNotMatch(JSON.stringify(result), /secret-value/);
});

test("the public schema, another database's settings and tablespaces do not disturb", async (t) => {
  const folder = await dumpFolder(t);
  const file = join(folder, "x.sql");
  await runDump(await variedDatabase(), ["--create", "--clean", "--if-exists", `--file=${file}`]);
  const withPublic = entry(
    "SCHEMA",
    "public",
    "CREATE SCHEMA public;\n\n\nALTER SCHEMA public OWNER TO pg_database_owner;",
  );
  const tablespace = `SET default_tablespace = fast;\n\n${entry("TABLE", "a", "CREATE TABLE public.a (id int);")}`;

  assert.equal((await drillText(t, plainDump(withPublic + tablespace))).verdict, "verified");
  const created = await drill({ file });
  assert.equal(created.verdict, "verified", created.why);
});

test("a dump cannot run a program, neither through psql nor through the server", async (t) => {
  const folder = await dumpFolder(t);
  await chmod(folder, 0o777);
  const mark = join(folder, "ran");
  const table = entry("TABLE", "a", "CREATE TABLE public.a (id text);");
  const poisons = [
    `\\! touch ${mark}`,
    `\\o |touch ${mark}`,
    `\\copy a from program 'touch ${mark}'`,
    `\\unrestrict guessed\n\\! touch ${mark}`,
    `SELECT 1 \\g |touch ${mark}`,
    `SELECT 'touch ${mark}' AS x \\gset\n\\setenv PSQL_PAGER :x`,
    `COPY public.a FROM PROGRAM 'touch ${mark}';`,
    `COPY public.a TO '${mark}';`,
    `ALTER SYSTEM SET archive_command = 'touch ${mark}';`,
    `SET ROLE leveredge_drill_superuser;\nCOPY public.a FROM PROGRAM 'touch ${mark}';`,
    `CREATE FUNCTION public.f() RETURNS int LANGUAGE c AS 'libc.so.6', 'system';`,
    `DO $$ BEGIN EXECUTE 'COPY public.a FROM PROGRAM ''touch ${mark}'''; END $$;`,
  ];

  for (const poison of poisons) {
    const result = await drillText(t, plainDump(table + entry("FUNCTION", "f", poison)));

    assert.notEqual(result.verdict, "verified", poison);
    assert.equal(existsSync(mark), false, poison);
  }
  const after = `${plainDump(table)}\\unrestrict x\n\\! touch ${mark}\n`;
  assert.notEqual((await drillText(t, `\\! touch ${mark}\n${after}`)).verdict, "verified");
  assert.notEqual((await drillText(t, after)).verdict, "verified");
  assert.equal(existsSync(mark), false);
});

test("a function of a custom dump cannot run a program while it is restored", async (t) => {
  const folder = await dumpFolder(t);
  await chmod(folder, 0o777);
  const mark = join(folder, "ran");
  const url = await databaseWith(
    t,
    `create table log (line text);
     create function f(int) returns int immutable language plpgsql as $$
     begin
       if current_database() like 'leveredge_drill%' then copy public.log from program 'touch ${mark}'; end if;
       return 1;
     end $$;
     create table a (id int);
     insert into a values (1);
     create index on a (f(id))`,
  );
  const { file, manifestPath } = await makeDump(t, url, "custom");

  const result = await drill({ file });

  assert.equal(result.verdict, "unverifiable", JSON.stringify(result));
  assert.match(result.why, /permission denied to COPY to or from an external program/);
  assert.equal(existsSync(mark), false);
  assert.equal((await drill({ file, manifestPath })).assurance, "stubs", "its rows are proven all the same");
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
  const work = { dataHome: home, signal: new AbortController().signal, progress: () => undefined };

  const results = await Promise.all(
    dumps.map((dump) => drillFile({ run: runProgram, stateDir: home }, { ...dump, ...work })),
  );

  assert.deepEqual(
    results.map(({ assurance }) => assurance),
    ["content", "content", "content"],
  );
});

test("a template that was damaged on the disk is made anew", async (t) => {
  const { file, manifestPath } = await makeDump(t, await variedDatabase(), "custom");
  await drill({ file, manifestPath });
  const versions = join(home, "throwaway", "embedded-15");
  const template = (await readdir(versions)).find((name) => /^template-\w+$/.test(name)) ?? "";
  await truncate(join(versions, template, "global", "pg_control"), 100);

  assert.equal((await drill({ file, manifestPath })).verdict, "verified");
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

  assert.deepEqual(await readdir(running), []);
});

async function startSleepingDrill(t: TestContext): Promise<ChildProcess> {
  const file = join(await dumpFolder(t), "x");
  await writeFile(file, plainDump("SELECT pg_catalog.pg_sleep(60);"));
  const child = spawn(process.execPath, [join(programRoot, "test", "run-drill.ts"), file, home], {
    cwd: programRoot,
    stdio: ["ignore", "pipe", "inherit"],
  });
  t.after(() => child.kill("SIGKILL"));
  for await (const line of createInterface({ input: child.stdout })) {
    if (line.startsWith("restore ")) break;
  }
  return child;
}

/** Processes and directories of throw-away servers of this home; empty once the guard is through. */
async function leftovers(): Promise<string[]> {
  const { stdout } = await runProgram("ps", ["-eo", "args"], { timeoutMs: 10_000 });
  const processes = stdout.split("\n").filter((line) => line.includes(running) && !line.startsWith("ps "));
  const sockets = (await readdir("/tmp")).filter((name) => name.startsWith("leveredge-throwaway-"));
  const names = await readdir(running);
  return [...processes, ...names, ...sockets.filter((name) => names.some((own) => name.endsWith(own)))];
}

async function untilNothingIsLeft(): Promise<string[]> {
  const deadline = Date.now() + 20_000;
  for (;;) {
    const left = await leftovers();
    if (left.length === 0 || Date.now() > deadline) return left;
    await delay(50);
  }
}

test("killed in the middle of a restore it leaves no server and no directory", async (t) => {
  const child = await startSleepingDrill(t);
  assert.notDeepEqual(await leftovers(), []);

  child.kill("SIGKILL");

  assert.deepEqual(await untilNothingIsLeft(), []);
});

test("where the guard was killed too, the next drill removes what is left", async (t) => {
  const child = await startSleepingDrill(t);
  const { stdout } = await runProgram("ps", ["-eo", "pid,args"], { timeoutMs: 10_000 });
  const guards = stdout.split("\n").filter((line) => line.includes("leveredge-guard") && line.includes(running));
  for (const line of guards) process.kill(Number(line.trim().split(" ")[0]), "SIGKILL");
  child.kill("SIGKILL");
  await delay(100);
  assert.notDeepEqual(await leftovers(), []);

  await drillText(t, plainDump(""));

  assert.deepEqual(await untilNothingIsLeft(), []);
});

test("a full disk is unverifiable, before the restore and in it", { skip: process.getuid?.() !== 0 }, async (t) => {
  const folder = await dumpFolder(t);
  await chmod(folder, 0o755);
  const small = join(folder, "small");
  await mkdir(small);
  const mounted = await runProgram("mount", ["-t", "tmpfs", "-o", "size=230m", "tmpfs", small], {
    timeoutMs: 10_000,
    accept: [0, 1, 32],
  });
  if (mounted.exitCode !== 0) return t.skip("no file system can be mounted here");
  t.after(() => runProgram("umount", ["--lazy", small], { timeoutMs: 10_000 }));
  const large = entry(
    "TABLE",
    "a",
    "CREATE TABLE public.a AS SELECT repeat('x', 1000) FROM generate_series(1, 400000);",
  );
  const file = join(await dumpFolder(t), "x");
  await writeFile(file, plainDump(large));

  const inside = await drill({ file, dataHome: small });
  await writeFile(file, plainDump(`${large}${"-- filling\n".repeat(8_000_000)}`));
  const before = await drill({ file, dataHome: small });

  assert.deepEqual([inside.verdict, before.verdict], ["unverifiable", "unverifiable"]);
  assert.match(inside.why, /disk was full/);
  assert.match(before.why, /disk is too full/);
  assert.deepEqual(await readdir(join(small, "throwaway", "running")), []);
});
