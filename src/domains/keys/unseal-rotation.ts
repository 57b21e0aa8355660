/** `keys rotate --unseal`: a new unseal key in the place of the old one, which stays as the previous one until it is dropped. */
import type { App } from "#app.ts";
import { AppError } from "#errors.ts";
import { appendEvent } from "#events/events.ts";
import { type KeySource, describeKeySource } from "#secrets/key-source.ts";
import { installNextKey, nextKeyPath, previousKeyPath, readUnsealKey, removeKeyFile } from "#secrets/unseal-key.ts";
import { transaction } from "#store/database.ts";
import { deleteRootSeal, listRootSeals, withKeyLock } from "#store/key-queries.ts";
import { type OpenedKeys, tryKeys } from "#store/keys.ts";

import { labelOf } from "./keys.ts";
import { findSeal, promoteUnsealKey, stageUnsealKey } from "./staging.ts";

export type UnsealRotation =
  /** The key at `path` opens the store; it is active once the program is told to take it from there. */
  { state: "staged"; label: string; path: string } | { state: "rotated"; label: string; previous: string | undefined };

/**
 * Begins a rotation, or goes on with one that was killed. A key file is replaced in its
 * place; for any other source the new key is written to the file `to`, and the rotation
 * ends with the first call after the source was changed.
 */
export function rotateUnsealKey(
  app: Pick<App, "db" | "keys">,
  source: KeySource,
  { to, by }: { to?: string | undefined; by: string },
): Promise<UnsealRotation> {
  return withKeyLock(app.db, async () => {
    const opened = await openFor(app, source);
    if (opened.seal.state === "previous") throw holdsPrevious(source, labelOf(opened.seal));
    if (opened.seal.state === "staged") {
      return { state: "rotated", ...(await promoteUnsealKey(app.db, opened, by)) };
    }
    const path = placeOfNextKey(source, to);
    const label = await stageUnsealKey(app.db, opened, { path, by, dropOthers: false });
    if (source.kind !== "file") return { state: "staged", label, path };
    await installNextKey(source.path);
    return { state: "rotated", ...(await promoteUnsealKey(app.db, await openFor(app, source), by)) };
  });
}

/**
 * Ends the previous unseal key: it opens this store no more. Its file goes with it. The
 * label is undefined when there was none; a second call only takes away what a killed one left.
 */
export function dropPreviousKey(
  app: Pick<App, "db" | "keys">,
  source: KeySource,
  by: string,
): Promise<{ label: string | undefined; activeSince: string | undefined; removedFile: string | undefined }> {
  return withKeyLock(app.db, async () => {
    const { label } = await dropSeal(app, source, "previous", by);
    const active = (await listRootSeals(app.db)).find(({ state }) => state === "active");
    const path = source.kind === "file" ? previousKeyPath(source.path) : undefined;
    return { label, activeSince: active?.changedAt, removedFile: await removeUnknownKey(app, path) };
  });
}

/** Gives up a rotation that was begun: the staged key opens this store no more. */
export function dropStagedKey(
  app: Pick<App, "db" | "keys">,
  source: KeySource,
  by: string,
): Promise<{ label: string | undefined; removedFile: string | undefined }> {
  return withKeyLock(app.db, async () => {
    const { label } = await dropSeal(app, source, "staged", by);
    const path = source.kind === "file" ? nextKeyPath(source.path) : undefined;
    return { label, removedFile: await removeUnknownKey(app, path) };
  });
}

/** Where a key is written that is not in use yet. */
export function placeOfNextKey(source: KeySource, to: string | undefined): string {
  if (source.kind === "file") {
    if (to === undefined) return nextKeyPath(source.path);
    throw new AppError(
      "invalid_input",
      `--to is for sources that are no plain file; ${source.path} is replaced itself`,
      {
        hint: "Leave --to out.",
      },
    );
  }
  if (to !== undefined) return to;
  throw new AppError("invalid_input", `${describeKeySource(source)} cannot be written by this program`, {
    hint: "Name a file for the new key: --to /absolute/path",
  });
}

/** What an operator does with a key that was written for a source that is no plain file. */
export function describeMove(source: KeySource, path: string): string[] {
  const finish = "then finish: leveredge keys rotate --unseal";
  switch (source.kind) {
    case "file":
      return [];
    case "systemd":
      return [
        `1. systemd-creds encrypt --name=${source.name} ${path} CREDENTIAL-FILE, and load that file in the unit`,
        `2. systemctl daemon-reload, restart the unit, ${finish}`,
        `3. shred -u ${path}`,
      ];
    case "age":
      return [
        `1. age --encrypt --recipient age1… --output ${source.path} ${path}`,
        `2. ${finish}`,
        `3. shred -u ${path}`,
      ];
    case "env":
      return [`1. set ${source.name} to: base64 -w0 ${path}`, `2. ${finish}`, `3. shred -u ${path}`];
  }
}

/** Opened anew from its source; events go through the app's own ring, by which it knows that there is something to tell. */
async function openFor(app: Pick<App, "db" | "keys">, source: KeySource): Promise<OpenedKeys> {
  return { ...(await tryKeys(app.db, source)), ring: app.keys };
}

async function dropSeal(
  app: Pick<App, "db" | "keys">,
  source: KeySource,
  state: "staged" | "previous",
  by: string,
): Promise<{ label: string | undefined }> {
  const { ring, seal, records } = await openFor(app, source);
  if (seal.state === state) {
    if (state === "previous") throw holdsPrevious(source, labelOf(seal));
    throw new AppError("conflict", `${describeKeySource(source)} holds the staged unseal key ${labelOf(seal)}`, {
      hint: "Finish the rotation: leveredge keys rotate --unseal",
    });
  }
  const gone = findSeal(records, state);
  if (gone === undefined) return { label: undefined };
  await transaction(app.db, async (tx) => {
    await deleteRootSeal(tx, state);
    await appendEvent(tx, ring, {
      actor: by,
      action: "keys.unseal",
      target: `unseal key ${labelOf(gone)}`,
      outcome: "dropped",
      details: { state },
    });
  });
  return { label: labelOf(gone) };
}

/** Takes a key file away when the key in it opens nothing here. */
async function removeUnknownKey(app: Pick<App, "db">, path: string | undefined): Promise<string | undefined> {
  const key = path === undefined ? undefined : await readUnsealKey(path);
  if (path === undefined || key === undefined) return undefined;
  if ((await listRootSeals(app.db)).some(({ unsealKeyId }) => unsealKeyId === key.id)) return undefined;
  await removeKeyFile(path);
  return path;
}

function holdsPrevious(source: KeySource, label: string): AppError {
  return new AppError("conflict", `${describeKeySource(source)} holds the previous unseal key ${label}`, {
    hint: "Bring the active key here first: leveredge keys status names it.",
  });
}
