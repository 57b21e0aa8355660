/**
 * The texts that people and programs sign in with, and the hashes kept of them.
 *
 * An API token is `aegis_pat_`, 8 characters that name it, 43 that hold 256
 * random bits, and 6 of CRC-32 over all before; base62 throughout. The checksum
 * tells a truncated or mistyped token without asking the store, and lets scanners
 * find leaked ones. It proves nothing. Links and sessions are 256 bits in
 * base64url. The format is kept: a token in use must stay readable.
 *
 * Stored is HMAC-SHA256 under the store's token key, with the kind in front, so
 * that a hash of one kind is no hash of another and a copy of the database opens
 * nothing. The texts are random, so that a slow hash would add nothing.
 */
import { createHmac, randomBytes, randomInt, timingSafeEqual } from "node:crypto";
import { crc32 } from "node:zlib";

import { AppError } from "#errors.ts";
import type { KeyRing } from "#secrets/key-ring.ts";
import { Secret } from "#secrets/secret.ts";

const prefix = "aegis_pat_";
const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const idLength = 8;
const secretLength = 43;
const checksumLength = 6;
const secretBytes = 32;

const tokenPattern = new RegExp(`^${prefix}([0-9A-Za-z]{${idLength}})[0-9A-Za-z]{${secretLength + checksumLength}}$`);

type Kind = "pat" | "link" | "session";

export type StoredHash = { hash: Buffer; keyVersion: number };

/** A new API token and the public part that names it. */
export function createTokenText(): { id: string; text: Secret } {
  const id = encodeBase62(BigInt(randomInt(alphabet.length ** idLength)), idLength);
  const secret = encodeBase62(BigInt(`0x${randomBytes(secretBytes).toString("hex")}`), secretLength);
  const body = `${prefix}${id}${secret}`;
  return { id, text: new Secret(body + checksumOf(body)) };
}

/** The public part of a token; undefined when the text is none: wrong form or wrong checksum. */
export function readTokenId(text: string): string | undefined {
  const id = tokenPattern.exec(text)?.[1];
  if (id === undefined) return undefined;
  return text.slice(-checksumLength) === checksumOf(text.slice(0, -checksumLength)) ? id : undefined;
}

/** A new value for a sign-in link or a session's cookie. */
export function createRandomText(): Secret {
  return new Secret(randomBytes(secretBytes).toString("base64url"));
}

/** Whether a text can have been made by `createRandomText`. */
export function isRandomText(text: string): boolean {
  return /^[\w-]{43}$/.test(text);
}

/** The hash to store, under the active key. */
export function hashText(keys: KeyRing, kind: Kind, text: string): StoredHash {
  const { key, version } = keys.key("token");
  return { hash: createHmac("sha256", key).update(`aegis/v1/${kind}\0${text}`).digest(), keyVersion: version };
}

/** Whether this token is the one that the hash was made of, in time that does not tell where they differ. */
export function matchesToken(keys: KeyRing, text: string, stored: StoredHash): boolean {
  const ringKey = keys.find("token", stored.keyVersion);
  if (ringKey === undefined) {
    throw new AppError("sealed", `the store has no token key of version ${stored.keyVersion}`, {
      hint: "Restore the store from a backup.",
    });
  }
  const computed = createHmac("sha256", ringKey.key).update(`aegis/v1/pat\0${text}`).digest();
  return computed.length === stored.hash.length && timingSafeEqual(computed, stored.hash);
}

function checksumOf(text: string): string {
  return encodeBase62(BigInt(crc32(text)), checksumLength);
}

/** Of fixed width: a number has one text. */
function encodeBase62(value: bigint, length: number): string {
  const base = BigInt(alphabet.length);
  let text = "";
  for (let rest = value; text.length < length; rest /= base) text = `${alphabet[Number(rest % base)]}${text}`;
  return text;
}
