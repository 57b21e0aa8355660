import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";

import fc from "fast-check";

import { createKeyRecords, openRecords, unsealKeyOf } from "#secrets/key-ring.ts";
import { redact } from "#secrets/redact.ts";

import { createRandomText, createTokenText, hashText, isRandomText, matchesToken, readTokenId } from "./token-text.ts";

const instanceId = "6f1d9f3e-2a53-4c0e-9d4b-8f2b8d6b7c11";
const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const base62 = (length: number) =>
  fc.string({ unit: fc.constantFrom(...alphabet.split("")), minLength: length, maxLength: length });

function makeRing() {
  const unsealKey = unsealKeyOf(randomBytes(32));
  return openRecords(instanceId, unsealKey, createKeyRecords(instanceId, unsealKey));
}

test("a new token has the documented form, names itself and is taken out of text as a secret", () => {
  const { id, text } = createTokenText();

  assert.match(text.reveal(), /^aegis_pat_[0-9A-Za-z]{57}$/);
  assert.equal(readTokenId(text.reveal()), id);
  assert.equal(redact(`got ${text.reveal()} today`), "got [secret] today");
  assert.equal(String(text), "[secret]");
});

test("a token of a frozen text is readable forever", () => {
  const text = `aegis_pat_8Fq2Rz0b${"0".repeat(43)}`;

  assert.equal(readTokenId(`${text}0serah`), "8Fq2Rz0b");
});

test("a token with any character changed, left out or added is none", () => {
  const text = createTokenText().text.reveal();

  for (const index of text.split("").keys()) {
    for (const character of `${alphabet}_ -\n`) {
      const changed = text.slice(0, index) + character + text.slice(index + 1);
      assert.equal(readTokenId(changed) === undefined, changed !== text, `${index} ${character}`);
      assert.equal(readTokenId(text.slice(0, index) + character + text.slice(index)), undefined);
    }
    assert.equal(readTokenId(text.slice(0, index)), undefined);
    assert.equal(readTokenId(text.slice(0, index) + text.slice(index + 1)), undefined);
  }
});

test("of 100,000 random texts of the right form none passes", () => {
  fc.assert(
    fc.property(base62(57), (body) => readTokenId(`aegis_pat_${body}`) === undefined),
    { numRuns: 100_000 },
  );
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => readTokenId(text) === undefined));
});

test("only the token itself matches its hash, in its own store and as its own kind", () => {
  const [ring, other] = [makeRing(), makeRing()];
  const [text, stranger] = [createTokenText().text.reveal(), createTokenText().text.reveal()];
  const stored = hashText(ring, "pat", text);

  assert.ok(matchesToken(ring, text, stored));
  assert.ok(!matchesToken(ring, stranger, stored));
  assert.ok(!matchesToken(other, text, stored));
  assert.ok(!matchesToken(ring, text, hashText(ring, "session", text)));
  assert.ok(!matchesToken(ring, text, { ...stored, hash: stored.hash.subarray(0, 31) }));
  assert.throws(() => matchesToken(ring, text, { ...stored, keyVersion: 2 }), /no token key of version 2/);
});

test("links and sessions are 256 random bits, and nothing longer or shorter is one", () => {
  const text = createRandomText().reveal();

  assert.equal(Buffer.from(text, "base64url").length, 32);
  assert.ok(isRandomText(text));
  for (const other of ["", text.slice(1), `${text}a`, `${text}\n`, `${text.slice(1)}=`])
    assert.ok(!isRandomText(other));
});
