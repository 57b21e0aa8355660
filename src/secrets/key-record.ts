/** Keys as they lie in the database: each sealed with the key above it, bound to its instance, purpose and version. */
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

import { type SealingKey, seal, unseal } from "./envelope.ts";

/** What there is a key for; `credentials-*` seal the data keys of an environment's credentials. */
export const purposes = [
  "audit",
  "fingerprint",
  "token",
  "credentials-dev",
  "credentials-prod",
  "credentials-shared",
] as const;

/** Purpose keys are random, versioned, each wrapped by the root key. */
export type Purpose = (typeof purposes)[number];

export type KeyRecord = {
  /** A UUID. */
  id: string;
  purpose: Purpose | "root";
  version: number;
  /** The key, sealed with the root key; null of the root key, which has its own seals. */
  wrapped: Buffer | null;
  /** Fixes which key this is; 32 bytes. */
  commitment: Buffer;
};

/** The root key, sealed with one unseal key. */
export type RootSeal = {
  /** Of the unseal key: 32 hexadecimal digits. */
  unsealKeyId: string;
  rootId: string;
  state: "active" | "staged" | "previous";
  wrapped: Buffer;
  /** Tells a wrong unseal key before anything is opened with it. */
  checkValue: Buffer;
};

/** All keys of a store. */
export type KeyRecords = { keys: readonly KeyRecord[]; rootSeals: readonly RootSeal[] };

const keyBytes = 32;
const tenant = "default";

/** What the keys of an environment's credentials are for. */
export function credentialsPurpose(environment: "dev" | "prod" | "shared"): Purpose {
  return `credentials-${environment}`;
}

/** A new key for a purpose, sealed with the root key. */
export function createPurposeKey(instanceId: string, root: SealingKey, purpose: Purpose, version: number): KeyRecord {
  const bytes = randomBytes(keyBytes);
  const named = { id: randomUUID(), purpose, version };
  const wrapped = seal(root, wrapContext(instanceId, root, named), bytes);
  return { ...named, wrapped, commitment: commitmentOf(takeKey(bytes)) };
}

/** The record of a new root key, and its bytes, which the caller overwrites. */
export function createRootRecord(): { record: KeyRecord; bytes: Buffer } {
  const bytes = randomBytes(keyBytes);
  const commitment = commitmentOf(createSecretKey(bytes));
  return { record: { id: randomUUID(), purpose: "root", version: 1, wrapped: null, commitment }, bytes };
}

/** The key that a record names, out of what it is sealed in. */
export function openRecord(
  instanceId: string,
  wrapping: SealingKey,
  record: Pick<KeyRecord, "id" | "purpose" | "version" | "commitment">,
  wrapped: Buffer,
): SealingKey {
  return toCommittedKey(record, unseal(wrapping, wrapContext(instanceId, wrapping, record), wrapped));
}

/** The key of these bytes, which are overwritten; `sealed` when it is not the one that the record commits to. */
export function toCommittedKey(
  record: Pick<KeyRecord, "id" | "purpose" | "version" | "commitment">,
  bytes: Buffer,
): SealingKey {
  const key = takeKey(bytes);
  if (isEqual(record.commitment, commitmentOf(key))) {
    return { id: record.id.replaceAll("-", ""), version: record.version, key };
  }
  throw new AppError("sealed", `the ${record.purpose} key ${record.id} does not fit its commitment`, {
    hint: "Restore the store from a backup.",
  });
}

/** Seals the root key's bytes with an unseal key; the caller overwrites them. */
export function sealRootBytes(
  instanceId: string,
  unsealKey: SealingKey,
  root: Pick<KeyRecord, "id" | "version">,
  bytes: Buffer,
): Buffer {
  return seal(unsealKey, wrapContext(instanceId, unsealKey, { ...root, purpose: "root" }), bytes);
}

export function checkValueOf(unsealKey: SealingKey, instanceId: string): Buffer {
  return createHmac("sha256", unsealKey.key).update(instanceId).digest();
}

/** Fixes a key without telling anything of it: AES-GCM alone would open under more keys than one. */
export function commitmentOf(key: KeyObject): Buffer {
  return Buffer.from(hkdfSync("sha256", key, Buffer.alloc(0), "aegis/v1/commit", 32));
}

/** The key of these bytes, which are overwritten. */
export function takeKey(bytes: Buffer): KeyObject {
  try {
    return createSecretKey(bytes);
  } finally {
    bytes.fill(0);
  }
}

/** In constant time for equal lengths. */
export function isEqual(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}

function wrapContext(
  instanceId: string,
  wrapping: SealingKey,
  record: Pick<KeyRecord, "id" | "purpose" | "version">,
): string[] {
  const { id, purpose, version } = record;
  return ["aegis/v1/wrap", instanceId, tenant, wrapping.id, String(wrapping.version), id, purpose, String(version)];
}
