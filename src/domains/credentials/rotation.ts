/**
 * A rotation at the provider: create → check → switch → wait → revoke → confirm. Each
 * phase is a row before and after it is done, so that whoever comes next (the same
 * command, the worker) goes on where a killed program stopped.
 *
 * - One at a time carries a rotation on; while it is open the credential takes no other value.
 * - The new value is sealed as the next version before anything relies on it; a password
 *   that we choose is sealed before it is set.
 * - The old key is revoked only after the new one was seen alive, was switched to, lives
 *   at that moment, and the operator's grace is over; then it must be seen dead.
 * - A new key that does not live is revoked and the old one stays. What a killed program
 *   left at the provider bears the rotation's mark and is revoked.
 * - Where a provider ends the old key by making the new one, an answer that is lost on
 *   the way is lost: the rotation says so, and asks no second time.
 */
import { AppError } from "#errors.ts";
import type { CheckTools } from "#providers/ask.ts";
import { transaction } from "#store/database.ts";

import { lockCredential } from "./queries.ts";
import { requireCredential } from "./credentials.ts";
import { requireProvider } from "./registry.ts";
import { fail, revokeMarked, revokeNew, type Rotated, tell } from "./rotation-ends.ts";
import { takePhase } from "./rotation-phases.ts";
import { findUnfinishedRotation, holdRotation, insertRotation, type Rotation, updateWish } from "./rotation-queries.ts";
import {
  ask,
  openInput,
  openManager,
  type RotationApp,
  type RotationContext,
  type RotationSubject,
  type RotationWork,
  toolsOf,
} from "./rotation-values.ts";
import { requireRotator } from "./rotators/all.ts";
import { isLive } from "./standing.ts";
import { hasNoValue, openForUse } from "./vault.ts";

export type { Rotated } from "./rotation-ends.ts";
export type { RotationApp, RotationWork } from "./rotation-values.ts";

export type RotationWish = {
  /** The credential that may make and revoke keys, where the key itself may not. */
  manager?: string | undefined;
  /** How long the old key lives after the switch; 0 on the operator's word that nobody uses it. Default a day. */
  graceS?: number | undefined;
};

export const defaultGraceS = 86_400;

/** Begins one and carries it as far as it goes; one that is under way is carried on, and takes the wish. */
export async function rotateAtProvider(
  app: RotationApp,
  tools: CheckTools,
  name: string,
  wish: RotationWish,
  work: RotationWork,
): Promise<Rotated> {
  const rotated = await withRotation(app, tools, { name, work }, async (context) => {
    await beginOrTakeWish(context, wish);
    return carryOn(context);
  });
  return rotated ?? refuseBusy(name);
}

/** Begins one and asks nobody outside yet; one that is under way takes the wish. Whoever carries due rotations on does the rest. */
export async function requestRotation(
  app: RotationApp,
  name: string,
  wish: RotationWish,
  work: Pick<RotationWork, "requestedBy">,
): Promise<void> {
  await beginOrTakeWish({ ...(await findSubject(app, name)), app, work }, wish);
}

/** Goes on with the one that is under way; undefined when there is none, or somebody else is at it. */
export function carryOnRotation(
  app: RotationApp,
  tools: CheckTools,
  name: string,
  work: RotationWork,
): Promise<Rotated | undefined> {
  return withRotation(app, tools, { name, work }, async (context) => {
    const open = await findUnfinishedRotation(context.app.db, context.credential.id);
    return open === undefined ? undefined : carryOn(context);
  });
}

/**
 * Ends one on the operator's word. Before the switch the new key goes and the old one
 * stays, which must be seen alive where both cannot live; after it the new one stays, and
 * the old one is told as not revoked.
 */
export async function giveUpRotation(
  app: RotationApp,
  tools: CheckTools,
  name: string,
  work: RotationWork,
): Promise<Rotated> {
  const rotated = await withRotation(app, tools, { name, work }, async (context) => {
    const rotation = await findUnfinishedRotation(context.app.db, context.credential.id);
    if (rotation === undefined) {
      throw new AppError("conflict", `credential ${name} is not being rotated`, {
        hint: `See it with: leveredge credentials show ${name}`,
      });
    }
    return fail(context, rotation, await clearUp(context, rotation));
  });
  return rotated ?? refuseBusy(name);
}

function refuseBusy(name: string): never {
  throw new AppError("conflict", `the rotation of ${name} is being carried on by another process at this moment`, {
    hint: `Wait for it, then look with: leveredge credentials show ${name}`,
  });
}

