/** `keys recover`: who can bring the root key back, and doing it. */
import type { App } from "#app.ts";
import { AppError } from "#errors.ts";
import { appendEvent } from "#events/events.ts";
import { type AgeIdentity, readIdentityFile } from "#secrets/age.ts";
import { findRootSeal, openKeyRecords, unsealKeyLabel } from "#secrets/key-ring.ts";
import { type KeySource, describeKeySource, readKeySource } from "#secrets/key-source.ts";
import { createChallenge, isAnswer, openRecovery, sealForRecovery } from "#secrets/recovery.ts";
import { installNextKey } from "#secrets/unseal-key.ts";
import { type Db, transaction } from "#store/database.ts";
import { findInstanceId, listKeys, withKeyLock } from "#store/key-queries.ts";
import { readKeyRecords, tryKeys } from "#store/keys.ts";

import { labelOf, readRecovery } from "./keys.ts";
import { insertWaiver, listRecipients, upsertRecipient } from "./queries.ts";
import type { Recipient } from "./schema.ts";
import { promoteUnsealKey, stageUnsealKey } from "./staging.ts";
import { type UnsealRotation, placeOfNextKey } from "./unseal-rotation.ts";

/** Armored text that only the owner of the recipient's identity can read. Good for two days; nothing is kept. */
export async function askForProof(app: Pick<App, "db" | "now">, source: KeySource, recipient: string): Promise<string> {
  const { root } = await tryKeys(app.db, source);
  return createChallenge(root, recipient, app.now());
}

/** Seals the root key to the recipient, once the answer shows that its owner can decrypt. */
export async function addRecipient(
  app: Pick<App, "db" | "keys" | "now">,
  source: KeySource,
  { recipient, answer, by }: { recipient: string; answer: string; by: string },
): Promise<void> {
  const { root } = await tryKeys(app.db, source);
  const now = app.now();
  if (!isAnswer(root, recipient, now, answer)) {
    throw new AppError("invalid_input", "the answer is not what the challenge holds: nothing was recorded", {
      hint: `Decrypt the challenge of today (age --decrypt --identity FILE) and run it again: leveredge keys recover --add ${recipient}`,
    });
  }
  const sealed = await sealForRecovery(root, recipient);
  await transaction(app.db, async (tx) => {
    await upsertRecipient(tx, { recipient, sealed, provenAt: now.toISOString(), by });
    await appendEvent(tx, app.keys, {
      actor: by,
      action: "keys.recovery",
      target: `recipient ${recipient}`,
      outcome: "proven",
      details: {},
    });
  });
}

/** Records that somebody goes without recovery, in his own words, which begin with `I accept that`. */
export async function acceptNoRecovery(
  app: Pick<App, "db" | "keys">,
  { words, by }: { words: string; by: string },
): Promise<void> {
  const text = words.trim();
  if (!/^I accept that\s+\S+\s+\S+\s+\S+/i.test(text)) {
    throw new AppError(
      "invalid_input",
      "going without recovery is accepted in a sentence that begins with: I accept that",
      {
        hint: 'Say it: leveredge keys recover --none "I accept that without the unseal key every credential is lost"',
      },
    );
  }
  if ((await readRecovery(app.db)).state === "proven") {
    throw new AppError("conflict", "recovery is proven already: there is nothing to go without", {
      hint: "Look: leveredge keys status",
    });
  }
  await transaction(app.db, async (tx) => {
    await insertWaiver(tx, { words: text, by });
    await appendEvent(tx, app.keys, {
      actor: by,
      action: "keys.recovery",
      target: "recovery",
      outcome: "waived",
      details: { words: text },
    });
  });
}

/**
 * A new unseal key for a store whose own is lost, made with the age identity of a proven
 * recipient. A store that opens is left alone; a key file that is there is never written
 * over. Killed, the next call goes on.
 */
export function recoverUnsealKey(
  db: Db,
  source: KeySource,
  request: { identityPath: string; to?: string | undefined; dropOthers: boolean; by: string },
): Promise<UnsealRotation> {
  const { identityPath, to, dropOthers, by } = request;
  return withKeyLock(db, async () => {
    if ((await listKeys(db)).length === 0) {
      throw new AppError("not_found", "the store has no keys yet: there is nothing to recover");
    }
    if (await isStagedKeyInPlace(db, source)) {
      return { state: "rotated", ...(await promoteUnsealKey(db, await tryKeys(db, source), by)) };
    }
    const path = placeOfNextKey(source, to);
    const [instanceId, records] = [await findInstanceId(db), await readKeyRecords(db)];
    const { identity, sealed } = await findRecovery(db, identityPath);
    const root = await openRecovery(records, identity, sealed);
    const ring = openKeyRecords(instanceId, root, records.keys);
    const label = await stageUnsealKey(db, { ring, root, records }, { path, by, dropOthers });
    if (source.kind !== "file") return { state: "staged", label, path };
    await installNextKey(source.path);
    return { state: "rotated", ...(await promoteUnsealKey(db, await tryKeys(db, source), by)) };
  });
}

/** True when a killed recovery has put its key in place already. A key that opens the store, or is another's, is refused. */
async function isStagedKeyInPlace(db: Db, source: KeySource): Promise<boolean> {
  const unsealKey = await readKeySource(source);
  if (unsealKey === undefined) return false;
  const seal = findRootSeal(await readKeyRecords(db), unsealKey);
  if (seal?.state === "staged") return true;
  const holder = describeKeySource(source);
  if (seal !== undefined) {
    throw new AppError("conflict", `${holder} holds unseal key ${labelOf(seal)}, which opens this store`, {
      hint: "Replace it without recovery: leveredge keys rotate --unseal",
    });
  }
  throw new AppError(
    "conflict",
    `${holder} holds unseal key ${unsealKeyLabel(unsealKey)}, which does not open this store and may open another`,
    { hint: source.kind === "file" ? `Move it away: mv ${source.path} ${source.path}.other` : "Take it out first." },
  );
}

/** The recipient is chosen by the identity, not by trying. */
async function findRecovery(db: Db, path: string): Promise<{ identity: AgeIdentity; sealed: string }> {
  const [identities, recipients] = [await readIdentityFile(path), await listRecipients(db)];
  for (const identity of identities) {
    const match = recipients.find(({ recipient }) => recipient === identity.recipient);
    if (match !== undefined) return { identity, sealed: match.sealed };
  }
  throw new AppError("sealed", describeNoMatch(identities, recipients), {
    hint: "Use the identity of a recipient that was proven, or restore the unseal key from your copy of it.",
  });
}

function describeNoMatch(identities: readonly AgeIdentity[], recipients: readonly Recipient[]): string {
  const given = identities.map(({ recipient }) => recipient).join(", ");
  if (recipients.length === 0) return `no recovery was ever proven for this store: ${given} opens nothing in it`;
  return `the root key was sealed to ${recipients.map(({ recipient }) => recipient).join(", ")}, and the identity is of ${given}`;
}
