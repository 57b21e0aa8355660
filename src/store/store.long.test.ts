import assert from "node:assert/strict";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { sql } from "kysely";

import { AppError } from "#errors.ts";
import { Secret } from "#secrets/secret.ts";
import { runProgram } from "#system/run.ts";
import { ownerQuery } from "#test/database-role.ts";
import { freshDatabase } from "#test/database.ts";
import { startPooler } from "#test/pooler.ts";
import { makeHousehold, running } from "#test/server-user.ts";

import { serverStatus, startServer, withDatabase } from "./server.ts";
import { migrateStore, openStore } from "./store.ts";

const nowhere = "/nonexistent/leveredge";

test("an embedded store that was closed is stopped, and opened again it is the same", async (t) => {
  const { address } = await makeHousehold(t, "this user");
  const first = await openStore(address);
  const { rows } = await sql`select id from instance`.execute(first.db);
  await first.close();
  const between = await serverStatus(address);

  const second = await openStore(address);

  assert.deepEqual(between, { state: "stopped" });
  assert.deepEqual(second.applied, []);
  assert.deepEqual((await sql`select id from instance`.execute(second.db)).rows, rows);
  assert.deepEqual(second.durability, { fsync: true, fullPageWrites: true, synchronousCommit: true });
  await second.close();
});

for (const major of [15, 18] as const) {
  test(`a role with CREATEROLE makes the store on an untouched PostgreSQL ${major}`, async (t) => {
    const { use } = await makeHousehold(t, "this user", { major });
    const administrator = (await running(use())).url;
    await ownerQuery(administrator, "create role keeper login createrole password 'kept'");
    await ownerQuery(administrator, "create database kept owner keeper");
    const url = new URL(withDatabase(administrator, "kept").reveal());
    url.username = "keeper";
    url.password = "kept";

    const store = await openStore({ directory: nowhere, databaseUrl: new Secret(url.href) });
    t.after(() => store.close());

    const { rows } = await sql<{ role: string }>`select current_user as role from instance`.execute(store.db);
    assert.deepEqual(rows, [{ role: "leveredge_app" }]);
  });
}

test("a transaction pooler is refused", async (t) => {
  const { url } = await freshDatabase(t);
  const pooled = await startPooler(t, new Secret(url), "transaction");

  const opening = openStore({ directory: nowhere, databaseUrl: pooled });

  await assert.rejects(opening, (error) => error instanceof AppError && /transaction pooler/.test(error.message));
  assert.deepEqual(await ownerQuery(new Secret(url), "select to_regnamespace('leveredge') as schema"), [
    { schema: null },
  ]);
});

test("a session pooler is as good as the database", async (t) => {
  const { url } = await freshDatabase(t);
  const pooled = await startPooler(t, new Secret(url), "session");

  const store = await openStore({ directory: nowhere, databaseUrl: pooled });
  t.after(() => store.close());

  const { rows } = await sql<{ role: string }>`select current_user as role from instance`.execute(store.db);
  assert.deepEqual(rows, [{ role: "leveredge_app" }]);
});

test("a full disk is named with the directory, and room on it is all that is needed", async (t) => {
  const { address } = await makeHousehold(t, "this user");
  const disk = await mkdtemp(join(tmpdir(), "leveredge-disk-"));
  const mounted = await runProgram("mount", ["-t", "tmpfs", "-o", "size=80m,mode=755", "tmpfs", disk], {
    timeoutMs: 10_000,
  }).then(
    () => true,
    () => false,
  );
  t.after(async () => {
    if (mounted) await runProgram("umount", ["--lazy", disk], { timeoutMs: 10_000 });
    await rm(disk, { recursive: true });
  });
  if (!mounted) {
    assert.equal(process.env["CI"], undefined, "CI must be able to mount a small disk");
    return t.skip("mounting a small disk needs CAP_SYS_ADMIN");
  }
  await chmod(disk, 0o755);
  const there = { ...address, major: 18 as const, dataHome: join(disk, "servers") };

  const refusal = await startServer(there).then(
    () => undefined,
    (error: unknown) => error,
  );

  assert.ok(refusal instanceof AppError);
  assert.match(refusal.message, /cannot make the data directory .*No space left on device/s);
  assert.match(refusal.hint ?? "", /^Free space on the disk/);
  await runProgram("mount", ["-o", "remount,size=400m", disk], { timeoutMs: 10_000 });
  const server = await startServer(there);
  assert.ok((await migrateStore(server.ownerUrl)).length > 0);
  await server.stop();
});
