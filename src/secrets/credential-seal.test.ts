import assert from "node:assert/strict";
import { createSecretKey } from "node:crypto";
import { test } from "node:test";

import fc from "fast-check";

import { AppError } from "#errors.ts";

import {
  type CredentialPlace,
  type SealedCredential,
  fingerprintOf,
  openCredential,
  rewrapCredential,
  sealCredential,
} from "./credential-seal.ts";
import type { Purpose } from "./key-record.ts";
import type { KeyRing, RingKey } from "./key-ring.ts";
import { Secret } from "./secret.ts";

const instanceId = "6f1d9f3e-2a53-4c0e-9d4b-8f2b8d6b7c11";
const purposes: Purpose[] = ["credentials-dev", "credentials-prod", "credentials-shared", "fingerprint"];

/** Keys that are the same in every run; `active` is the highest version that this ring knows. */
function fixedRing(options: { active?: number; salt?: number; instanceId?: string } = {}): KeyRing {
  const { active = 1, salt = 0 } = options;
  const keyOf = (purpose: Purpose, version: number): RingKey => ({
    id: `00000000-0000-4000-8000-0000000000${purposes.indexOf(purpose)}${version}`,
    version,
    key: createSecretKey(Buffer.alloc(32, purposes.indexOf(purpose) * 16 + version + salt)),
  });
  return {
    instanceId: options.instanceId ?? instanceId,
    key: (purpose) => keyOf(purpose, active),
    find: (purpose, version) => (version <= active ? keyOf(purpose, version) : undefined),
    reload: () => Promise.resolve(),
  };
}

const ring = fixedRing();
const place: CredentialPlace = {
  credentialId: "2b9e3f1c-7a64-4f4e-9a57-0c2f5d1f8e90",
  environment: "prod",
  version: 3,
  origin: "https://api.openai.com:443",
};
const values = { api_key: "sk-frozen-0001", password: "pässwörd ☃" };

/** Written by version 1 with the ring and for the place above: it opens for ever. */
const frozen: SealedCredential = {
  dekId: "a4a522d3-1cd8-4495-97cb-1d0159fa84cf",
  kekVersion: 1,
  wrapped: Buffer.from(
    "41454701010000000000004000800000000000001100000001b4f3434d3e1258713d2623196dec2e6d40ac79aa726d47b18841b9aa6ff37b99e612c7559172d9cacf04f2710f81aac9f09b749bd62cbb1bb4bf4481",
    "hex",
  ),
  commitment: Buffer.from("f3d7408c7b6a546c774446ea25133511bc6f03c81a1047776bbdf4f9c2a43cde", "hex"),
  fields: {
    api_key: Buffer.from(
      "4145470101a4a522d31cd8449597cb1d0159fa84cf000000010832a425b95f38a9e9acecc26de5595a0f2c9da34ff7137e6310641b838e7b90ea48855e3c9aa7c91c88",
      "hex",
    ),
    password: Buffer.from(
      "4145470101a4a522d31cd8449597cb1d0159fa84cf00000001ab9955a943b8f4d8882131c439e6aa1b77abc3b4eb5089a779ac970856226c008226a0d06acdabc32321",
      "hex",
    ),
  },
};

function toSecrets(texts: Record<string, string>): Record<string, Secret> {
  return Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, new Secret(text)]));
}

function reveal(fields: Record<string, Secret>): Record<string, string> {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, value.reveal()]));
}

/** Refused as `sealed`, naming the credential, with nothing of a value in what is said. */
function assertRefused(sealed: SealedCredential, at: CredentialPlace = place, keys: KeyRing = ring): void {
  assert.throws(
    () => openCredential(keys, at, sealed),
    (error) => {
      assert.ok(error instanceof AppError);
      assert.equal(error.code, "sealed");
      assert.match(error.message, new RegExp(at.credentialId));
      assert.match(error.message, /key/);
      for (const value of Object.values(values)) assert.ok(!error.message.includes(value));
      return true;
    },
  );
}

