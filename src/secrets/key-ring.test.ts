import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { inspect } from "node:util";

import { AppError } from "#errors.ts";

import { type KeyRecord, createKeyRecords, openRecords, unsealKeyLabel, unsealKeyOf } from "./key-ring.ts";

const instanceId = "6f1d9f3e-2a53-4c0e-9d4b-8f2b8d6b7c11";
const isSealed = (error: unknown) => error instanceof AppError && error.code === "sealed";
const find = (records: KeyRecord[], purpose: string) => {
  const record = records.find((candidate) => candidate.purpose === purpose);
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
  const [audit, fingerprint] = [find(records, "audit"), find(records, "fingerprint")];
  const others = records.filter((record) => record.purpose !== "audit");

  const damaged = [
    [...others, { ...audit, wrapped: fingerprint.wrapped }],
    [...others, { ...fingerprint, purpose: "audit" as const }],
    [...others, { ...audit, version: 2 }],
    [...others, { ...audit, commitment: fingerprint.commitment }],
    others,
    records.filter((record) => record.purpose !== "root"),
  ];

  for (const set of damaged) assert.throws(() => openRecords(instanceId, unsealKey, set), isSealed);
});

test("the bytes of an unseal key are overwritten, and no key shows when it is printed", () => {
  const bytes = randomBytes(32);
  const hex = bytes.toString("hex");

  const key = unsealKeyOf(bytes);

  assert.deepEqual(bytes, Buffer.alloc(32));
  assert.ok(!inspect(key, { depth: 9 }).includes(hex) && !JSON.stringify(key).includes(hex));
});
