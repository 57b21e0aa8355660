/** `keys rotate --kek`: a new key for an environment's credentials, and their data keys sealed anew under it. */
import type { App } from "#app.ts";
import type { Environment } from "#domain.ts";
import { AppError } from "#errors.ts";
import { appendEvent } from "#events/events.ts";
import type { NewEvent } from "#events/schema.ts";
import { createPurposeKey, credentialsPurpose } from "#secrets/key-record.ts";
import type { KeySource } from "#secrets/key-source.ts";
import { transaction } from "#store/database.ts";
import { insertKey, withKeyLock } from "#store/key-queries.ts";
import { tryKeys } from "#store/keys.ts";

type Progress = (text: string, done?: number, total?: number) => void;

/**
 * Seals the data keys of an environment's credentials anew under the active key, until
 * none is left under another one but those that do not open. Killed or called twice, the
 * next call goes on.
 */
export type RewrapCredentials = (
  app: Pick<App, "db" | "keys">,
  environment: Environment,
  options: { signal: AbortSignal; progress: Progress },
) => Promise<{ rewrapped: number; unopened: string[] }>;

export type EnvironmentRotation = {
  environment: Environment;
  /** Of the key that is active now. */
  version: number;
  /** Data keys that were sealed anew. */
  rewrapped: number;
  /** Versions of credentials whose data key does not open; they stay as they are. */
  unopened: string[];
  /** True when this call ended a rotation that an earlier one began, and made no key. */
  resumed: boolean;
};

/** Makes the next version of the key, or ends the rotation that an earlier call left unfinished. */
export function rotateEnvironmentKey(
  app: Pick<App, "db" | "keys">,
  source: KeySource,
  request: {
    environment: Environment;
    by: string;
    rewrap: RewrapCredentials;
    signal: AbortSignal;
    progress: Progress;
  },
): Promise<EnvironmentRotation> {
  const { environment, rewrap, signal, progress } = request;
  const purpose = credentialsPurpose(environment);
  return withKeyLock(app.db, async () => {
    await app.keys.reload();
    const left = await rewrap(app, environment, { signal, progress });
    const resumed = left.rewrapped > 0;
    if (!resumed) await addKey(app, source, request);
    const { rewrapped, unopened } = resumed ? left : await rewrap(app, environment, { signal, progress });
    const { version } = app.keys.key(purpose);
    await record(app, request, { version, outcome: "rotated", rewrapped, unopened });
    return { environment, version, rewrapped, unopened, resumed };
  });
}

async function addKey(
  app: Pick<App, "db" | "keys">,
  source: KeySource,
  { environment, by }: { environment: Environment; by: string },
): Promise<void> {
  const purpose = credentialsPurpose(environment);
  const { root } = await tryKeys(app.db, source);
  const version = app.keys.key(purpose).version + 1;
  await transaction(app.db, async (tx) => {
    if (!(await insertKey(tx, createPurposeKey(app.keys.instanceId, root, purpose, version)))) {
      throw new AppError("conflict", `version ${version} of the ${environment} key was made in this moment`, {
        hint: `Run it again: leveredge keys rotate --kek ${environment}`,
      });
    }
    await appendEvent(tx, app.keys, describeEvent({ environment, by }, { version, outcome: "made" }));
  });
  await app.keys.reload();
}

async function record(
  app: Pick<App, "db" | "keys">,
  request: { environment: Environment; by: string },
  result: { version: number; outcome: string; rewrapped: number; unopened: string[] },
): Promise<void> {
  await transaction(app.db, (tx) => appendEvent(tx, app.keys, describeEvent(request, result)));
}

function describeEvent(
  { environment, by }: { environment: Environment; by: string },
  { version, outcome, ...done }: { version: number; outcome: string; rewrapped?: number; unopened?: string[] },
): NewEvent {
  return {
    actor: by,
    action: "keys.environment",
    target: `credentials key of ${environment}`,
    environment,
    outcome,
    details: { version, ...done },
  };
}
