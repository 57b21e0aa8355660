import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { chmod, mkdtemp, readFile, readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";

import { sql } from "kysely";
import pg from "pg";

import { AppError } from "#errors.ts";
import { type KeySource, parseKeySource } from "#secrets/key-source.ts";
import { ensureUnsealKey, unsealKeyPath } from "#secrets/unseal-key.ts";
import { testDatabase } from "#test/database.ts";

import { listKeys } from "./key-queries.ts";
import { openKeyRing, openKeys, tryKeys } from "./keys.ts";

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
    ["audit", "credentials-dev", "credentials-prod", "credentials-shared", "fingerprint", "root", "token"],
  );
});

test("several that open a new store at once end with the same keys", async (t) => {
  const [{ db }, stateDir] = [await testDatabase(t), await stateDirectory(t)];
  await ensureUnsealKey(unsealKeyPath(stateDir));

  const rings = await Promise.all(Array.from({ length: 6 }, () => openKeyRing(db, stateDir)));

  assert.equal(new Set(rings.map((ring) => ring.key("audit").id)).size, 1);
  assert.equal((await listKeys(db)).length, 7);
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
  assert.equal((await listKeys(db)).length, 6);
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
    `delete from leveredge.key_root_seal;
     delete from leveredge.key;
     insert into leveredge.event (at, actor, action, target, outcome, details, key_version, mac)
     values (now(), 'a', 'b', 'c', 'd', '{}', 1, sha256(''))`,
  );

  await assert.rejects(openKeyRing(db, stateDir), isSealed(/keys they were written with are missing/));

  assert.deepEqual(await listKeys(db), []);
});

test("a store that lost the key of its credentials gets no other, and one that has none gets it", async (t) => {
  const [{ db, ownerUrl }, stateDir] = [await testDatabase(t), await stateDirectory(t)];
  await openKeyRing(db, stateDir);
  await asOwner(
    ownerUrl.reveal(),
    `delete from leveredge.key where purpose in ('credentials-dev', 'credentials-prod');
     insert into leveredge.aegis_providers (provider_name, provider_type, definition, source)
     values ('x', 'api_key', '{}', 'api');
     insert into leveredge.aegis_credentials (credential_name, provider) values ('c', 'x');
     insert into leveredge.aegis_credential_version
       (credential_id, version, environment, origin, dek_id, kek_version, wrapped, commitment, created_by)
     select id, 1, 'prod', '', gen_random_uuid(), 1, '', sha256(''), 't' from leveredge.aegis_credentials`,
  );

  await assert.rejects(openKeyRing(db, stateDir), isSealed(/no credentials-(dev|prod) key although it has other keys/));
  assert.equal((await listKeys(db)).length, 5);
  await asOwner(ownerUrl.reveal(), "delete from leveredge.aegis_credentials");
  const ring = await openKeyRing(db, stateDir);

  assert.equal(ring.key("credentials-prod").version, 1);
  assert.equal((await listKeys(db)).length, 7);
});

test("a wrong or missing unseal key is exit 78 and changes no table, whatever the source", async (t) => {
  const [{ db, ownerUrl }, stateDir] = [await testDatabase(t), await stateDirectory(t)];
  await openKeyRing(db, stateDir);
  const wrong = join(stateDir, "wrong.key");
  await writeFile(wrong, randomBytes(32), { mode: 0o400 });
  await asOwner(ownerUrl.reveal(), "delete from leveredge.key where purpose = 'credentials-dev'");
  const value = randomBytes(32).toString("hex");
  const variables: Record<string, string> = { KEY: value, CREDENTIALS_DIRECTORY: stateDir };
  const specs = ["file:/nowhere/key", `file:${wrong}`, "env:KEY", "env:NONE", "systemd:wrong.key", "systemd:none"];
  const before = [await readTables(ownerUrl.reveal()), await readdir(stateDir)];

  for (const spec of specs) {
    const source = parseKeySource(spec, stateDir, (name) => variables[name]);
    await assert.rejects(openKeys(db, source), isSealed(/there is no|is not there|holds/), spec);
    await assert.rejects(tryKeys(db, source), isSealed(/there is no|is not there|holds/), spec);
  }

  assert.deepEqual([await readTables(ownerUrl.reveal()), await readdir(stateDir)], before);
});

test("a new store gets no keys from a source that was named and is not there", async (t) => {
  const [{ db }, stateDir] = [await testDatabase(t), await stateDirectory(t)];
  const named: KeySource = { kind: "file", path: join(stateDir, "named.key"), isOwn: false };

  await assert.rejects(openKeys(db, named), isSealed(/no keys yet and the key file .* is not there/));
  await assert.rejects(tryKeys(db, named), { code: "not_found" });
  assert.deepEqual([await listKeys(db), await readdir(stateDir)], [[], []]);
  await writeFile(named.path, randomBytes(32), { mode: 0o400 });
  const made = await openKeys(db, named);

  assert.equal(made.seal.state, "active");
  assert.equal((await listKeys(db)).length, 7);
});

test("looking whether a store opens adds nothing that it lacks", async (t) => {
  const [{ db, ownerUrl }, stateDir] = [await testDatabase(t), await stateDirectory(t)];
  const source: KeySource = { kind: "file", path: unsealKeyPath(stateDir), isOwn: true };
  await openKeys(db, source);
  await asOwner(ownerUrl.reveal(), "delete from leveredge.key where purpose = 'credentials-dev'");

  await assert.rejects(tryKeys(db, source), isSealed(/no credentials-dev key/));
  assert.equal((await listKeys(db)).length, 6);
  await openKeys(db, source);

  assert.equal((await tryKeys(db, source)).ring.key("credentials-dev").version, 1);
});

test("the application can neither change a seal of the root key nor empty their table", async (t) => {
  const [{ db }, stateDir] = [await testDatabase(t), await stateDirectory(t)];
  await openKeyRing(db, stateDir);

  for (const statement of ["update key_root_seal set wrapped = ''", "truncate key_root_seal"]) {
    await assert.rejects(sql.raw(statement).execute(db), { code: "42501" });
  }
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

/** Every row of every table of the store, as one digest each. */
async function readTables(url: string): Promise<Record<string, string>> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<{ name: string }>(
      "select tablename as name from pg_tables where schemaname = 'leveredge' order by 1",
    );
    const digests: [string, string][] = [];
    for (const { name } of rows) {
      const table = `leveredge.${pg.escapeIdentifier(name)}`;
      const { rows: found } = await client.query<{ digest: string }>(
        `select md5(coalesce(string_agg(t::text, ',' order by t::text), '')) as digest from ${table} t`,
      );
      digests.push([name, found[0]?.digest ?? ""]);
    }
    assert.ok(digests.length > 10);
    return Object.fromEntries(digests);
  } finally {
    await client.end();
  }
}
