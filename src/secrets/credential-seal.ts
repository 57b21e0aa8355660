/**
 * Sealed credentials. Each version of a credential has a data key (DEK) of its own
 * that seals its fields; the DEK is sealed with the key of the credential's
 * environment (KEK), which lies in the key ring. So a KEK is rotated by sealing
 * small wraps anew, and a version is gone for ever when its wrap is.
 *
 * What a value is for is authenticated with it: instance, credential, field,
 * environment, version and the origin it may be sent to. A value that is moved to
 * another of these does not open. A DEK carries a commitment, so that a wrap opens
 * to one key only. Either every field opens or none does.
 *
 * What is sealed today opens with every later version of this program.
 */
import { createHmac, createSecretKey, randomBytes, randomUUID } from "node:crypto";

import { AppError } from "#errors.ts";

import { type SealContext, type SealingKey, readHeader, seal, unseal } from "./envelope.ts";
import { commitmentOf, credentialsPurpose, isEqual } from "./key-record.ts";
import type { KeyRing, RingKey } from "./key-ring.ts";
import { Secret } from "./secret.ts";

export type CredentialPlace = {
  /** A UUID. */
  credentialId: string;
  environment: "dev" | "prod" | "shared";
  version: number;
  /** What the value may be sent to: `scheme://host:port`, several by commas, or nothing. */
  origin: string;
};

/** The key of a credential's version, sealed with a key of its environment. */
export type SealedKey = {
  /** A UUID. */
  dekId: string;
  kekVersion: number;
  wrapped: Buffer;
  /** Fixes which key `wrapped` holds; 32 bytes. */
  commitment: Buffer;
};

export type SealedCredential = SealedKey & { fields: Record<string, Buffer> };

type Ring = Pick<KeyRing, "instanceId" | "key" | "find">;

const tenant = "default";
const keyBytes = 32;
const dekVersion = 1;

/** Seals the fields under a new DEK and that under the active key of the environment. */
export function sealCredential(ring: Ring, place: CredentialPlace, fields: Record<string, Secret>): SealedCredential {
  const bytes = randomBytes(keyBytes);
  try {
    const dekId = randomUUID();
    const kek = ring.key(credentialsPurpose(place.environment));
    const wrapped = seal(toSealingKey(kek), wrapContext(ring, place, kek, dekId), bytes);
    const dek = dekOf(dekId, bytes);
    const sealed = Object.entries(fields).map(([field, value]) => [field, sealField(ring, place, dek, field, value)]);
    return {
      dekId,
      kekVersion: kek.version,
      wrapped,
      commitment: commitmentOf(dek.key),
      fields: Object.fromEntries(sealed),
    };
  } finally {
    bytes.fill(0);
  }
}

/** Every field, or `sealed` with the names of the credential and of the key, and no part of a value. */
export function openCredential(ring: Ring, place: CredentialPlace, sealed: SealedCredential): Record<string, Secret> {
  const dek = openDek(ring, place, sealed);
  const opened = Object.entries(sealed.fields).map(([field, blob]) => [
    field,
    openField(ring, place, dek, field, blob),
  ]);
  return Object.fromEntries(opened);
}

/** The version's DEK under the active key of its environment; the fields stay as they are. */
export function rewrapCredential(
  ring: Ring,
  place: CredentialPlace,
  sealed: SealedKey,
): Pick<SealedKey, "wrapped" | "kekVersion"> {
  const bytes = openDekBytes(ring, place, sealed);
  try {
    const kek = ring.key(credentialsPurpose(place.environment));
    const wrapped = seal(toSealingKey(kek), wrapContext(ring, place, kek, sealed.dekId), bytes);
    return { wrapped, kekVersion: kek.version };
  } finally {
    bytes.fill(0);
  }
}

/**
 * A keyed digest that is equal for equal values, whatever stands around them: space,
 * a `Bearer` before, another Unicode form. It is for comparing here and is shown to nobody.
 */
export function fingerprintOf(ring: Pick<KeyRing, "key">, value: Secret): { version: number; digest: Buffer } {
  const { key, version } = ring.key("fingerprint");
  const normalised = value
    .reveal()
    .normalize("NFC")
    .trim()
    .replace(/^bearer\s+/i, "");
  return { version, digest: createHmac("sha256", key).update("aegis/fp/v1").update(normalised, "utf8").digest() };
}

