import assert from "node:assert/strict";
import { chmod, mkdtemp, open, readdir, rm, stat, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";

import pg from "pg";

import type { DatabaseTarget } from "#postgres/connection.ts";
import { Secret } from "#secrets/secret.ts";
import { type Run, runProgram } from "#system/run.ts";
import { freshDatabase } from "#test/database.ts";
import { ordinaryRole } from "#test/database-role.ts";

import { createBackup, type CreateWork, nameBackup } from "./create.ts";
import { describeFile, readManifest } from "./manifest.ts";

const major = 15;
const at = new Date("2026-11-22T03:00:00.000Z");
const app = { run: runProgram, now: () => at, programVersion: "1.0.0" };
const work: CreateWork = { signal: new AbortController().signal, progress: () => undefined };
const schema = `
  create table orders (id int primary key, note text);
  insert into orders select i, 'note ' || i from generate_series(1, 50) i`;

async function source(t: TestContext, sql = schema): Promise<{ target: DatabaseTarget; client: pg.Client }> {
  const { url } = await freshDatabase(t, { major });
  const client = new pg.Client({ connectionString: url });
  client.on("error", () => undefined);
  await client.connect();
  t.after(() => client.end());
  await client.query(sql);
  return { target: { label: "prod", url: new Secret(url) }, client };
}

async function folder(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "create-backup-"));
  t.after(() => rm(directory, { recursive: true }));
  return directory;
}

test("a backup and its manifest lie side by side, private, and the manifest tells of the file", async (t) => {
  const { target } = await source(t);
  const directory = await folder(t);
  const file = join(directory, "chronos-20261122T030000Z.dump");

  const created = await createBackup(app, { target, file }, work);

  assert.deepEqual((await readdir(directory)).toSorted(), [
    "chronos-20261122T030000Z.dump",
    "chronos-20261122T030000Z.dump.manifest.json",
  ]);
  for (const path of [file, created.manifestPath]) assert.equal((await stat(path)).mode & 0o777, 0o600);
  const manifest = await readManifest(created.manifestPath);
  assert.deepEqual(manifest, created.manifest);
  assert.deepEqual(manifest.file, await describeFile(file, work.signal));
  assert.equal(manifest.takenAt, at.toISOString());
  assert.deepEqual(
    manifest.tables.map(({ schema: of, name, rows }) => [of, name, rows]),
    [["public", "orders", 50]],
  );
});

test("rows that are written while the dump runs are neither in it nor in the manifest", async (t) => {
  const { target, client } = await source(t);
  const file = join(await folder(t), "x.dump");
  const run: Run = async (program, args, options) => {
    if (program === "pg_dump") await client.query("insert into orders values (51, 'later')");
    return runProgram(program, args, options);
  };

  const { manifest } = await createBackup({ ...app, run }, { target, file }, work);

  const { stdout } = await runProgram("pg_restore", ["--data-only", "--file=-", file], { timeoutMs: 30_000 });
  assert.match(stdout, /^50\tnote 50$/m);
  assert.doesNotMatch(stdout, /later/);
  assert.equal(manifest.tables[0]?.rows, 50);
});

test("the password stands in no argument, and the programs only read", async (t) => {
  const role = await ordinaryRole(t, { major });
  await role.run((name, database) => `grant create on database ${database} to ${name}`);
  const calls: { args: readonly string[]; options: string | undefined }[] = [];
  const run: Run = (program, args, options) => {
    calls.push({ args: [program, ...args], options: options.env?.["PGOPTIONS"] });
    return runProgram(program, args, options);
  };

  await createBackup(
    { ...app, run },
    { target: { label: "prod", url: role.url }, file: join(await folder(t), "x.dump") },
    work,
  );

  const { password } = new URL(role.url.reveal());
  assert.ok(calls.length > 0);
  for (const { args } of calls) assert.ok(!args.join(" ").includes(password));
  assert.match(calls.find(({ args }) => args[0] === "pg_dump")?.options ?? "", /default_transaction_read_only=on/);
});

test("a dump through a container's exec command is the same backup", async (t) => {
  const { target } = await source(t);
  const directory = await folder(t);
  const docker = join(directory, "docker");
  // Stands for `docker exec -e NAME… -i CONTAINER PROGRAM …`, whose server is the container's own.
  const host = decodeURIComponent(new URL(target.url.reveal()).hostname);
  await writeFile(
    docker,
    `#!/bin/sh\nwhile [ "$1" != db ]; do shift; done; shift\nexport PGHOST='${host}'\nexec "$@"\n`,
  );
  await chmod(docker, 0o755);

  const { manifest } = await createBackup(
    app,
    { target: { ...target, via: [docker, "exec", "-i", "db"] }, file: join(directory, "x.dump") },
    work,
  );

  assert.equal(manifest.tables[0]?.rows, 50);
  assert.equal((await stat(join(directory, "x.dump"))).size, manifest.file.sizeBytes);
});

