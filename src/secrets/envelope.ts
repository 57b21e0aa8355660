/**
 * Sealed values, format v1. A value sealed today opens with every later version
 * of this program; a new format or algorithm gets a new number.
 *
 *     "AEG" | format 1 | algorithm 1 | key id 16 | key version u32 | nonce 12 | ciphertext | tag 16
 *
 * Algorithm 1 is AES-256-GCM. What a value is for (its context) is authenticated
 * with it: a value that is moved to another row, field or key does not open. The
 * key is chosen by the id in the header, never by trying.
 */
import { type KeyObject, createCipheriv, createDecipheriv, randomBytes } from "node:crypto";

import { AppError } from "#errors.ts";

/** A symmetric key with the name that stands in the header of what it seals. */
export type SealingKey = {
  /** 16 bytes as 32 hexadecimal digits. */
  id: string;
  version: number;
  key: KeyObject;
};

/** What a value is for, in a fixed order: each part is authenticated with its length. */
export type SealContext = readonly string[];

const magic = Buffer.from("AEG", "latin1");
const format = 1;
const algorithm = { number: 1, name: "aes-256-gcm" } as const;
const keyIdBytes = 16;
const nonceBytes = 12;
const tagBytes = 16;
const versionOffset = magic.length + 2 + keyIdBytes;
const headerBytes = versionOffset + 4;

/** Encrypts and authenticates the plaintext together with its context, under a fresh nonce. */
export function seal(key: SealingKey, context: SealContext, plaintext: Buffer): Buffer {
  const header = writeHeader(key);
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv(algorithm.name, key.key, nonce, { authTagLength: tagBytes });
  cipher.setAAD(associatedData(context, header));
  return Buffer.concat([header, nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
}

/**
 * The plaintext, only when all of it is authentic. Another key, another context
 * and damage are one and the same error, `sealed`.
 */
export function unseal(key: SealingKey, context: SealContext, sealed: Buffer): Buffer {
  const header = sealed.subarray(0, headerBytes);
  const { keyId, keyVersion } = readHeader(sealed);
  if (keyId !== key.id || keyVersion !== key.version) throw doesNotOpen();
  const nonce = sealed.subarray(headerBytes, headerBytes + nonceBytes);
  const decipher = createDecipheriv(algorithm.name, key.key, nonce, { authTagLength: tagBytes });
  decipher.setAAD(associatedData(context, header));
  decipher.setAuthTag(sealed.subarray(sealed.length - tagBytes));
  const plaintext = decipher.update(sealed.subarray(headerBytes + nonceBytes, sealed.length - tagBytes));
  try {
    // `update` gives bytes before they are authenticated: they leave only after `final`.
    return Buffer.concat([plaintext, decipher.final()]);
  } catch (cause) {
    throw doesNotOpen(cause);
  } finally {
    plaintext.fill(0);
  }
}

/** Which key a value was sealed with; `sealed` when it is not of a format this version reads. */
export function readHeader(sealed: Buffer): { keyId: string; keyVersion: number } {
  const isOurs = sealed.length >= headerBytes + nonceBytes + tagBytes && sealed.subarray(0, magic.length).equals(magic);
  if (!isOurs || sealed[magic.length] !== format || sealed[magic.length + 1] !== algorithm.number) {
    throw new AppError("sealed", "a sealed value is damaged or of a format that this version does not read", {
      hint: "Restore it from a backup, or run the version of leveredge that wrote it.",
    });
  }
  return {
    keyId: sealed.toString("hex", magic.length + 2, versionOffset),
    keyVersion: sealed.readUInt32BE(versionOffset),
  };
}

/** Each part with its length before it (u32, big-endian), so that no two lists have the same bytes. */
export function lengthPrefixed(parts: readonly (string | Buffer)[]): Buffer {
  return Buffer.concat(
    parts.flatMap((part) => {
      const bytes = typeof part === "string" ? Buffer.from(part, "utf8") : part;
      const length = Buffer.alloc(4);
      length.writeUInt32BE(bytes.length);
      return [length, bytes];
    }),
  );
}

function writeHeader(key: SealingKey): Buffer {
  const version = Buffer.alloc(4);
  version.writeUInt32BE(key.version);
  return Buffer.concat([magic, Buffer.from([format, algorithm.number]), Buffer.from(key.id, "hex"), version]);
}

function associatedData(context: SealContext, header: Buffer): Buffer {
  return lengthPrefixed([...context, header]);
}

function doesNotOpen(cause?: unknown): AppError {
  return new AppError(
    "sealed",
    "a sealed value does not open: it is damaged, or sealed with another key or for another place",
    {
      hint: "Restore it from a backup.",
      ...(cause === undefined ? {} : { cause }),
    },
  );
}
