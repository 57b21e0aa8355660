/**
 * The key ring: unseal key (outside the database) → root key → purpose keys.
 * Opened once at start; a wrong or missing key is `sealed`, exit 78, and writes
 * nothing.
 *
 * The root key and the purpose keys are random and lie in the database as records:
 * each purpose key sealed with the root key, and the root key with every unseal key
 * that opens the store. Which of those seals is opened is said by the id of the key
 * that is given, never found by trying. Each record is bound to the instance, so
 * that records of one store do not open in another, and carries a commitment, so
 * that it opens to one key only. Here keys are `KeyObject`s; raw bytes are
 * overwritten as soon as they are one.
 *
 * This module knows no database: it makes records and opens them.
 */
import { type KeyObject, createHmac } from "node:crypto";

import { AppError } from "#errors.ts";

import type { SealingKey } from "./envelope.ts";
import {
  type KeyRecord,
  type KeyRecords,
  type Purpose,
  type RootSeal,
  checkValueOf,
  createPurposeKey,
  createRootRecord,
  isEqual,
  openRecord,
  purposes,
  sealRootBytes,
  takeKey,
  toCommittedKey,
} from "./key-record.ts";

export type RingKey = { id: string; version: number; key: KeyObject };

export type KeyRing = {
  instanceId: string;
  /** The active key of a purpose, which is the one of the highest version; `sealed` when there is none. */
  key(purpose: Purpose): RingKey;
  /** The key of that version, active or not; undefined when there is none. */
  find(purpose: Purpose, version: number): RingKey | undefined;
  /** Opens keys that other processes have made since; those it knows stay as they are. */
  reload(): Promise<void>;
};

/** Reads the key records as they are now. */
type ListRecords = () => Promise<readonly KeyRecord[]>;

/** The unseal key under the name that a seal of the root key refers to it by. The bytes are overwritten. */
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
export function createKeyRecords(instanceId: string, unsealKey: SealingKey): KeyRecords {
  const { record, bytes } = createRootRecord();
  const wrapped = sealRootBytes(instanceId, unsealKey, record, bytes);
  const root = toCommittedKey(record, bytes);
  const seal = toRootSeal(instanceId, unsealKey, record, wrapped, "active");
  return {
    keys: [record, ...purposes.map((purpose) => createPurposeKey(instanceId, root, purpose, 1))],
    rootSeals: [seal],
  };
}

/** Opens every record; `sealed` names the expected and the given unseal key by label when they differ. */
export function openRecords(instanceId: string, unsealKey: SealingKey, records: KeyRecords): KeyRing {
  return openKeyRecords(instanceId, openRootKey(instanceId, unsealKey, records), records.keys);
}

/** The ring of an opened root key; a purpose without any key is `sealed`. Reloading asks `list`. */
export function openKeyRecords(
  instanceId: string,
  root: SealingKey,
  records: readonly KeyRecord[],
  list: ListRecords = () => Promise.resolve(records),
): KeyRing {
  const opened = new Map<string, RingKey>();
  const active = new Map<Purpose, RingKey>();
  const learn = (written: readonly KeyRecord[]): void => {
    for (const record of written) {
      const { id, purpose, version, wrapped } = record;
      const name = `${purpose} ${version}`;
      if (purpose === "root" || wrapped === null || opened.has(name)) continue;
      const key: RingKey = { id, version, key: openRecord(instanceId, root, record, wrapped).key };
      opened.set(name, key);
      if (version > (active.get(purpose)?.version ?? 0)) active.set(purpose, key);
    }
  };
  learn(records);
  for (const purpose of purposes) {
    if (!active.has(purpose)) throw missingRecord(purpose);
  }
  return {
    instanceId,
    key: (purpose) => {
      const key = active.get(purpose);
      if (key === undefined) throw missingRecord(purpose);
      return key;
    },
    find: (purpose, version) => opened.get(`${purpose} ${version}`),
    reload: async () => learn(await list()),
  };
}

/**
 * The root key out of the seal of this unseal key. `holder` says where the unseal key
 * came from, for the message that it is another.
 */
export function openRootKey(
  instanceId: string,
  unsealKey: SealingKey,
  records: KeyRecords,
  holder = "the key file",
): SealingKey {
  const record = findRoot(records);
  const seal = findRootSeal(records, unsealKey);
  if (seal === undefined || !isEqual(seal.checkValue, checkValueOf(unsealKey, instanceId))) {
    const [expected, given] = [expectedUnsealKeyLabel(records) ?? "unknown", unsealKeyLabel(unsealKey)];
    throw new AppError("sealed", `the store was sealed with unseal key ${expected}, ${holder} holds ${given}`, {
      hint: `Put unseal key ${expected} back; nothing was changed.`,
    });
  }
  return openRecord(instanceId, unsealKey, record, seal.wrapped);
}

/** The seal that an unseal key opens, by its id; the header of what is sealed must name the same key. */
export function findRootSeal({ rootSeals }: KeyRecords, unsealKey: Pick<SealingKey, "id">): RootSeal | undefined {
  return rootSeals.find(({ unsealKeyId }) => unsealKeyId === unsealKey.id);
}

/** The root key, sealed with one more unseal key. */
export function sealRootKey(
  instanceId: string,
  root: SealingKey,
  records: KeyRecords,
  unsealKey: SealingKey,
  state: RootSeal["state"],
): RootSeal {
  const record = findRoot(records);
  const bytes = root.key.export();
  try {
    return toRootSeal(instanceId, unsealKey, record, sealRootBytes(instanceId, unsealKey, record, bytes), state);
  } finally {
    bytes.fill(0);
  }
}

/** The root key of bytes that somebody kept, which are overwritten; `sealed` when it is another store's. */
export function toRootKey(records: KeyRecords, bytes: Buffer): SealingKey {
  return toCommittedKey(findRoot(records), bytes);
}

/** The label of the unseal key that these records want; undefined when there is none. */
export function expectedUnsealKeyLabel({ rootSeals }: Pick<KeyRecords, "rootSeals">): string | undefined {
  const active = rootSeals.find(({ state }) => state === "active");
  return active === undefined ? undefined : unsealKeyLabel({ id: active.unsealKeyId });
}

function findRoot({ keys }: KeyRecords): KeyRecord {
  const record = keys.find(({ purpose }) => purpose === "root");
  if (record === undefined) throw missingRecord("root");
  return record;
}

function toRootSeal(
  instanceId: string,
  unsealKey: SealingKey,
  root: KeyRecord,
  wrapped: Buffer,
  state: RootSeal["state"],
): RootSeal {
  const checkValue = checkValueOf(unsealKey, instanceId);
  return { unsealKeyId: unsealKey.id, rootId: root.id, state, wrapped, checkValue };
}

function missingRecord(purpose: KeyRecord["purpose"]): AppError {
  return new AppError("sealed", `the store has no ${purpose} key although it has other keys`, {
    hint: "Restore the store from a backup; a new key would not open what the old one sealed.",
  });
}
