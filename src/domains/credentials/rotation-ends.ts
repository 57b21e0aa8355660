/** How a rotation ends or waits, what it tells, and how keys that nobody is to use end at the provider. */
import { appendEvent } from "#events/events.ts";
import { type Db, transaction } from "#store/database.ts";

import { advanceRotation, deleteVersion, noteAttempt, type Rotation } from "./rotation-queries.ts";
import { openInput, type RotationContext, type RotationSubject, toolsOf } from "./rotation-values.ts";
import type { RotationInput, Rotator } from "./rotators/rotator.ts";

/** `waiting`: somebody carries it on later. `failed`: `why` says what is true now. */
export type Rotated =
  | { state: "done"; rotation: Rotation }
  | { state: "waiting"; rotation: Rotation; why: string }
  | { state: "failed"; rotation: Rotation; why: string };

/** Undefined: the next phase. */
export type Step = Promise<Rotated | undefined>;

export type IssuedRotator = Extract<Rotator, { kind: "issued" }>;

/** Ends it. A new value that was not switched to goes with it: its number is the next value's. */
export async function fail(context: RotationContext, rotation: Rotation, why: string): Promise<Rotated> {
  const { app, credential } = context;
  const failed = await transaction(app.db, async (tx) => {
    const next = await advanceRotation(tx, rotation, { phase: "failed", failure: why });
    if (next === undefined) return undefined;
    if (rotation.switchedAt === null) await deleteVersion(tx, credential.id, rotation.oldVersion + 1);
    await tell(tx, context, next, { outcome: "failed", details: { why } });
    return next;
  });
  return { state: "failed", rotation: failed ?? rotation, why };
}

/** Noted, for whoever comes later. */
export async function waitFor({ app }: RotationContext, rotation: Rotation, why: string): Promise<Rotated> {
  await noteAttempt(app.db, rotation, why);
  return { state: "waiting", rotation, why };
}

/** Nothing when somebody else was faster. */
export async function advance(
  { app }: RotationContext,
  rotation: Rotation,
  phase: Rotation["phase"],
): Promise<undefined> {
  await advanceRotation(app.db, rotation, { phase });
}

/** The new key of an issuing provider ends at the provider. */
export async function revokeNew(context: RotationContext, rotation: Rotation, rotator: IssuedRotator): Promise<void> {
  const { newHandle, oldHandle } = rotation;
  if (newHandle === null || newHandle === oldHandle) return;
  await rotator.revoke(toolsOf(context), await openInput(context, rotation), newHandle);
}

/** What earlier attempts made and could not keep. */
export async function revokeMarked(
  context: RotationContext,
  of: { rotator: IssuedRotator; input: RotationInput; spared: readonly (string | null)[]; oldHandle: string },
): Promise<void> {
  const { rotator, input, spared, oldHandle } = of;
  for (const handle of await rotator.listMarked(toolsOf(context), input, oldHandle)) {
    if (!spared.includes(handle)) await rotator.revoke(toolsOf(context), input, handle);
  }
}

/** In the transaction of what it tells. */
export async function tell(
  tx: Db,
  { app, credential, work }: Pick<RotationSubject, "app" | "credential" | "work">,
  rotation: Rotation,
  told: { outcome: "begun" | "created" | "switched" | "done" | "failed"; details: Record<string, unknown> },
): Promise<void> {
  const { credentialName: name, environment, provider } = credential;
  const { id, oldVersion, manager } = rotation;
  const notice = describeEnd(name, told.outcome, rotation.failure);
  await appendEvent(tx, app.keys, {
    key: `credentials.rotation:${id}:${told.outcome}`,
    actor: work.requestedBy,
    action: "credentials.rotation",
    target: `credential ${name}`,
    environment,
    outcome: told.outcome,
    details: { provider, rotation: id, oldVersion, manager, ...told.details },
    ...(notice === undefined ? {} : { notice: { ...notice, section: 3 } }),
  });
}

function describeEnd(name: string, outcome: string, failure: string | null): Notice | undefined {
  switch (outcome) {
    case "done":
      return { severity: "normal", title: `credential ${name} was rotated`, text: "The old key was seen dead." };
    case "failed":
      return { severity: "high", title: `the rotation of ${name} failed`, text: failure ?? "" };
    default:
      return undefined;
  }
}

type Notice = { severity: "normal" | "high"; title: string; text: string };
