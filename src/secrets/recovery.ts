/**
 * Recovery: the root key, sealed to an age recipient whose owner keeps the identity
 * away from this host. He first proves that he can decrypt: he answers a challenge
 * that only the identity opens. The answer comes from the root key, the recipient
 * and the day, so that nothing has to be kept between question and answer.
 */
import { createHmac, hkdfSync, timingSafeEqual } from "node:crypto";

import { decryptWithIdentity, encryptForRecipient, type AgeIdentity } from "./age.ts";
import type { SealingKey } from "./envelope.ts";
import { type KeyRecords } from "./key-record.ts";
import { toRootKey } from "./key-ring.ts";

const dayMs = 24 * 60 * 60 * 1000;

/** The challenge of today, as armored text for the recipient; `invalid_input` when that is no recipient. */
export function createChallenge(root: SealingKey, recipient: string, now: Date): Promise<string> {
  return encryptForRecipient(recipient, Buffer.from(`${answerOf(root, recipient, now)}\n`, "utf8"));
}

/** Whether this is what the challenge of today or yesterday holds. */
export function isAnswer(root: SealingKey, recipient: string, now: Date, answer: string): boolean {
  const given = Buffer.from(answer.trim(), "utf8");
  return [now, new Date(now.getTime() - dayMs)].some((day) => {
    const expected = Buffer.from(answerOf(root, recipient, day), "utf8");
    return given.length === expected.length && timingSafeEqual(given, expected);
  });
}

/** The root key for the recipient, as armored text. */
export async function sealForRecovery(root: SealingKey, recipient: string): Promise<string> {
  const bytes = root.key.export();
  try {
    return await encryptForRecipient(recipient, bytes);
  } finally {
    bytes.fill(0);
  }
}

/** The root key out of what `sealForRecovery` made; `sealed` when it is damaged or another store's. */
export async function openRecovery(records: KeyRecords, identity: AgeIdentity, sealed: string): Promise<SealingKey> {
  const bytes = await decryptWithIdentity(identity, Buffer.from(sealed, "latin1"), "the recovery of this store");
  return toRootKey(records, bytes);
}

function answerOf(root: SealingKey, recipient: string, now: Date): string {
  const key = Buffer.from(hkdfSync("sha256", root.key, Buffer.alloc(0), "aegis/v1/recovery-challenge", 32));
  const day = now.toISOString().slice(0, 10);
  const answer = createHmac("sha256", key).update(`${day} ${recipient}`).digest("base64url").slice(0, 24);
  key.fill(0);
  return answer;
}
