/**
 * Rewrapping: after a rotation of an environment's key the data key of each version is
 * sealed anew with it. Fields stay as they are. A batch is one transaction, so that a
 * killed run loses nothing and several at once share the work; readers read on, because
 * a version is under the old key or the new one and both open.
 */
import type { App } from "#app.ts";
import { AppError } from "#errors.ts";
import { credentialsPurpose } from "#secrets/key-record.ts";
import { rewrapCredential } from "#secrets/credential-seal.ts";
import { transaction } from "#store/database.ts";

import { countVersionsUnderOtherKeys, lockVersionsToRewrap, updateWraps } from "./queries.ts";
import type { Environment } from "./schema.ts";

export type RewrapWork = {
  signal: AbortSignal;
  progress: (text: string, done?: number, total?: number) => void;
  /** Versions in one transaction. */
  batch?: number;
};

/** `unopened`: versions (`uid version`) whose data key does not open with the key they name; they stay as they are. */
export type Rewrapped = { rewrapped: number; unopened: string[] };

type RewrapApp = Pick<App, "db" | "keys">;

/** Until no version of the environment lies under another key than the newest. A second call finds nothing to do. */
export async function rewrapCredentials(
  app: RewrapApp,
  environment: Environment,
  work: RewrapWork,
): Promise<Rewrapped> {
  await app.keys.reload();
  const active = app.keys.key(credentialsPurpose(environment)).version;
  const total = await countVersionsUnderOtherKeys(app.db, environment, active);
  let rewrapped = 0;
  const pass = (waits: boolean) =>
    rewrapPass(app, { environment, active, waits }, work, (count) => {
      rewrapped += count;
      work.progress(`rewrapped ${environment} credentials`, Math.min(rewrapped, total), total);
    });
  for (;;) {
    if ((await pass(false)).rewrapped > 0) continue;
    // What is left now is in somebody else's hands at this moment, or does not open.
    const last = await pass(true);
    if (last.rewrapped === 0) return { rewrapped, unopened: last.unopened };
  }
}

async function rewrapPass(
  app: RewrapApp,
  range: { environment: Environment; active: number; waits: boolean },
  { signal, batch = 500 }: RewrapWork,
  count: (rewrapped: number) => void,
): Promise<Rewrapped> {
  const passed: Rewrapped = { rewrapped: 0, unopened: [] };
  let after = { credentialId: 0, version: 0 };
  for (;;) {
    signal.throwIfAborted();
    const done = await rewrapBatch(app, { ...range, after, limit: batch });
    passed.rewrapped += done.rewrapped;
    passed.unopened.push(...done.unopened);
    count(done.rewrapped);
    if (done.last === undefined) return passed;
    after = done.last;
  }
}

type Batch = Parameters<typeof lockVersionsToRewrap>[1];

function rewrapBatch(app: RewrapApp, batch: Batch): Promise<Rewrapped & { last: Batch["after"] | undefined }> {
  return transaction(app.db, async (tx) => {
    const locked = await lockVersionsToRewrap(tx, batch);
    const unopened: string[] = [];
    const wraps = locked.flatMap((row) => {
      const { credentialId, uid, environment, version, origin } = row;
      try {
        return [
          {
            credentialId,
            version,
            ...rewrapCredential(app.keys, { credentialId: uid, environment, version, origin }, row),
          },
        ];
      } catch (error) {
        if (!(error instanceof AppError) || error.code !== "sealed") throw error;
        unopened.push(`${uid} ${version}`);
        return [];
      }
    });
    if (wraps.length > 0) await updateWraps(tx, wraps);
    return { rewrapped: wraps.length, unopened, last: locked.at(-1) };
  });
}
