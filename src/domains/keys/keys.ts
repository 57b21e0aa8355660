/**
 * The keys of a store, for the operator: what opens it, how its keys are replaced,
 * and how it is opened when the unseal key is lost.
 *
 * - The unseal key is replaced in steps that may be killed anywhere: the next key is
 *   on disk before the store knows it, the store opens with it before it takes the
 *   old one's place, and only then it is the active one. Whichever key file is there
 *   opens the store at every moment.
 * - The old unseal key stays, as the previous one, until somebody drops it by name of
 *   the option. Nothing here takes a key away by itself.
 * - The key of an environment's credentials gets a new version, and the credentials'
 *   data keys are sealed anew under it; older versions stay, because backups need them.
 * - Recovery counts as proven when the owner of an age identity has decrypted a
 *   challenge, and as accepted when somebody has said that he goes without.
 *
 * It does not know what a credential is: the domain that does hands in how their
 * data keys are sealed anew.
 */
import { AppError } from "#errors.ts";
import type { KeyRecord, RootSeal } from "#secrets/key-record.ts";
import { unsealKeyLabel } from "#secrets/key-ring.ts";
import { type KeySource, describeKeySource, readKeySource } from "#secrets/key-source.ts";
import type { Db } from "#store/database.ts";
import { listKeys, listRootSeals } from "#store/key-queries.ts";
import { tryKeys } from "#store/keys.ts";

import { findWaiver, listRecipients } from "./queries.ts";
import type { KeyStatus, RecoveryStatus } from "./schema.ts";

/** Everything about the keys but the keys, of a store that need not open. Writes nothing. */
export async function readKeyStatus(db: Db, source: KeySource): Promise<KeyStatus> {
  const [keys, seals] = [await listKeys(db), await listRootSeals(db)];
  const reason = await tryKeys(db, source).then(
    () => null,
    (error: unknown) => readReason(error),
  );
  const unsealKey = await readKeySource(source).catch((error: unknown) => {
    readReason(error);
    return undefined;
  });
  return {
    source: describeKeySource(source),
    unsealKey: unsealKey === undefined ? null : unsealKeyLabel(unsealKey),
    opens: reason === null,
    reason,
    unsealKeys: seals.map((seal) => ({ label: labelOf(seal), state: seal.state, since: seal.changedAt })),
    root: keys.find(({ purpose }) => purpose === "root")?.id ?? null,
    purposes: countVersions(keys),
    recovery: await readRecovery(db),
  };
}

/** Whether somebody can bring the root key back, or has said that he goes without. */
export async function readRecovery(db: Db): Promise<RecoveryStatus> {
  const recipients = await listRecipients(db);
  if (recipients.length > 0) {
    return { state: "proven", recipients: recipients.map(({ recipient, provenAt }) => ({ recipient, provenAt })) };
  }
  const waiver = await findWaiver(db);
  return waiver === undefined ? { state: "missing" } : { state: "accepted", waiver };
}

/** What people call the unseal key of a seal. */
export function labelOf(seal: Pick<RootSeal, "unsealKeyId">): string {
  return unsealKeyLabel({ id: seal.unsealKeyId });
}

function countVersions(keys: readonly KeyRecord[]): KeyStatus["purposes"] {
  const purposes = [...new Set(keys.map(({ purpose }) => purpose))].filter((purpose) => purpose !== "root");
  return purposes.map((purpose) => {
    const versions = keys.filter((key) => key.purpose === purpose).map(({ version }) => version);
    return { purpose, version: Math.max(...versions), versions: versions.length };
  });
}

/** A store that is sealed is an answer, anything else a failure. */
function readReason(error: unknown): string {
  if (error instanceof AppError && (error.code === "sealed" || error.code === "not_found")) return error.message;
  throw error;
}