function flipBit(bytes: Buffer, bit: number): Buffer {
  const copy = Buffer.from(bytes);
  copy.writeUInt8(copy.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
  return copy;
}

/** Every flipped bit, every shortening and one byte too many. */
function damagesOf(bytes: Buffer): Buffer[] {
  return [
    ...Array.from({ length: bytes.length * 8 }, (_, bit) => flipBit(bytes, bit)),
    ...Array.from({ length: bytes.length }, (_, length) => bytes.subarray(0, length)),
    Buffer.concat([bytes, Buffer.alloc(1)]),
  ];
}

test("a credential sealed by version 1 of the format opens", () => {
  assert.deepEqual(reveal(openCredential(ring, place, frozen)), values);
});

test("what is sealed opens to the same fields at the same place", () => {
  const names = fc.string({ minLength: 1, maxLength: 20 });
  const texts = fc.string({ unit: "binary", maxLength: 400 });
  const places = fc.record({
    credentialId: fc.uuid(),
    environment: fc.constantFrom("dev", "prod", "shared"),
    version: fc.integer({ min: 1, max: 2 ** 31 - 1 }),
    origin: fc.constantFrom("", "https://api.example.com:443", "postgres://db:5432,https://a.example:443"),
  });

  fc.assert(
    fc.property(fc.dictionary(names, texts, { maxKeys: 5 }), places, (fields, at) => {
      const sealed = sealCredential(ring, at, toSecrets(fields));

      assert.deepEqual({ ...reveal(openCredential(ring, at, sealed)) }, { ...fields });
    }),
  );
});

test("two seals of one value share no key and no bytes of the value", () => {
  const [first, second] = [1, 2].map(() => sealCredential(ring, place, toSecrets(values)));
  assert.ok(first !== undefined && second !== undefined);

  assert.notEqual(first.dekId, second.dekId);
  assert.notDeepEqual(first.commitment, second.commitment);
  for (const blob of Object.values(first.fields)) assert.ok(!blob.includes(values.api_key));
});

test("every flipped bit and every truncation of a field, a wrap and a commitment is refused", () => {
  const damaged = [
    ...damagesOf(frozen.wrapped).map((wrapped) => ({ ...frozen, wrapped })),
    ...damagesOf(frozen.commitment).map((commitment) => ({ ...frozen, commitment })),
    ...Object.entries(frozen.fields).flatMap(([field, blob]) =>
      damagesOf(blob).map((bytes) => ({ ...frozen, fields: { ...frozen.fields, [field]: bytes } })),
    ),
  ];

  assert.ok(damaged.length > 2000);
  for (const sealed of damaged) assertRefused(sealed);
});

test("any bytes in the place of a sealed field are refused", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      assertRefused({ ...frozen, fields: { api_key: Buffer.from(bytes) } });
    }),
    { numRuns: 500 },
  );
});

test("a value that is moved to another place does not open", () => {
  const { api_key: apiKey = Buffer.alloc(0), password = Buffer.alloc(0) } = frozen.fields;
  const otherPlaces: CredentialPlace[] = [
    { ...place, credentialId: "2b9e3f1c-7a64-4f4e-9a57-0c2f5d1f8e91" },
    { ...place, environment: "dev" },
    { ...place, environment: "shared" },
    { ...place, version: 2 },
    { ...place, version: 4 },
    { ...place, origin: "https://api.openai.com:8443" },
    { ...place, origin: "" },
  ];
  const otherFields = [
    { api_key: password, password: apiKey },
    { api_key: password },
    { API_KEY: apiKey },
    { token: apiKey },
  ];

  for (const at of otherPlaces) assertRefused(frozen, at);
  for (const fields of otherFields) assertRefused({ ...frozen, fields });
  assertRefused(frozen, place, fixedRing({ instanceId: "00000000-0000-4000-8000-000000000000" }));
});

test("any two places that differ do not open each other's values", () => {
  const places = fc.record({
    credentialId: fc.constantFrom(place.credentialId, "2b9e3f1c-7a64-4f4e-9a57-0c2f5d1f8e91"),
    environment: fc.constantFrom("dev", "prod", "shared"),
    version: fc.integer({ min: 1, max: 30 }),
    origin: fc.constantFrom("", "https://a:443", "https://a:443,https://b:443"),
  });

  fc.assert(
    fc.property(places, places, (from, to) => {
      fc.pre(JSON.stringify(from) !== JSON.stringify(to));

      assertRefused(sealCredential(ring, from, toSecrets(values)), to);
    }),
  );
});

