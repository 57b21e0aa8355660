import assert from "node:assert/strict";
import { createSecretKey } from "node:crypto";
import { test } from "node:test";

import fc from "fast-check";

import { AppError } from "#errors.ts";

import { type SealingKey, lengthPrefixed, readHeader, seal, unseal } from "./envelope.ts";

const keyOf = (byte: number, id = "00112233445566778899aabbccddeeff", version = 7): SealingKey => ({
  id,
  version,
  key: createSecretKey(Buffer.alloc(32, byte)),
});
const key = keyOf(1);
const context = ["aegis/v1/field", "instance", "password"];
const isSealed = (error: unknown) => error instanceof AppError && error.code === "sealed";

/** Written by version 1 with the key above and the text `frozen`: it opens forever. */
const frozen = Buffer.from(
  "414547010100112233445566778899aabbccddeeff000000073c8c0b2ce66634d62bc6808bca01e57fff9d2f23f9bc8bed515773da7a30932ce7b7",
  "hex",
);

test("what is sealed opens to the same bytes with the same key and context", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.array(fc.string(), { maxLength: 5 }), (bytes, parts) => {
      const plaintext = Buffer.from(bytes);

      assert.deepEqual(unseal(key, parts, seal(key, parts, plaintext)), plaintext);
    }),
  );
});

test("a value sealed by version 1 of the format opens", () => {
  assert.equal(unseal(key, context, frozen).toString(), "frozen");
});

test("the header names the key", () => {
  assert.deepEqual(readHeader(seal(key, context, Buffer.from("x"))), { keyId: key.id, keyVersion: 7 });
});

test("every single flipped bit and every shortening is refused", () => {
  const sealed = seal(key, context, Buffer.from("a value worth keeping"));
  const damaged = [
    ...Array.from({ length: sealed.length * 8 }, (_, bit) => {
      const copy = Buffer.from(sealed);
      copy.writeUInt8(copy.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      return copy;
    }),
    ...Array.from({ length: sealed.length }, (_, length) => sealed.subarray(0, length)),
    Buffer.concat([sealed, Buffer.alloc(1)]),
  ];

  for (const value of damaged) assert.throws(() => unseal(key, context, value), isSealed);
});

test("another key, another context and another key version are refused with one and the same error", () => {
  const sealed = seal(key, context, Buffer.from("value"));
  const attempts = [
    () => unseal(keyOf(2), context, sealed),
    () => unseal(key, ["aegis/v1/field", "instance", "username"], sealed),
    () => unseal(key, ["aegis/v1/field", "instancepassword"], sealed),
    () => unseal(keyOf(1, key.id, 8), context, sealed),
    () => unseal(keyOf(1, "ff112233445566778899aabbccddeeff"), context, sealed),
  ];

  const messages = attempts.map((attempt) => {
    try {
      return attempt().toString();
    } catch (error) {
      assert.ok(isSealed(error));
      return error instanceof Error ? error.message : "";
    }
  });

  assert.equal(new Set(messages).size, 1);
  assert.match(messages[0] ?? "", /does not open/);
});

test("two lists of parts have the same bytes only when they are the same", () => {
  const parts = fc.array(fc.string({ maxLength: 3 }), { maxLength: 4 });

  fc.assert(
    fc.property(parts, parts, (a, b) => {
      assert.equal(lengthPrefixed(a).equals(lengthPrefixed(b)), JSON.stringify(a) === JSON.stringify(b));
    }),
  );
});
