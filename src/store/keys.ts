/** The key ring of a store: its records in the database, its unseal key in the state directory. */
import { AppError } from "#errors.ts";
import {
  type KeyRecord,
  type KeyRing,
  createKeyRecord,
  createKeyRecords,
  expectedUnsealKeyLabel,
  openRecords,
} from "#secrets/key-ring.ts";
import { ensureUnsealKey, readUnsealKey, unsealKeyPath } from "#secrets/unseal-key.ts";

import { type Db, transaction } from "./database.ts";
import { findInstanceId, hasHashedTokens, hasKeyedRows, insertKey, listKeys } from "./key-queries.ts";

/**
 * Opens the key ring. A store without any key gets its keys, and the state
 * directory its unseal key, once, whoever comes first; a store that has keys gets
 * none but that of a later purpose: without the right unseal key it is `sealed`
 * and nothing is written.
 */
export async function openKeyRing(db: Db, stateDirectory: string): Promise<KeyRing> {
  const instanceId = await findInstanceId(db);
  const path = unsealKeyPath(stateDirectory);
  const isNew = (await listKeys(db)).length === 0;
  if (isNew) await makeKeys(db, instanceId, path);

  const records = await listKeys(db);
  const unsealKey = await readUnsealKey(path);
  if (unsealKey !== undefined) {
    if (!(await lacksTokenKey(db, records))) return openRecords(instanceId, unsealKey, records);
    await insertKey(db, createKeyRecord(instanceId, unsealKey, records, "token"));
    return openRecords(instanceId, unsealKey, await listKeys(db));
  }
  const label = expectedUnsealKeyLabel(records) ?? "unknown";
  throw new AppError("sealed", `the store is sealed with unseal key ${label} and there is no ${path}`, {
    hint: `Put your copy of unseal key ${label} at ${path} with mode 0400; without it nothing in this store opens again.`,
  });
}

/** True of a store that an older program made; where tokens exist their key was lost, and opening says so. */
async function lacksTokenKey(db: Db, records: readonly KeyRecord[]): Promise<boolean> {
  return !records.some(({ purpose }) => purpose === "token") && !(await hasHashedTokens(db));
}

/** Whoever inserts the root key inserts the others with it; everybody else waits for that and adds nothing. */
async function makeKeys(db: Db, instanceId: string, path: string): Promise<void> {
  if (await hasKeyedRows(db)) {
    throw new AppError("sealed", "the store has events but the keys they were written with are missing", {
      hint: "Restore the store from a backup.",
    });
  }
  const records = createKeyRecords(instanceId, await ensureUnsealKey(path));
  await transaction(db, async (tx) => {
    for (const record of records) {
      if (!(await insertKey(tx, record))) return;
    }
  });
}
