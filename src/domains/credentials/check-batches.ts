/**
 * What checks that run beside each other ask of the store: each in one statement for all
 * who ask at that moment. Every check is claimed, read and kept for itself all the same,
 * by the conditions of its own row.
 */
import type { App } from "#app.ts";
import { appendEvents } from "#events/events.ts";
import type { NewEvent } from "#events/schema.ts";
import { transaction } from "#store/database.ts";
import { createGroupCommit } from "#store/group-commit.ts";

import { type Checkable, claimChecks, keepChecks, type KeptCheck } from "./check-queries.ts";
import { listSealedVersions } from "./queries.ts";
import type { ReadSealed } from "./vault.ts";

/** What a check found, and the events of what turned with it. */
export type FoundCheck = { row: KeptCheck; events: readonly NewEvent[] };

export type CheckBatches = {
  /** Undefined when somebody else checks or changes it. */
  claim: (credential: Checkable) => Promise<{ claimedAt: string } | undefined>;
  readSealed: ReadSealed;
  /** Together with its events; false, and nothing written, when its claim or its value is another one by now. */
  keep: (found: FoundCheck) => Promise<boolean>;
};

/** A check takes 10 s at most, of AWS twice that, and its turn at the host as much; one that holds its claim longer was killed. */
const claimLapseMs = 60_000;

const limits = { mostAtOnce: 200 };

/** For one sweep, or one check. */
export function createCheckBatches(app: Pick<App, "db" | "keys">): CheckBatches {
  const claim = createGroupCommit(async (credentials: readonly Checkable[]) => {
    const claims = await claimChecks(app.db, credentials, claimLapseMs);
    const byId = new Map(claims.map(({ id, claimedAt }) => [id, { claimedAt }]));
    return credentials.map(({ id }) => byId.get(id));
  }, limits);
  const readSealed = createGroupCommit(async (wanted: readonly { credentialId: number; version: number }[]) => {
    const versions = await listSealedVersions(app.db, wanted);
    const byPlace = new Map(versions.map((found) => [`${found.credentialId}:${found.version}`, found]));
    return wanted.map(({ credentialId, version }) => byPlace.get(`${credentialId}:${version}`));
  }, limits);
  const keep = createGroupCommit((found: readonly FoundCheck[]) => keepTogether(app, found), limits);
  return { claim, readSealed: (credentialId, version) => readSealed({ credentialId, version }), keep };
}

async function keepTogether(app: Pick<App, "db" | "keys">, found: readonly FoundCheck[]): Promise<boolean[]> {
  const rows = found.map(({ row }) => row);
  const tellKept = (kept: readonly number[]): boolean[] => {
    const ids = new Set(kept);
    return rows.map(({ credentialId }) => ids.has(credentialId));
  };
  if (found.every(({ events }) => events.length === 0)) return tellKept(await keepChecks(app.db, rows));
  return transaction(app.db, async (tx) => {
    const isKept = tellKept(await keepChecks(tx, rows));
    await appendEvents(
      tx,
      app.keys,
      found.flatMap(({ events }, place) => (isKept[place] === true ? events : [])),
    );
    return isKept;
  });
}