test("a dump that fails or is stopped leaves nothing behind", async (t) => {
  const { target, client } = await source(t);
  const directory = await folder(t);
  const file = join(directory, "x.dump");
  const stopped = new AbortController();
  const stopping: Run = (program, args, options) => {
    if (program === "pg_dump") stopped.abort();
    return runProgram(program, args, options);
  };
  const role = await ordinaryRole(t, { major });
  await role.run(() => "create table hidden (id int)");

  await assert.rejects(createBackup({ ...app, run: stopping }, { target, file }, { ...work, signal: stopped.signal }));
  await assert.rejects(
    createBackup(app, { target: { label: "prod", url: role.url }, file }, work),
    /permission denied/,
  );

  assert.deepEqual(await readdir(directory), []);
  const { rows } = await client.query(
    "select count(*)::int as others from pg_stat_activity where datname = current_database()",
  );
  assert.deepEqual(rows, [{ others: 1 }]);
});

test("a full disk is found, also when only the last bytes have no room", async (t) => {
  const small = await source(t);
  const large = await source(t, "create table noise as select md5(i::text) from generate_series(1, 20000) i");
  const directory = await folder(t);
  const full = await open("/dev/full", "w");
  t.after(() => full.close());
  const run: Run = (program, args, options) =>
    runProgram(program, args, program === "pg_dump" ? { ...options, outputTo: full.fd } : options);
  const create = ({ target }: typeof small) =>
    createBackup({ ...app, run }, { target, file: join(directory, "x.dump") }, work);

  await assert.rejects(create(large), { code: "unavailable", message: "cannot back up prod: the disk is full" });
  // pg_dump itself ends with 0 here.
  await assert.rejects(create(small), {
    message: "the dump of prod cannot be read to its end",
    hint: /disk .* is full/,
  });

  assert.deepEqual(await readdir(directory), []);
});

test("a dump through a container that lost its end is no backup", async (t) => {
  const { target } = await source(t);
  const directory = await folder(t);
  const docker = join(directory, "docker");
  const host = decodeURIComponent(new URL(target.url.reveal()).hostname);
  await writeFile(
    docker,
    `#!/bin/sh
while [ "$1" != db ]; do shift; done; shift
export PGHOST='${host}'
if [ "$1" = pg_dump ]; then "$@" | head -c -700; else exec "$@"; fi
`,
  );
  await chmod(docker, 0o755);

  await assert.rejects(
    createBackup(
      app,
      { target: { ...target, via: [docker, "exec", "-i", "db"] }, file: join(directory, "x.dump") },
      work,
    ),
    { message: "the dump of prod cannot be read to its end" },
  );

  assert.deepEqual(await readdir(directory), ["docker"]);
});

test("neither an existing backup nor another writer's part is touched", async (t) => {
  const { target } = await source(t);
  const directory = await folder(t);
  await writeFile(join(directory, "a.dump"), "theirs");
  await writeFile(join(directory, "b.dump.part"), "being written");

  for (const name of ["a.dump", "b.dump"]) {
    await assert.rejects(createBackup(app, { target, file: join(directory, name) }, work), { code: "conflict" });
  }

  assert.deepEqual((await readdir(directory)).toSorted(), ["a.dump", "b.dump.part"]);
  await assert.rejects(createBackup(app, { target, file: join(directory, "none", "x.dump") }, work), {
    code: "not_found",
    hint: /^mkdir -p /,
  });
});

test("what a killed writer left a day ago is removed, and what is newer stays", async (t) => {
  const { target } = await source(t);
  const directory = await folder(t);
  const names = [
    "c-20261120T030000Z.dump.part",
    "c-20261121T030000Z.dump.manifest.json",
    "c-20261122T020000Z.dump.part",
  ];
  for (const [index, name] of names.entries()) {
    const path = join(directory, name);
    await writeFile(path, "");
    const modified = new Date(at.getTime() - (index === 2 ? 3_600_000 : 48 * 3_600_000));
    await utimes(path, modified, modified);
  }

  await createBackup(app, { target, file: join(directory, "x.dump") }, work);

  assert.deepEqual((await readdir(directory)).toSorted(), [
    "c-20261122T020000Z.dump.part",
    "x.dump",
    "x.dump.manifest.json",
  ]);
});

test("a backup is named by its set and moment, if the set's pattern finds the name", () => {
  assert.equal(nameBackup({ name: "chronos", pattern: "*.dump" }, at), "chronos-20261122T030000Z.dump");
  assert.equal(nameBackup({ name: "chronos", pattern: "chronos-*" }, at), "chronos-20261122T030000Z.dump");
  assert.throws(() => nameBackup({ name: "chronos", pattern: "*.sql.gz" }, at), {
    code: "conflict",
    message: /\*\.sql\.gz/,
  });
});
