/**
 * The steps that a new unseal key takes: its file is on disk, its seal is staged, it
 * takes the file's name, it is promoted. Each is found done when it is done, so that
 * a killed rotation or recovery goes on where it was.
 */
import { AppError } from "#errors.ts";
import { appendEvent } from "#events/events.ts";
import type { SealingKey } from "#secrets/envelope.ts";
import type { KeyRecords, RootSeal } from "#secrets/key-record.ts";
import { type KeyRing, sealRootKey } from "#secrets/key-ring.ts";
import { ensureUnsealKey, readUnsealKey } from "#secrets/unseal-key.ts";
import { type Db, transaction } from "#store/database.ts";
import { deleteRootSeal, insertRootSeal, updateRootSealState } from "#store/key-queries.ts";
import type { OpenedKeys } from "#store/keys.ts";

import { labelOf } from "./keys.ts";

/** What is needed to seal the root key once more. */
export type OpenedRoot = { ring: KeyRing; root: SealingKey; records: KeyRecords };

/**
 * The label of a new unseal key that lies at `path` and opens the store from now on,
 * beside the active one. A second call finds it. Seals of others that stand in its way
 * are refused by name, or with `dropOthers` taken away.
 */
export async function stageUnsealKey(
  db: Db,
  { ring, root, records }: OpenedRoot,
  { path, by, dropOthers }: { path: string; by: string; dropOthers: boolean },
): Promise<string> {
  const [staged, previous] = [findSeal(records, "staged"), findSeal(records, "previous")];
  const found = await readUnsealKey(path);
  if (staged !== undefined && found?.id === staged.unsealKeyId) return labelOf(staged);
  if (!dropOthers) refuseOthers({ staged, previous, path });
  if (found !== undefined && records.rootSeals.some(({ unsealKeyId }) => unsealKeyId === found.id)) {
    throw new AppError("conflict", `${path} holds an unseal key that this store knows already`, {
      hint: "Name a file that does not exist: the new key is written there.",
    });
  }
  const next = found ?? (await ensureUnsealKey(path));
  const seal = sealRootKey(ring.instanceId, root, records, next, "staged");
  await transaction(db, async (tx) => {
    if (dropOthers) {
      for (const state of ["staged", "previous"] as const) await deleteRootSeal(tx, state);
    }
    if (!(await insertRootSeal(tx, seal))) throw movedMeanwhile();
    await appendEvent(tx, ring, {
      actor: by,
      action: "keys.unseal",
      target: `unseal key ${labelOf(seal)}`,
      outcome: "staged",
      details: { dropped: dropOthers ? [staged, previous].flatMap((gone) => (gone ? [labelOf(gone)] : [])) : [] },
    });
  });
  return labelOf(seal);
}

/** The staged key that the store was opened with becomes the active one, and the active one the previous. */
export async function promoteUnsealKey(
  db: Db,
  { ring, seal, records }: OpenedKeys,
  by: string,
): Promise<{ label: string; previous: string | undefined }> {
  const [active, previous] = [findSeal(records, "active"), findSeal(records, "previous")];
  if (previous !== undefined) refuseOthers({ staged: undefined, previous, path: "" });
  const label = labelOf(seal);
  await transaction(db, async (tx) => {
    const moves = [
      ...(active === undefined ? [] : [{ id: active.unsealKeyId, from: "active", to: "previous" } as const]),
      { id: seal.unsealKeyId, from: "staged", to: "active" } as const,
    ];
    for (const { id, from, to } of moves) {
      if (!(await updateRootSealState(tx, id, { from, to }))) throw movedMeanwhile();
    }
    await appendEvent(tx, ring, {
      actor: by,
      action: "keys.unseal",
      target: `unseal key ${label}`,
      outcome: "rotated",
      details: { previous: active === undefined ? null : labelOf(active) },
      notice: {
        severity: "normal",
        title: `the store opens with a new unseal key, ${label}`,
        text: "Keep a copy of it away from this host.\nLook: leveredge keys status",
      },
    });
  });
  return { label, previous: active === undefined ? undefined : labelOf(active) };
}

export function findSeal({ rootSeals }: KeyRecords, state: RootSeal["state"]): RootSeal | undefined {
  return rootSeals.find((seal) => seal.state === state);
}

function refuseOthers({
  staged,
  previous,
  path,
}: {
  staged: RootSeal | undefined;
  previous: RootSeal | undefined;
  path: string;
}): void {
  if (staged !== undefined) {
    throw new AppError(
      "conflict",
      `a rotation to unseal key ${labelOf(staged)} was begun, and that key is not at ${path}`,
      {
        hint: `Finish it where that key is (leveredge keys rotate --unseal), or give it up: leveredge keys rotate --unseal --drop-staged`,
      },
    );
  }
  if (previous !== undefined) {
    throw new AppError("conflict", `the previous unseal key ${labelOf(previous)} still opens the store`, {
      hint: "When no host and no backup that you keep needs it any more: leveredge keys rotate --unseal --drop-previous",
    });
  }
}

function movedMeanwhile(): AppError {
  return new AppError("conflict", "the unseal keys of this store were changed in this moment", {
    hint: "Look: leveredge keys status",
  });
}
