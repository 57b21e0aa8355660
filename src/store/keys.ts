/** The key ring of a store: its records in the database, its unseal key outside. */
import { AppError } from "#errors.ts";
import type { SealingKey } from "#secrets/envelope.ts";
import { type KeyRecords, type Purpose, type RootSeal, createPurposeKey, purposes } from "#secrets/key-record.ts";
import {
  type KeyRing,
  createKeyRecords,
  expectedUnsealKeyLabel,
  findRootSeal,
  openKeyRecords,
  openRootKey,
} from "#secrets/key-ring.ts";
import { type KeySource, describeKeySource, readKeySource } from "#secrets/key-source.ts";
import { ensureUnsealKey, unsealKeyPath } from "#secrets/unseal-key.ts";

import { type Db, transaction } from "./database.ts";
import { findInstanceId, hasRowsOf, insertKey, insertRootSeal, listKeys, listRootSeals } from "./key-queries.ts";

/** A store that is open: for those who make keys, and not only use them. */
export type OpenedKeys = {
  ring: KeyRing;
  root: SealingKey;
  /** The seal that the source's key opened. */
  seal: RootSeal;
  records: KeyRecords;
};

/** What no key was made for in stores of the first program. */
const laterPurposes = ["token", "credentials-dev", "credentials-prod", "credentials-shared"] as const;

/** What is written with a key of each purpose. */
const rowsOf: Record<Purpose, string> = {
  audit: "events",
  fingerprint: "fingerprints",
  token: "tokens",
  "credentials-dev": "dev credentials",
  "credentials-prod": "prod credentials",
  "credentials-shared": "shared credentials",
};

/** The key ring of a store whose unseal key lies in the state directory, as `openKeys` opens it. */
export async function openKeyRing(db: Db, stateDirectory: string): Promise<KeyRing> {
  return (await openKeys(db, { kind: "file", path: unsealKeyPath(stateDirectory), isOwn: true })).ring;
}

/**
 * Opens the keys. A store without any key gets its keys, and a key file its unseal
 * key, once, whoever comes first; a store that has keys gets none but those of later
 * purposes: without the right unseal key it is `sealed` and nothing is written.
 */
export async function openKeys(db: Db, source: KeySource): Promise<OpenedKeys> {
  const instanceId = await findInstanceId(db);
  if ((await listKeys(db)).length === 0) await makeKeys(db, instanceId, source);
  const records = await readKeyRecords(db);
  const unsealKey = await requireUnsealKey(source, records);
  const root = openRootKey(instanceId, unsealKey, records, describeHolder(source));
  await addLaterKeys(db, instanceId, root, records);
  return openStored(db, instanceId, { root, unsealKey });
}

/** The same of a store that is only looked at: nothing is written, whatever is missing. */
export async function tryKeys(db: Db, source: KeySource): Promise<OpenedKeys> {
  const [instanceId, records] = [await findInstanceId(db), await readKeyRecords(db)];
  if (records.keys.length === 0) {
    throw new AppError("not_found", "the store has no keys yet", { hint: "Open it once: leveredge doctor" });
  }
  const unsealKey = await requireUnsealKey(source, records);
  const root = openRootKey(instanceId, unsealKey, records, describeHolder(source));
  return openStored(db, instanceId, { root, unsealKey });
}

/** Everything that `openKeys` reads, opened or not. */
export async function readKeyRecords(db: Db): Promise<KeyRecords> {
  return { keys: await listKeys(db), rootSeals: await listRootSeals(db) };
}

/** Read anew: another process may have added keys meanwhile. */
async function openStored(
  db: Db,
  instanceId: string,
  { root, unsealKey }: { root: SealingKey; unsealKey: SealingKey },
): Promise<OpenedKeys> {
  const records = await readKeyRecords(db);
  const seal = findRootSeal(records, unsealKey);
  if (seal === undefined) throw new AppError("sealed", "the seal of this unseal key was dropped in this moment");
  const ring = openKeyRecords(instanceId, root, records.keys, () => listKeys(db));
  return { ring, root, seal, records };
}

async function requireUnsealKey(source: KeySource, records: KeyRecords): Promise<SealingKey> {
  const unsealKey = await readKeySource(source);
  if (unsealKey !== undefined) return unsealKey;
  const label = expectedUnsealKeyLabel(records) ?? "unknown";
  if (source.kind === "file") {
    throw new AppError("sealed", `the store is sealed with unseal key ${label} and there is no ${source.path}`, {
      hint: `Put your copy of unseal key ${label} there with mode 0400, or recover: leveredge keys recover --identity FILE`,
    });
  }
  throw new AppError(
    "sealed",
    `the store is sealed with unseal key ${label} and ${describeKeySource(source)} is not there`,
    {
      hint: `Give this process unseal key ${label}, or correct LEVEREDGE_UNSEAL_KEY.`,
    },
  );
}

/** The path of a key file is not said where everybody reads; `keys status` shows it. */
function describeHolder(source: KeySource): string {
  return source.kind === "file" ? "the key file" : describeKeySource(source);
}

/**
 * A store that an older program made gets the keys that program did not know. Where
 * something was made with one it is not new but lost: nothing is written, and opening says so.
 */
async function addLaterKeys(db: Db, instanceId: string, root: SealingKey, records: KeyRecords): Promise<void> {
  const missing: Purpose[] = laterPurposes.filter(
    (purpose) => !records.keys.some((record) => record.purpose === purpose),
  );
  for (const purpose of missing) {
    if (await hasRowsOf(db, purpose)) return;
  }
  if (missing.length === 0) return;
  const added = missing.map((purpose) => createPurposeKey(instanceId, root, purpose, 1));
  await transaction(db, async (tx) => {
    for (const record of added) await insertKey(tx, record);
  });
}

/** Whoever inserts the root key inserts the others with it; everybody else waits for that and adds nothing. */
async function makeKeys(db: Db, instanceId: string, source: KeySource): Promise<void> {
  for (const purpose of purposes) {
    if (!(await hasRowsOf(db, purpose))) continue;
    throw new AppError("sealed", `the store has ${rowsOf[purpose]} but the keys they were written with are missing`, {
      hint: "Restore the store from a backup.",
    });
  }
  const { keys, rootSeals } = createKeyRecords(instanceId, await firstUnsealKey(source));
  await transaction(db, async (tx) => {
    for (const record of keys) {
      if (!(await insertKey(tx, record))) return;
    }
    for (const seal of rootSeals) await insertRootSeal(tx, seal);
  });
}

/** The state directory's own file is made; every other source is somebody else's and must be there. */
async function firstUnsealKey(source: KeySource): Promise<SealingKey> {
  if (source.kind === "file" && source.isOwn) return ensureUnsealKey(source.path);
  const unsealKey = await readKeySource(source);
  if (unsealKey !== undefined) return unsealKey;
  throw new AppError(
    "sealed",
    `the store has no keys yet and ${describeKeySource(source)}, to seal them with, is not there`,
    {
      hint: "Make a key (head -c 32 /dev/urandom) and give it to this process, or unset LEVEREDGE_UNSEAL_KEY.",
    },
  );
}
