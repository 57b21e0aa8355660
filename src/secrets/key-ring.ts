/**
 * The key ring: unseal key (a file outside the database) → root key → purpose
 * keys. Opened once at start; a wrong or missing key is `sealed`, exit 78, and
 * writes nothing.
 *
 * The root key and the purpose keys are random and lie in the database as
 * records: the root key sealed with the unseal key, each purpose key with the
 * root key. Each is bound to the instance, so that records of one store do not
 * open in another, and carries a commitment, so that a record opens to one key
 * only. Here keys are `KeyObject`s; raw bytes are overwritten as soon as they
 * are one.
 *
 * This module knows no database: it makes records and opens them.
 */
import {
  type KeyObject,
  createHmac,
  createSecretKey,
  hkdfSync,
  randomBytes,
  randomUUID,
  timingSafeEqual,
} from "node:crypto";

import { AppError } from "#errors.ts";

import { type SealingKey, readHeader, seal, unseal } from "./envelope.ts";

const purposes = ["audit", "fingerprint", "token"] as const;

/** Purpose keys are random, versioned, each wrapped by the root key. */
type Purpose = (typeof purposes)[number];

export type RingKey = { id: string; version: number; key: KeyObject };

export type KeyRing = {
  instanceId: string;
  /** The active key of a purpose; `sealed` when it cannot be opened. */
  key(purpose: Purpose): RingKey;
  /** The key of that version, active or not; undefined when there is none. */
  find(purpose: Purpose, version: number): RingKey | undefined;
};

/** A key as it lies in the database. */
export type KeyRecord = {
  /** A UUID. */
  id: string;
  purpose: Purpose | "root";
  version: number;
  /** The key, sealed with the key above it. */
  wrapped: Buffer;
  /** Fixes which key `wrapped` holds. */
  commitment: Buffer;
  /** Of the root key only: tells a wrong unseal key before anything is opened with it. */
  checkValue: Buffer | null;
};

const keyBytes = 32;
const tenant = "default";

/** The unseal key under the name that the root record refers to it by. The bytes are overwritten. */
export function unsealKeyOf(bytes: Buffer): SealingKey {
  const key = takeKey(bytes);
  const id = createHmac("sha256", key).update("aegis/v1/unseal-key-id").digest("hex").slice(0, 32);
  return { id, version: 1, key };
}

/** What people call an unseal key: eight hexadecimal digits that tell nothing about its value. */
export function unsealKeyLabel(key: Pick<SealingKey, "id">): string {
  return key.id.slice(0, 8);
}

/** Records of a new root key and of new purpose keys: for a store that has none. */
export function createKeyRecords(instanceId: string, unsealKey: SealingKey): KeyRecord[] {
  const root = createRecord(instanceId, unsealKey, "root", checkValueOf(unsealKey, instanceId));
  const rootKey = openRecord(instanceId, unsealKey, root);
  return [root, ...purposes.map((purpose) => createRecord(instanceId, rootKey, purpose, null))];
}

/** The record of a new key for a purpose that a store made by an older program has no key for. */
export function createKeyRecord(
  instanceId: string,
  unsealKey: SealingKey,
  records: readonly KeyRecord[],
  purpose: Purpose,
): KeyRecord {
  return createRecord(instanceId, openRootKey(instanceId, unsealKey, records), purpose, null);
}

/** Opens every record; `sealed` names the expected and the given unseal key by label when they differ. */
export function openRecords(instanceId: string, unsealKey: SealingKey, records: readonly KeyRecord[]): KeyRing {
  const rootKey = openRootKey(instanceId, unsealKey, records);
  const opened = records
    .filter((record) => record.purpose !== "root")
    .map((record) => ({ purpose: record.purpose, ringKey: toRingKey(record, openRecord(instanceId, rootKey, record)) }))
    .toSorted((a, b) => b.ringKey.version - a.ringKey.version);
  for (const purpose of purposes) {
    if (!opened.some((key) => key.purpose === purpose)) throw missingRecord(purpose);
  }
  return {
    instanceId,
    key: (purpose) => {
      const active = opened.find((key) => key.purpose === purpose);
      if (active === undefined) throw missingRecord(purpose);
      return active.ringKey;
    },
    find: (purpose, version) =>
      opened.find((key) => key.purpose === purpose && key.ringKey.version === version)?.ringKey,
  };
}

/** The label of the unseal key that these records want; undefined when there is no root record. */
export function expectedUnsealKeyLabel(records: readonly KeyRecord[]): string | undefined {
  const root = records.find((record) => record.purpose === "root");
  return root === undefined ? undefined : wrappingLabelOf(root);
}

function openRootKey(instanceId: string, unsealKey: SealingKey, records: readonly KeyRecord[]): SealingKey {
  const root = records.find((record) => record.purpose === "root");
  if (root === undefined || root.checkValue === null) throw missingRecord("root");
  if (!equal(root.checkValue, checkValueOf(unsealKey, instanceId))) {
    const [expected, given] = [wrappingLabelOf(root), unsealKeyLabel(unsealKey)];
    throw new AppError("sealed", `the store was sealed with unseal key ${expected}, the key file holds ${given}`, {
      hint: `Put unseal key ${expected} back into the key file; nothing was changed.`,
    });
  }
  return openRecord(instanceId, unsealKey, root);
}

function wrappingLabelOf(record: KeyRecord): string {
  return unsealKeyLabel({ id: readHeader(record.wrapped).keyId });
}

function createRecord(
  instanceId: string,
  wrapping: SealingKey,
  purpose: KeyRecord["purpose"],
  checkValue: Buffer | null,
): KeyRecord {
  const bytes = randomBytes(keyBytes);
  const named = { id: randomUUID(), purpose, version: 1 };
  const wrapped = seal(wrapping, wrapContext(instanceId, wrapping, named), bytes);
  return { ...named, wrapped, commitment: commitmentOf(takeKey(bytes)), checkValue };
}

function openRecord(instanceId: string, wrapping: SealingKey, record: KeyRecord): SealingKey {
  const key = takeKey(unseal(wrapping, wrapContext(instanceId, wrapping, record), record.wrapped));
  if (!equal(record.commitment, commitmentOf(key))) {
    throw new AppError("sealed", `the ${record.purpose} key ${record.id} does not fit its commitment`, {
      hint: "Restore the store from a backup.",
    });
  }
  return { id: record.id.replaceAll("-", ""), version: record.version, key };
}

function wrapContext(
  instanceId: string,
  wrapping: SealingKey,
  record: Pick<KeyRecord, "id" | "purpose" | "version">,
): string[] {
  const { id, purpose, version } = record;
  return ["aegis/v1/wrap", instanceId, tenant, wrapping.id, String(wrapping.version), id, purpose, String(version)];
}

function checkValueOf(unsealKey: SealingKey, instanceId: string): Buffer {
  return createHmac("sha256", unsealKey.key).update(instanceId).digest();
}

function commitmentOf(key: KeyObject): Buffer {
  return Buffer.from(hkdfSync("sha256", key, Buffer.alloc(0), "aegis/v1/commit", 32));
}

function toRingKey(record: KeyRecord, { key }: SealingKey): RingKey {
  return { id: record.id, version: record.version, key };
}

function takeKey(bytes: Buffer): KeyObject {
  try {
    return createSecretKey(bytes);
  } finally {
    bytes.fill(0);
  }
}

function equal(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}

function missingRecord(purpose: KeyRecord["purpose"]): AppError {
  return new AppError("sealed", `the store has no ${purpose} key although it has other keys`, {
    hint: "Restore the store from a backup; a new key would not open what the old one sealed.",
  });
}
