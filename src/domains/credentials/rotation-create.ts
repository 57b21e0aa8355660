/** The first phase: a new key is asked for, or chosen, and kept before anything else happens. */
import { setTimeout as pause } from "node:timers/promises";

import { AppError } from "#errors.ts";
import { transaction } from "#store/database.ts";

import { readFields } from "./fields.ts";
import { fail, type IssuedRotator, revokeMarked, type Step, tell, waitFor } from "./rotation-ends.ts";
import { advanceRotation, findRotation, noteAsked, readTimes, type Rotation } from "./rotation-queries.ts";
import { ask, hasSameSecret, openInput, type RotationContext, toolsOf } from "./rotation-values.ts";
import type { RotationInput } from "./rotators/rotator.ts";
import type { GivenFields } from "./schema.ts";
import { isDead, isLive } from "./standing.ts";
import { sealVersion } from "./vault.ts";

/** A key that is dead already is not rotated: what would follow from it is nobody's to say. */
export async function create(context: RotationContext, rotation: Rotation): Step {
  const { rotator } = context;
  if (rotator.kind === "in_place" && rotation.askedAt !== null) return settleLost(context, rotation);
  const input = await openInput(context, rotation);
  // A password that is lost may be set by another role; every other key is rotated while it lives.
  if (rotator.kind !== "chosen" || rotation.manager === null) {
    const { verdict, detail } = await ask(context, input.fields);
    if (isDead(verdict))
      return fail(context, rotation, `the key in use is ${verdict} already (${detail}): make one by hand`);
    if (!isLive(verdict)) return waitFor(context, rotation, `the key in use was not seen alive: ${verdict}, ${detail}`);
  }
  switch (rotator.kind) {
    case "issued":
      return issue(context, rotation, { rotator, input });
    case "in_place": {
      const asked = await intend(context, rotation);
      const { fields, handle } = await rotator.replace(toolsOf(context), input);
      return keep(context, asked, { fields, newHandle: handle, old: input.fields, phase: "check" });
    }
    case "chosen": {
      const fields = await rotator.choose(toolsOf(context), input);
      return keep(context, rotation, { fields, old: input.fields, phase: "apply" });
    }
  }
}

async function issue(
  context: RotationContext,
  rotation: Rotation,
  { rotator, input }: { rotator: IssuedRotator; input: RotationInput },
): Step {
  const oldHandle = await rotator.identify(toolsOf(context), input);
  await revokeMarked(context, { rotator, input, spared: [oldHandle], oldHandle });
  const asked = await intend(context, rotation);
  const made = await rotator.issue(toolsOf(context), input, oldHandle);
  if (made.handle === oldHandle) return fail(context, asked, "the provider gave the old key as the new one");
  const kept = { fields: made.fields, oldHandle, newHandle: made.handle, old: input.fields, phase: "check" as const };
  const step = await keep(context, asked, kept);
  // Somebody else made one meanwhile: this one is nobody's.
  const now = await findRotation(context.store, rotation.id);
  if (now?.newHandle !== made.handle) await rotator.revoke(toolsOf(context), input, made.handle);
  return step;
}

/** Said before it is asked: who comes after a kill knows that it may have happened. */
async function intend({ app }: RotationContext, rotation: Rotation): Promise<Rotation> {
  const asked = await noteAsked(app.db, rotation);
  if (asked !== undefined) return asked;
  throw new AppError("conflict", "the rotation was carried on by somebody else meanwhile");
}

/**
 * A key that ends when its successor is made was asked to end, and nobody holds an
 * answer. It is looked at and never asked for a rotation again.
 */
async function settleLost(context: RotationContext, rotation: Rotation): Step {
  const { app, credential } = context;
  if (!(await readTimes(app.db, rotation.id)).wasAskedLongAgo) {
    return waitFor(context, rotation, "the request for a new key may still be on its way: look again in a minute");
  }
  const { fields } = await openInput(context, rotation);
  const { verdict, detail } = await ask(context, fields);
  if (isLive(verdict)) {
    return fail(
      context,
      rotation,
      "the provider did not carry the request out: the old key lives and stays. Begin again",
    );
  }
  if (!isDead(verdict))
    return waitFor(context, rotation, `nobody can say whether the old key lives: ${verdict}, ${detail}`);
  const lost = "the provider ended the old key, and its answer with the new one was lost";
  return fail(
    context,
    rotation,
    `${lost}: make one by hand at the provider and revoke the lost one there, then: leveredge credentials rotate ${credential.credentialName}`,
  );
}

type NewValue = {
  fields: GivenFields;
  old: GivenFields;
  oldHandle?: string;
  newHandle?: string;
  phase: "apply" | "check";
};

/** Nobody else may ever hold it again: the store is tried more than once. */
async function keep(context: RotationContext, rotation: Rotation, made: NewValue): Step {
  if (hasSameSecret(context.provider, made.fields, made.old)) {
    return fail(context, rotation, "the provider gave the old value as the new one");
  }
  for (const waitMs of [500, 2_000, 8_000]) {
    try {
      await keepNew(context, rotation, made);
      return undefined;
    } catch (error) {
      if (error instanceof AppError) throw error;
      context.work.progress("the new key is not in the store yet; trying again");
      await pause(waitMs);
    }
  }
  await keepNew(context, rotation, made);
  return undefined;
}

/** Sealed as the version after the active one, in the transaction that says so. */
async function keepNew(context: RotationContext, rotation: Rotation, made: NewValue): Promise<void> {
  const { app, store, credential, provider, work } = context;
  const { secrets, settings } = readFields(provider, made.fields);
  await transaction(store, async (tx) => {
    const next = await advanceRotation(tx, rotation, made);
    if (next === undefined) return;
    const version = rotation.oldVersion + 1;
    const by = { name: work.requestedBy };
    const digest = await sealVersion(tx, app, {
      credential: { ...credential, version },
      provider,
      secrets,
      settings,
      by,
    });
    await tell(tx, context, next, { outcome: "created", details: { digest, version } });
  });
}
