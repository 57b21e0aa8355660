import assert from "node:assert/strict";
import { chmod, mkdtemp, readFile, rename, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";

import { sql } from "kysely";
import pg from "pg";

import { AppError } from "#errors.ts";
import { ensureUnsealKey, unsealKeyPath } from "#secrets/unseal-key.ts";
import { testDatabase } from "#test/database.ts";

import { listKeys } from "./key-queries.ts";
import { openKeyRing } from "./keys.ts";

async function stateDirectory(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "leveredge-keys-"));
  t.after(() => rm(directory, { recursive: true }));
  return directory;
}

const isSealed = (message: RegExp) => (error: unknown) =>
  error instanceof AppError && error.exitCode === 78 && message.test(error.message);

test("a new store gets its keys once and opens to the same ones afterwards", async (t) => {
  const [{ db }, stateDir] = [await testDatabase(t), await stateDirectory(t)];

  const first = await openKeyRing(db, stateDir);
  const second = await openKeyRing(db, stateDir);

  assert.ok(second.key("audit").key.equals(first.key("audit").key));
  assert.deepEqual(
    (await listKeys(db)).map((key) => key.purpose),
    ["audit", "fingerprint", "root", "token"],
  );
});

test("several that open a new store at once end with the same keys", async (t) => {
  const [{ db }, stateDir] = [await testDatabase(t), await stateDirectory(t)];
  await ensureUnsealKey(unsealKeyPath(stateDir));

  const rings = await Promise.all(Array.from({ length: 6 }, () => openKeyRing(db, stateDir)));

  assert.equal(new Set(rings.map((ring) => ring.key("audit").id)).size, 1);
  assert.equal((await listKeys(db)).length, 4);
});

test("a store of an older program gets its token key when it is opened, once", async (t) => {
  const [{ db, ownerUrl }, stateDir] = [await testDatabase(t), await stateDirectory(t)];
  const before = await openKeyRing(db, stateDir);
  await asOwner(ownerUrl.reveal(), "delete from leveredge.key where purpose = 'token'");

  const rings = await Promise.all(Array.from({ length: 4 }, () => openKeyRing(db, stateDir)));

  assert.equal(new Set(rings.map((ring) => ring.key("token").id)).size, 1);
  assert.ok(rings[0]?.key("audit").key.equals(before.key("audit").key));
  assert.ok(!rings[0]?.key("token").key.equals(before.key("token").key));
});

test("a store that lost the key of its tokens gets no other, and without the unseal key none at all", async (t) => {
  const [{ db, ownerUrl }, stateDir] = [await testDatabase(t), await stateDirectory(t)];
  await openKeyRing(db, stateDir);
  const loseKey = "delete from leveredge.key where purpose = 'token'";
  await asOwner(ownerUrl.reveal(), loseKey);
  await rename(join(stateDir, "unseal.key"), join(stateDir, "elsewhere.key"));
  await assert.rejects(openKeyRing(db, stateDir), isSealed(/there is no/));
  await rename(join(stateDir, "elsewhere.key"), join(stateDir, "unseal.key"));
  await asOwner(
    ownerUrl.reveal(),
    `with maker as (
       insert into leveredge.identity_user (name, role, created_at, created_by) values ('a', 'admin', now(), 't')
       returning id
     )
     insert into leveredge.identity_token
       (id, user_id, name, scopes, hash, key_version, created_at, created_by, expires_at)
     select '00000000', id, 't', '{*:*:*}', sha256(''), 1, now(), 't', now() + interval '1 day' from maker`,
  );

  await assert.rejects(openKeyRing(db, stateDir), isSealed(/no token key although it has other keys/));
  assert.equal((await listKeys(db)).length, 3);
});

test("a store with keys gets no new unseal key when its own is missing", async (t) => {
  const [{ db }, stateDir] = [await testDatabase(t), await stateDirectory(t)];
  await openKeyRing(db, stateDir);
  const records = await listKeys(db);
  await rm(join(stateDir, "unseal.key"));

  await assert.rejects(openKeyRing(db, stateDir), isSealed(/sealed with unseal key [0-9a-f]{8} and there is no/));

  await assert.rejects(stat(join(stateDir, "unseal.key")), { code: "ENOENT" });
  assert.deepEqual(await listKeys(db), records);
});

test("another store's unseal key is refused and nothing is written", async (t) => {
  const [one, other] = [await testDatabase(t), await testDatabase(t)];
  const [stateDir, otherDir] = [await stateDirectory(t), await stateDirectory(t)];
  await openKeyRing(one.db, stateDir);
  await openKeyRing(other.db, otherDir);
  await rename(join(otherDir, "unseal.key"), join(stateDir, "unseal.key"));
  const before = [await listKeys(one.db), await readFile(join(stateDir, "unseal.key"))];

  await assert.rejects(
    openKeyRing(one.db, stateDir),
    isSealed(/was sealed with unseal key \w{8}, the key file holds \w{8}/),
  );

  assert.deepEqual([await listKeys(one.db), await readFile(join(stateDir, "unseal.key"))], before);
});

test("an unseal key that others can read keeps the store sealed", async (t) => {
  const [{ db }, stateDir] = [await testDatabase(t), await stateDirectory(t)];
  await openKeyRing(db, stateDir);
  await chmod(join(stateDir, "unseal.key"), 0o444);

  await assert.rejects(openKeyRing(db, stateDir), isSealed(/others can reach it/));
});

test("a store that lost its key rows but has events gets no new keys", async (t) => {
  const [{ db, ownerUrl }, stateDir] = [await testDatabase(t), await stateDirectory(t)];
  await openKeyRing(db, stateDir);
  await asOwner(
    ownerUrl.reveal(),
    `delete from leveredge.key;
     insert into leveredge.event (at, actor, action, target, outcome, details, key_version, mac)
     values (now(), 'a', 'b', 'c', 'd', '{}', 1, sha256(''))`,
  );

  await assert.rejects(openKeyRing(db, stateDir), isSealed(/keys they were written with are missing/));

  assert.deepEqual(await listKeys(db), []);
});

test("the application can neither change nor remove a key", async (t) => {
  const [{ db }, stateDir] = [await testDatabase(t), await stateDirectory(t)];
  await openKeyRing(db, stateDir);

  for (const statement of ["update key set version = 2", "delete from key", "truncate key"]) {
    await assert.rejects(sql.raw(statement).execute(db), { code: "42501" });
  }
});

async function asOwner(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(statement);
  await client.end();
}
