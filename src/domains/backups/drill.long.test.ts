import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type TestContext, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { gunzipSync } from "node:zlib";

import { programRoot } from "#config/state-directory.ts";
import { runProgram } from "#system/run.ts";
import { drill, drillHome, drillText, dumpEntry, plainDump, runningDrills } from "#test/drills.ts";
import { databaseWith, dumpFolder, type DumpKind, makeDump, variedDatabase } from "#test/dumps.ts";

type Damage = "flip" | "truncation";

/** Of three formats: more than fifty of each damage. */
const damagesPerKind = 17;
const damagedKinds: DumpKind[] = ["custom", "plain", "plain.gz"];

/** The same numbers in every run: mulberry32. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function damage(bytes: Buffer, kind: Damage, random: () => number): { bytes: Buffer; at: number } {
  const at = Math.floor(random() * bytes.length);
  if (kind === "truncation") return { bytes: bytes.subarray(0, at), at };
  const flipped = Buffer.from(bytes);
  flipped.writeUInt8(flipped.readUInt8(at) ^ (1 << Math.floor(random() * 8)), at);
  return { bytes: flipped, at };
}

/** No type in it reads one value from two spellings, as dates, booleans and bytea do: every flip of a row is a change. */
const plainSpoken = `
  create type mood as enum ('calm', 'hectic');
  create table item (id int primary key, name text not null, price numeric(9, 2), state mood, details jsonb);
  insert into item
    select i, 'item ' || md5(i::text), i * 1.25, (array['calm', 'hectic'])[1 + i % 2]::mood,
           jsonb_build_object('sku', md5('sku' || i), 'rank', i)
      from generate_series(1, 600) i;
  create sequence number start 40;
  select nextval('number');
  create function price_of(int) returns numeric language sql stable as 'select price from item where id = $1';
  create view calm as select * from item where state = 'calm';
  create index on item (name);
  comment on table item is 'what is sold';
`;

/** Whether the damage hit a byte that means nothing: of a gzip header, or of a field that no program reads. */
async function saysTheSame(kind: DumpKind, bytes: Buffer, file: string): Promise<boolean> {
  if (kind === "plain") return false;
  try {
    if (kind === "plain.gz") return gunzipSync(await readFile(file)).equals(gunzipSync(bytes));
    const before = await readScript(bytes);
    return before !== "" && before === (await readScript(await readFile(file)));
  } catch {
    return false;
  }
}

async function readScript(input: Buffer): Promise<string> {
  const read = async (args: string[]): Promise<string> =>
    (await runProgram("pg_restore", args, { input, timeoutMs: 30_000 })).stdout;
  return `${await read(["--list"])}\n${await read(["--file=-"])}`.replaceAll(/^\\(un)?restrict .*$/gm, "");
}

for (const kind of damagedKinds) {
  for (const how of ["flip", "truncation"] as const) {
    test(`each ${how} of a ${kind} dump with a manifest is called damage, also without the file's checksum`, async (t) => {
      const { file, manifestPath } = await makeDump(t, await databaseWith(t, plainSpoken), kind);
      const bytes = await readFile(file);
      const random = seeded(20261122);
      const missed: string[] = [];
      for (let found = 0; found < damagesPerKind; found += 1) {
        const damaged = damage(bytes, how, random);
        await writeFile(file, damaged.bytes);
        const byChecksum = await drill({ file, manifestPath });
        assert.equal(byChecksum.verdict, "damaged", `at ${damaged.at}: ${byChecksum.why}`);
        const { verdict, why } = await drill({ file, manifestPath, useFileChecksum: false });
        if (verdict === "damaged") continue;
        if (await saysTheSame(kind, bytes, file)) found -= 1;
        else missed.push(`at ${damaged.at}: ${verdict}, ${why}`);
      }

      assert.deepEqual(missed, []);
    });
  }
}

test("each flip of a row that is not compressed is called damage", async (t) => {
  const { file, manifestPath } = await makeDump(t, await variedDatabase(), "custom-Z0");
  const bytes = await readFile(file);
  const start = bytes.indexOf("note 1\\t");
  const random = seeded(7);
  for (let round = 0; round < 8; round += 1) {
    const rows = damage(bytes.subarray(start, start + 10_000), "flip", random);
    await writeFile(file, Buffer.concat([bytes.subarray(0, start), rows.bytes, bytes.subarray(start + 10_000)]));

    const result = await drill({ file, manifestPath, useFileChecksum: false });

    assert.equal(result.verdict, "damaged", `${start + rows.at}: ${result.why}`);
  }
});

test("a dump cannot run a program, neither through psql nor through the server", async (t) => {
  const folder = await dumpFolder(t);
  await chmod(folder, 0o777);
  const mark = join(folder, "ran");
  const table = dumpEntry("TABLE", "a", "CREATE TABLE public.a (id text);");
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
    const result = await drillText(t, plainDump(table + dumpEntry("FUNCTION", "f", poison)));

    assert.notEqual(result.verdict, "verified", poison);
    assert.equal(existsSync(mark), false, poison);
  }
  const trailing = `${plainDump(table)}\\unrestrict x\n\\! touch ${mark}\n`;
  assert.notEqual((await drillText(t, `\\! touch ${mark}\n${trailing}`)).verdict, "verified");
  assert.notEqual((await drillText(t, trailing)).verdict, "verified");
  assert.equal(existsSync(mark), false);
});

test("a template that was damaged on the disk is made anew", async (t) => {
  const { file, manifestPath } = await makeDump(t, await variedDatabase(), "custom");
  await drill({ file, manifestPath });
  const versions = join(drillHome, "throwaway", "embedded-15");
  const template = (await readdir(versions)).find((name) => /^template-\w+$/.test(name)) ?? "";
  await truncate(join(versions, template, "global", "pg_control"), 100);

  assert.equal((await drill({ file, manifestPath })).verdict, "verified");
});

async function startSleepingDrill(t: TestContext): Promise<ChildProcess> {
  const file = join(await dumpFolder(t), "x");
  await writeFile(file, plainDump("SELECT pg_catalog.pg_sleep(60);"));
  const child = spawn(process.execPath, [join(programRoot, "test", "run-drill.ts"), file, drillHome], {
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
  const processes = stdout.split("\n").filter((line) => line.includes(runningDrills) && !line.startsWith("ps "));
  const sockets = (await readdir("/tmp")).filter((name) => name.startsWith("leveredge-throwaway-"));
  const names = await readdir(runningDrills);
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
  const guards = stdout.split("\n").filter((line) => line.includes("leveredge-guard") && line.includes(runningDrills));
  for (const line of guards) process.kill(Number(line.trim().split(" ")[0]), "SIGKILL");
  child.kill("SIGKILL");
  await delay(100);
  assert.notDeepEqual(await leftovers(), []);

  await drillText(t, plainDump(""));

  assert.deepEqual(await untilNothingIsLeft(), []);
});

test("a full disk is unverifiable, before the restore and in it", { skip: process.getuid?.() !== 0 }, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "drill-disk-"));
  await chmod(folder, 0o755);
  const small = join(folder, "small");
  await mkdir(small);
  const mounted = await runProgram("mount", ["-t", "tmpfs", "-o", "size=300m", "tmpfs", small], {
    timeoutMs: 10_000,
    accept: [0, 1, 32],
  });
  t.after(async () => {
    if (mounted.exitCode === 0) await runProgram("umount", ["--lazy", small], { timeoutMs: 10_000 });
    await rm(folder, { recursive: true });
  });
  if (mounted.exitCode !== 0) return t.skip("no file system can be mounted here");
  const large = dumpEntry(
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
