import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { inspect } from "node:util";

import { AppError } from "#errors.ts";

import { type KeyRecord, type KeyRecords, createPurposeKey } from "./key-record.ts";
import {
  createKeyRecords,
  expectedUnsealKeyLabel,
  openKeyRecords,
  openRecords,
  openRootKey,
  sealRootKey,
  toRootKey,
  unsealKeyLabel,
  unsealKeyOf,
} from "./key-ring.ts";

const instanceId = "6f1d9f3e-2a53-4c0e-9d4b-8f2b8d6b7c11";
const isSealed = (error: unknown) => error instanceof AppError && error.code === "sealed";
const find = ({ keys }: KeyRecords, purpose: string): KeyRecord => {
  const record = keys.find((candidate) => candidate.purpose === purpose);
  assert.ok(record);
  return record;
};

test("records open with the unseal key that they were made with, to the same keys each time", () => {
  const unsealKey = unsealKeyOf(randomBytes(32));
  const records = createKeyRecords(instanceId, unsealKey);

  const [first, second] = [openRecords(instanceId, unsealKey, records), openRecords(instanceId, unsealKey, records)];

  assert.ok(first.key("audit").key.equals(second.key("audit").key));
  assert.ok(!first.key("audit").key.equals(first.key("fingerprint").key));
  assert.equal(first.find("audit", 1), first.key("audit"));
  assert.equal(first.find("audit", 2), undefined);
});

test("another unseal key is told by label, expected and given, and nothing more", () => {
  const [right, wrong] = [unsealKeyOf(randomBytes(32)), unsealKeyOf(randomBytes(32))];
  const records = createKeyRecords(instanceId, right);

  assert.throws(
    () => openRecords(instanceId, wrong, records),
    (error) => {
      assert.ok(error instanceof AppError);
      assert.equal(error.exitCode, 78);
      assert.equal(
        error.message,
        `the store was sealed with unseal key ${unsealKeyLabel(right)}, the key file holds ${unsealKeyLabel(wrong)}`,
      );
      return true;
    },
  );
});

test("records of one instance do not open in another", () => {
  const unsealKey = unsealKeyOf(randomBytes(32));
  const records = createKeyRecords(instanceId, unsealKey);

  assert.throws(() => openRecords("00000000-0000-4000-8000-000000000000", unsealKey, records), isSealed);
});

test("a key put in another key's place, a changed commitment and a missing record are refused", () => {
  const unsealKey = unsealKeyOf(randomBytes(32));
  const records = createKeyRecords(instanceId, unsealKey);
  const [audit, fingerprint, root] = [find(records, "audit"), find(records, "fingerprint"), find(records, "root")];
  const others = records.keys.filter((record) => record.purpose !== "audit");
  const withoutRoot = records.keys.filter((record) => record.purpose !== "root");

  const damaged = [
    [...others, { ...audit, wrapped: fingerprint.wrapped }],
    [...others, { ...fingerprint, purpose: "audit" as const }],
    [...others, { ...audit, version: 2 }],
    [...others, { ...audit, commitment: fingerprint.commitment }],
    [...others, { ...audit, wrapped: null }],
    others,
    withoutRoot,
    [...withoutRoot, { ...root, commitment: audit.commitment }],
    [...withoutRoot, { ...root, id: audit.id }],
  ];

  for (const keys of damaged) assert.throws(() => openRecords(instanceId, unsealKey, { ...records, keys }), isSealed);
});

test("each unseal key that the root key is sealed with opens the same ring, by its id and not by trying", () => {
  const [first, second] = [unsealKeyOf(randomBytes(32)), unsealKeyOf(randomBytes(32))];
  const records = createKeyRecords(instanceId, first);
  const root = openRootKey(instanceId, first, records);
  const staged = sealRootKey(instanceId, root, records, second, "staged");
  const both = { ...records, rootSeals: [...records.rootSeals, staged] };
  const [active] = records.rootSeals;
  assert.ok(active);

  assert.ok(
    openRecords(instanceId, second, both)
      .key("audit")
      .key.equals(openRecords(instanceId, first, both).key("audit").key),
  );
  assert.equal(expectedUnsealKeyLabel(both), unsealKeyLabel(first));
  const damaged = [
    [active],
    [],
    // Under the name of the second key lies what the first one opens, and the other way round.
    [{ ...active, unsealKeyId: second.id }],
    [active, { ...staged, wrapped: active.wrapped }],
    [active, { ...staged, checkValue: active.checkValue }],
    [active, { ...staged, unsealKeyId: first.id }],
  ];
  for (const rootSeals of damaged) {
    assert.throws(() => openRecords(instanceId, second, { ...records, rootSeals }), isSealed);
  }
});

test("a root key that somebody kept is taken only where it belongs, and its bytes are overwritten", () => {
  const [first, second] = [1, 2].map(() => createKeyRecords(instanceId, unsealKeyOf(randomBytes(32))));
  assert.ok(first !== undefined && second !== undefined);
  const unsealKey = unsealKeyOf(randomBytes(32));
  const records = createKeyRecords(instanceId, unsealKey);
  const bytes = openRootKey(instanceId, unsealKey, records).key.export();

  assert.throws(() => toRootKey(first, Buffer.from(bytes)), isSealed);
  const root = toRootKey(records, bytes);

  assert.deepEqual(bytes, Buffer.alloc(32));
  assert.ok(openKeyRecords(instanceId, root, records.keys).key("audit"));
});

test("of several versions the highest is active, and a ring learns of those made since when it is reloaded", async () => {
  const unsealKey = unsealKeyOf(randomBytes(32));
  const records = createKeyRecords(instanceId, unsealKey);
  const root = openRootKey(instanceId, unsealKey, records);
  const stored = [...records.keys];
  const ring = openKeyRecords(instanceId, root, stored, () => Promise.resolve(stored));
  const before = ring.key("credentials-prod");
  stored.unshift(createPurposeKey(instanceId, root, "credentials-prod", 2));

  assert.equal(ring.find("credentials-prod", 2), undefined);
  await ring.reload();

  assert.equal(ring.key("credentials-prod").version, 2);
  assert.equal(ring.find("credentials-prod", 1), before);
  assert.equal(ring.key("credentials-dev").version, 1);
});

test("the bytes of an unseal key are overwritten, and no key shows when it is printed", () => {
  const bytes = randomBytes(32);
  const hex = bytes.toString("hex");

  const key = unsealKeyOf(bytes);

  assert.deepEqual(bytes, Buffer.alloc(32));
  assert.ok(!inspect(key, { depth: 9 }).includes(hex) && !JSON.stringify(key).includes(hex));
});
