import assert from "node:assert/strict";
import { createSecretKey } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import pg from "pg";

import { unsealKeyOf } from "#secrets/key-ring.ts";
import { Secret } from "#secrets/secret.ts";
import { unsealKeyPath } from "#secrets/unseal-key.ts";
import { freshDatabase, testDatabase } from "#test/database.ts";

import { openDatabase } from "./database.ts";
import { listKeys, listRootSeals } from "./key-queries.ts";
import { openKeyRing } from "./keys.ts";
import { readMigrationFiles } from "./migrator.ts";
import { migrationsDirectory } from "./schema.ts";
import { openPool } from "./session.ts";

/** What a program wrote whose schema ended with migration 10, for an unseal key of 32 bytes 7: it opens for ever. */
const older = {
  instanceId: "6f1d9f3e-2a53-4c0e-9d4b-8f2b8d6b7c11",
  unsealKey: Buffer.alloc(32, 7),
  auditKey: "bdb9b0415faa7fbaf51a6080e9b50fdd4eb2293155092cafc255c9d03931fa93",
  keys: [
    {
      id: "58f63066-cb88-40df-9f22-f1b1b103f6c3",
      purpose: "root",
      wrapped:
        "4145470101c1c02ecf5012dc65efc7a6f86496530b00000001c63e870c6f62a5cc4b833447a7d8875845a4d8dd272aa7a6b25bd6c3ab976cddd4bb1d1426f1dddae15c3ab30a663c84572665abfb7dd7e2c02c5b02",
      commitment: "563ef463cf4338f2760c945f8faab1435a319eb1ba5d20fc86044beec0030be2",
      checkValue: "59188f69fcb08ad181414d581ba7cbcba445c3dc44d8f33db7a626de8475bd24",
    },
    {
      id: "7de2124e-0ca0-4dfe-b2c8-30a8f744279b",
      purpose: "audit",
      wrapped:
        "414547010158f63066cb8840df9f22f1b1b103f6c3000000011df8f52ff882875417f96db70cb13a3bb66b71d39d94927f396f241fd380856617d35d84cff2dedf40511cf2f99710f3e2880e4700bb46aebf5a9e2e",
      commitment: "47db7293bb35563158763e42c439a8a30717fb882528f5c542a4abfe10484c31",
      checkValue: null,
    },
    {
      id: "ccc58eda-f4c9-4e8b-9d87-0a7ac154954b",
      purpose: "fingerprint",
      wrapped:
        "414547010158f63066cb8840df9f22f1b1b103f6c3000000010141c0482faa571ee0f6491f6b97879d561fb7c6040505723c90f6c4aff0ca69c7eea6d768379b567899be377a09ef0458a43fb9cf505cb63e93d539",
      commitment: "6e43b8e2d194bdd859b91c81fb063f758e8d976850d3fbfa8a31086af07d79c7",
      checkValue: null,
    },
    {
      id: "e092453b-0d95-4a88-b08e-698d93dbd180",
      purpose: "token",
      wrapped:
        "414547010158f63066cb8840df9f22f1b1b103f6c300000001760f7ef32335eb040b811a0467d8bb5439bd12693273a13dc528f9965572423ff26318e384321b4f1de61ca29042c1f908470ee65e8d78e12f494ee0",
      commitment: "72ff88a8139016114d20506dccdb14c1c0fdf7ab56a580fc30941bd079340e79",
      checkValue: null,
    },
  ],
};

test("a store of the program before sealed credentials opens with its keys, and gets those that it lacks", async (t) => {
  // The role of the application is the cluster's: whoever prepares a store makes it.
  await testDatabase(t);
  const { url } = await freshDatabase(t);
  await writeOlderStore(url);
  const stateDir = await mkdtemp(join(tmpdir(), "leveredge-older-"));
  t.after(() => rm(stateDir, { recursive: true }));
  await writeFile(unsealKeyPath(stateDir), older.unsealKey, { mode: 0o400 });
  const db = openDatabase(openPool(new Secret(url)));
  t.after(() => db.destroy());

  const ring = await openKeyRing(db, stateDir);

  assert.ok(ring.key("audit").key.equals(createSecretKey(Buffer.from(older.auditKey, "hex"))));
  assert.equal(ring.key("credentials-prod").version, 1);
  const keys = await listKeys(db);
  assert.equal(keys.length, 7);
  assert.deepEqual(
    keys.filter(({ wrapped }) => wrapped === null).map(({ purpose }) => purpose),
    ["root"],
  );
  const [seal, ...others] = await listRootSeals(db);
  assert.deepEqual(
    [seal?.state, seal?.unsealKeyId, seal?.wrapped.toString("hex"), others],
    ["active", unsealKeyOf(Buffer.alloc(32, 7)).id, older.keys[0]?.wrapped, []],
  );
});

/** The schema as it was, the rows of that time, and then the migrations since. */
async function writeOlderStore(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(`
      create schema leveredge;
      grant usage on schema leveredge to leveredge_app;
      alter default privileges in schema leveredge grant all on tables to leveredge_app;
      set search_path = leveredge`);
    const files = await readMigrationFiles(migrationsDirectory);
    for (const { sql } of files.filter(({ number }) => number <= 10)) await client.query(sql);
    await client.query("update instance set id = $1", [older.instanceId]);
    for (const { id, purpose, wrapped, commitment, checkValue } of older.keys) {
      await client.query(
        `insert into key (id, purpose, version, wrapped, commitment, check_value)
         values ($1, $2, 1, decode($3, 'hex'), decode($4, 'hex'), decode($5, 'hex'))`,
        [id, purpose, wrapped, commitment, checkValue],
      );
    }
    for (const { sql } of files.filter(({ number }) => number > 10)) await client.query(sql);
  } finally {
    await client.end();
  }
}