/** Undefined when another process holds the rotation. */
async function withRotation<T>(
  app: RotationApp,
  tools: CheckTools,
  { name, work }: { name: string; work: RotationWork },
  act: (context: RotationContext) => Promise<T>,
): Promise<T | undefined> {
  const subject = await findSubject(app, name);
  return holdRotation(app.db, subject.credential.id, (session) =>
    act({ ...subject, app: { ...app, db: session }, store: app.db, tools, work }),
  );
}

async function findSubject(
  app: RotationApp,
  name: string,
): Promise<Pick<RotationSubject, "credential" | "provider" | "rotator">> {
  const credential = await requireCredential(app, name);
  if (credential.version === 0) throw hasNoValue(name);
  const { provider, source } = await requireProvider(app, credential.provider);
  return { credential, provider, rotator: requireRotator({ name: provider.name, source }) };
}

async function beginOrTakeWish(subject: RotationSubject, wish: RotationWish): Promise<void> {
  const open = await findUnfinishedRotation(subject.app.db, subject.credential.id);
  if (open === undefined) await begin(subject, wish);
  else await takeWish(subject, open, wish);
}

/** Nothing is written before the value opens, may be sent where it would go, and the manager is one. */
async function begin(context: RotationSubject, { manager, graceS = defaultGraceS }: RotationWish): Promise<void> {
  const { app, provider, rotator, work } = context;
  const credential = await requireCredential(app, context.credential.credentialName);
  const { credentialName: name } = credential;
  const { fields, version } = await openForUse(app, credential, { name: work.requestedBy });
  if (manager !== undefined) await openManager(app, { name: manager, provider, rotator, rotated: fields }, work);
  const begun = await transaction(app.db, async (tx) => {
    const locked = await lockCredential(tx, name);
    if (locked?.version !== version) return undefined;
    const row = { credentialId: locked.id, oldVersion: version, manager: manager ?? null, graceS };
    const rotation = await insertRotation(tx, { ...row, requestedBy: work.requestedBy });
    if (rotation !== undefined) await tell(tx, context, rotation, { outcome: "begun", details: { graceS } });
    return rotation;
  });
  if (begun === undefined) {
    throw new AppError("conflict", `credential ${name} was changed meanwhile`, { hint: "Look at it and begin again." });
  }
}

async function takeWish(context: RotationSubject, rotation: Rotation, wish: RotationWish): Promise<void> {
  const { app, provider, rotator, work } = context;
  if (wish.manager !== undefined && wish.manager !== rotation.manager) {
    const { fields } = await openInput(context, { ...rotation, manager: null });
    await openManager(app, { name: wish.manager, provider, rotator, rotated: fields }, work);
  }
  await updateWish(app.db, rotation.id, wish);
}

async function carryOn(context: RotationContext): Promise<Rotated> {
  const { app, credential, work } = context;
  for (;;) {
    work.signal.throwIfAborted();
    const rotation = await findUnfinishedRotation(app.db, credential.id);
    if (rotation === undefined) throw new AppError("conflict", "the rotation was ended by somebody else meanwhile");
    work.progress(`${credential.credentialName}: ${rotation.phase}`);
    const rotated = await takePhase(context, rotation);
    if (rotated !== undefined) return rotated;
  }
}

/** Leaves one live key in the store and, where that can be, none that nobody holds; answers what is true then. */
async function clearUp(context: RotationContext, rotation: Rotation): Promise<string> {
  const { rotator } = context;
  if (rotation.switchedAt !== null) {
    return `given up after the switch: the old key ${rotation.oldHandle ?? ""} was not proved dead, revoke it at the provider`;
  }
  if (rotator.kind === "issued") {
    if (rotation.phase !== "create") await revokeNew(context, rotation, rotator);
    else if (rotation.askedAt !== null) {
      const input = await openInput(context, rotation);
      const oldHandle = await rotator.identify(toolsOf(context), input);
      await revokeMarked(context, { rotator, input, spared: [oldHandle], oldHandle });
    }
    return "given up: the old key stays, the new one was revoked";
  }
  if (rotation.phase === "create" && rotation.askedAt === null)
    return "given up before a new key was made: the old one stays";
  await requireOldAlive(context, rotation);
  return "given up: the old key was seen alive and stays";
}

/** The new value may be the only live one. */
async function requireOldAlive(context: RotationContext, rotation: Rotation): Promise<void> {
  const { fields } = await openInput(context, { ...rotation, manager: null });
  const { verdict, detail } = await ask(context, fields);
  if (isLive(verdict)) return;
  const name = context.credential.credentialName;
  throw new AppError(
    "conflict",
    `the old key of ${name} was not seen alive (${verdict}, ${detail}): the new one may be all there is`,
    {
      hint: `Carry it on with: leveredge credentials rotate ${name} --by-provider`,
    },
  );
}