test("keys and fields of two versions cannot be mixed, whatever parts are taken", () => {
  const other = sealCredential(ring, place, toSecrets({ api_key: "sk-other", password: "other" }));

  assertRefused({ ...frozen, fields: other.fields });
  assertRefused({ ...frozen, dekId: other.dekId });
  assertRefused({ ...frozen, wrapped: other.wrapped });
  assertRefused({ ...frozen, wrapped: other.wrapped, commitment: other.commitment });
  assertRefused({ ...frozen, dekId: other.dekId, wrapped: other.wrapped, commitment: other.commitment });
  assertRefused({ ...frozen, dekId: other.dekId, fields: other.fields });
  assertRefused({ ...other, commitment: frozen.commitment });
});

test("another key of the environment is refused, by its id before anything is opened with it", () => {
  const twoKeys = fixedRing({ active: 2 });
  const underSecond = sealCredential(twoKeys, place, toSecrets(values));

  assertRefused(frozen, place, fixedRing({ salt: 100 }));
  assertRefused(underSecond);
  assertRefused({ ...frozen, kekVersion: 2 }, place, twoKeys);
  assert.throws(
    () => openCredential(ring, place, underSecond),
    /credential 2b9e.* key 00000000000040008000000000000012 version 2, which is no prod key of this store/,
  );
  const stranger = { ...ring.key("credentials-prod"), id: "00000000-0000-4000-8000-000000000099" };
  assert.throws(
    () => openCredential({ ...ring, find: () => stranger }, place, frozen),
    /key 00000000000040008000000000000011 version 1, which is no prod key of this store/,
  );
});

test("a value under an older key of its environment opens, and a new one goes under the highest", () => {
  const twoKeys = fixedRing({ active: 2 });

  assert.deepEqual(reveal(openCredential(twoKeys, place, frozen)), values);
  assert.equal(sealCredential(twoKeys, place, toSecrets(values)).kekVersion, 2);
});

test("rewrapping changes the wrap alone and needs the old key no more", () => {
  const moved = { ...frozen, ...rewrapCredential(fixedRing({ active: 2 }), place, frozen) };
  const second = fixedRing({ active: 2 });
  const withoutFirst = {
    ...second,
    find: (purpose: Purpose, version: number) => (version === 2 ? second.find(purpose, 2) : undefined),
  };

  assert.equal(moved.kekVersion, 2);
  assert.notDeepEqual(moved.wrapped, frozen.wrapped);
  assert.deepEqual(reveal(openCredential(withoutFirst, place, moved)), values);
});

test("what does not open is not rewrapped", () => {
  const twoKeys = fixedRing({ active: 2 });
  const other = sealCredential(ring, place, {});
  const isSealed = (error: unknown) => error instanceof AppError && error.code === "sealed";

  assert.throws(() => rewrapCredential(twoKeys, { ...place, version: 4 }, frozen), isSealed);
  assert.throws(() => rewrapCredential(twoKeys, place, { ...frozen, commitment: other.commitment }), isSealed);
  assert.throws(() => rewrapCredential(twoKeys, place, { ...frozen, wrapped: flipBit(frozen.wrapped, 400) }), isSealed);
});

test("a text that has no bytes of its own is refused by the name of its field", () => {
  assert.throws(
    () => sealCredential(ring, place, { api_key: new Secret("half\uD83D") }),
    (error) => error instanceof AppError && error.code === "invalid_input" && /field api_key/.test(error.message),
  );
});

test("equal values have one fingerprint however they are written, and it needs the key", () => {
  const digestOf = (text: string, keys = ring) => fingerprintOf(keys, new Secret(text)).digest.toString("hex");
  const same = ["sk-frozen-0001", " sk-frozen-0001\n", "Bearer sk-frozen-0001", "bearer  sk-frozen-0001 "];

  assert.deepEqual(
    same.map((text) => digestOf(text)),
    same.map(() => "84e5062a5030ba782565186d67ac3eefabe123f36a426583c1c235087d35daf7"),
  );
  assert.equal(digestOf("p\u00E4ss"), digestOf("pa\u0308ss"));
  assert.notEqual(digestOf("SK-frozen-0001"), digestOf("sk-frozen-0001"));
  assert.notEqual(digestOf("sk-frozen-0001", fixedRing({ salt: 1 })), digestOf("sk-frozen-0001"));
  assert.equal(fingerprintOf(fixedRing({ active: 4 }), new Secret("x")).version, 4);
});
