import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";

import { Decrypter, armor, generateHybridIdentity, generateIdentity, identityToRecipient } from "age-encryption";

import { AppError } from "#errors.ts";

import type { AgeIdentity } from "./age.ts";
import { createKeyRecords, openKeyRecords, openRecords, openRootKey, unsealKeyOf } from "./key-ring.ts";
import { createChallenge, isAnswer, openRecovery, sealForRecovery } from "./recovery.ts";

const instanceId = "6f1d9f3e-2a53-4c0e-9d4b-8f2b8d6b7c11";
const now = new Date("2026-11-22T23:59:00Z");
const isError = (code: string) => (error: unknown) => error instanceof AppError && error.code === code;

function makeStore() {
  const unsealKey = unsealKeyOf(randomBytes(32));
  const records = createKeyRecords(instanceId, unsealKey);
  return { unsealKey, records, root: openRootKey(instanceId, unsealKey, records) };
}

async function makeIdentity(generate = generateIdentity): Promise<AgeIdentity> {
  const identity = await generate();
  return { identity, recipient: await identityToRecipient(identity) };
}

async function decrypt({ identity }: AgeIdentity, armored: string): Promise<string> {
  const decrypter = new Decrypter();
  decrypter.addIdentity(identity);
  return decrypter.decrypt(armor.decode(armored), "text");
}

test("who decrypts the challenge has the answer, today and tomorrow", async () => {
  const { root } = makeStore();
  const mine = await makeIdentity();
  const answer = await decrypt(mine, await createChallenge(root, mine.recipient, now));

  assert.ok(isAnswer(root, mine.recipient, now, answer));
  assert.ok(isAnswer(root, mine.recipient, new Date("2026-11-23T23:59:00Z"), ` ${answer.trim()} `));
});

test("the answer of another day, recipient or store, or no answer, is none", async () => {
  const { root } = makeStore();
  const [mine, other] = [await makeIdentity(), await makeIdentity()];
  const answer = await decrypt(mine, await createChallenge(root, mine.recipient, now));

  assert.ok(!isAnswer(root, mine.recipient, new Date("2026-11-24T00:01:00Z"), answer));
  assert.ok(!isAnswer(root, mine.recipient, new Date("2026-11-21T23:59:00Z"), answer));
  assert.ok(!isAnswer(root, other.recipient, now, answer));
  assert.ok(!isAnswer(makeStore().root, mine.recipient, now, answer));
  for (const text of ["", " ", answer.trim().slice(1), `${answer.trim()}x`]) {
    assert.ok(!isAnswer(root, mine.recipient, now, text));
  }
});

test("the challenge opens with the identity of its recipient alone", async () => {
  const { root } = makeStore();
  const [mine, other] = [await makeIdentity(), await makeIdentity()];

  const challenge = await createChallenge(root, mine.recipient, now);

  assert.match(challenge, /^-----BEGIN AGE ENCRYPTED FILE-----\n/);
  await assert.rejects(decrypt(other, challenge), /no identity matched/);
});

test("the root key comes back with the identity that it was sealed to, of either kind", async () => {
  const { root, records, unsealKey } = makeStore();

  for (const mine of [await makeIdentity(), await makeIdentity(generateHybridIdentity)]) {
    const recovered = await openRecovery(records, mine, await sealForRecovery(root, mine.recipient));

    const ring = openKeyRecords(instanceId, recovered, records.keys);
    assert.ok(ring.key("audit").key.equals(openRecords(instanceId, unsealKey, records).key("audit").key));
  }
});

test("another identity, another store and a damaged recovery are refused", async () => {
  const [first, second] = [makeStore(), makeStore()];
  const [mine, other] = [await makeIdentity(), await makeIdentity()];
  const sealed = await sealForRecovery(first.root, mine.recipient);
  const short = await encryptText(mine, "short");

  await assert.rejects(openRecovery(first.records, other, sealed), isError("sealed"));
  await assert.rejects(openRecovery(second.records, mine, sealed), isError("sealed"));
  await assert.rejects(openRecovery(first.records, mine, short), isError("sealed"));
  for (const damaged of ["", sealed.slice(0, -40), sealed.replace("\n", "\nAAAA"), sealed.replace(/\n\w/, "\n~")]) {
    await assert.rejects(openRecovery(first.records, mine, damaged), isError("sealed"));
  }
});

test("what is no recipient that a file could open is refused", async () => {
  const { root } = makeStore();
  const { identity, recipient } = await makeIdentity();
  const texts = [
    "",
    "age1",
    "ssh-ed25519 AAAA",
    identity,
    recipient.slice(0, -1),
    recipient.toUpperCase(),
    "age1tag1qqqq",
  ];

  for (const text of texts) {
    await assert.rejects(createChallenge(root, text, now), isError("invalid_input"), text);
    await assert.rejects(sealForRecovery(root, text), isError("invalid_input"), text);
  }
});

async function encryptText({ recipient }: AgeIdentity, text: string): Promise<string> {
  const { Encrypter } = await import("age-encryption");
  const encrypter = new Encrypter();
  encrypter.addRecipient(recipient);
  return armor.encode(await encrypter.encrypt(text));
}