function sealField(ring: Ring, place: CredentialPlace, dek: SealingKey, field: string, value: Secret): Buffer {
  const text = value.reveal();
  // Half of a surrogate pair has no bytes: it would open to another text.
  if (!text.isWellFormed()) {
    throw new AppError("invalid_input", `field ${field} is not Unicode text`, {
      hint: "Give binary values in a text form such as base64.",
    });
  }
  const bytes = Buffer.from(text, "utf8");
  try {
    return seal(dek, fieldContext(ring, place, field), bytes);
  } finally {
    bytes.fill(0);
  }
}

function openField(ring: Ring, place: CredentialPlace, dek: SealingKey, field: string, blob: Buffer): Secret {
  const bytes = naming(`field ${field} of credential ${place.credentialId}`, `key ${dek.id}`, () =>
    unseal(dek, fieldContext(ring, place, field), blob),
  );
  try {
    return new Secret(bytes.toString("utf8"));
  } finally {
    bytes.fill(0);
  }
}

function openDek(ring: Ring, place: CredentialPlace, sealed: SealedKey): SealingKey {
  const bytes = openDekBytes(ring, place, sealed);
  try {
    return dekOf(sealed.dekId, bytes);
  } finally {
    bytes.fill(0);
  }
}

/** The caller overwrites them. */
function openDekBytes(ring: Ring, place: CredentialPlace, sealed: SealedKey): Buffer {
  const what = `credential ${place.credentialId}`;
  const { keyId, keyVersion } = naming(what, "its data key", () => readHeader(sealed.wrapped));
  const kek =
    keyVersion === sealed.kekVersion ? ring.find(credentialsPurpose(place.environment), keyVersion) : undefined;
  if (kek === undefined || toSealingKey(kek).id !== keyId) {
    throw new AppError(
      "sealed",
      `${what} does not open: its data key is sealed with key ${keyId} version ${keyVersion}, which is no ${place.environment} key of this store`,
      { hint: "Restore the store from a backup." },
    );
  }
  const bytes = naming(what, `key ${keyId}`, () =>
    unseal(toSealingKey(kek), wrapContext(ring, place, kek, sealed.dekId), sealed.wrapped),
  );
  const { key } = dekOf(sealed.dekId, bytes);
  if (isEqual(commitmentOf(key), sealed.commitment)) return bytes;
  bytes.fill(0);
  throw new AppError("sealed", `${what} does not open: its data key ${sealed.dekId} does not fit its commitment`, {
    hint: "Restore the store from a backup.",
  });
}

/** The envelope's own error knows neither the credential nor the key. */
function naming<T>(what: string, keyName: string, open: () => T): T {
  try {
    return open();
  } catch (cause) {
    if (!(cause instanceof AppError) || cause.code !== "sealed") throw cause;
    throw new AppError("sealed", `${what} does not open with ${keyName}: ${cause.message}`, {
      hint: "Restore the store from a backup.",
      cause,
    });
  }
}

function fieldContext(ring: Ring, place: CredentialPlace, field: string): SealContext {
  const { credentialId, environment, version, origin } = place;
  return ["aegis/v1/field", ring.instanceId, tenant, credentialId, field, environment, String(version), origin];
}

function wrapContext(ring: Ring, place: CredentialPlace, kek: RingKey, dekId: string): SealContext {
  const { credentialId, environment, version } = place;
  const { id: kekId, version: kekVersion } = toSealingKey(kek);
  return [
    "aegis/v1/wrap",
    ring.instanceId,
    tenant,
    kekId,
    String(kekVersion),
    dekId,
    credentialId,
    environment,
    String(version),
  ];
}

function toSealingKey({ id, version, key }: RingKey): SealingKey {
  return { id: id.replaceAll("-", ""), version, key };
}

function dekOf(dekId: string, bytes: Buffer): SealingKey {
  return { id: dekId.replaceAll("-", ""), version: dekVersion, key: createSecretKey(bytes) };
}
