/**
 * The phases of a rotation. Each reads what is to be done, does one thing outside, and
 * moves on in one transaction; each may be done twice. `undefined` goes on with the next.
 */
import { AppError, type ErrorCode } from "#errors.ts";
import { transaction } from "#store/database.ts";

import { deleteVersionsBefore, lockCredential, takeNextVersion } from "./queries.ts";
import { create } from "./rotation-create.ts";
import { advance, fail, revokeMarked, revokeNew, type Step, tell, waitFor } from "./rotation-ends.ts";
import { advanceRotation, findRotation, readTimes, type Rotation } from "./rotation-queries.ts";
import { ask, openInput, openNew, openRevokeInput, type RotationContext, toolsOf } from "./rotation-values.ts";
import { isDead, isLive } from "./standing.ts";

/** So many dead answers, minutes apart, until a new key counts as stillborn. */
const deadAnswers = 3;
const keptVersions = 10;

/** What the outside refuses or does not answer is written down and waits. */
export async function takePhase(context: RotationContext, rotation: Rotation): Step {
  try {
    return await choosePhase(context, rotation);
  } catch (error) {
    if (!(error instanceof AppError) || !outside.includes(error.code)) throw error;
    const why = error.hint === undefined ? error.message : `${error.message}. ${error.hint}`;
    return (await isHopeless(context, rotation, error))
      ? fail(context, rotation, why)
      : waitFor(context, rotation, why);
  }
}

const outside: readonly ErrorCode[] = [
  "upstream_failed",
  "upstream_timeout",
  "forbidden",
  "invalid_input",
  "conflict",
  "not_found",
];

/** A no at the beginning, when there is surely no new key yet. */
async function isHopeless({ app }: RotationContext, rotation: Rotation, { code }: AppError): Promise<boolean> {
  if (rotation.phase !== "create" || rotation.askedAt !== null) return false;
  if (code === "forbidden") return true;
  const isAsked = (await findRotation(app.db, rotation.id))?.askedAt !== null;
  return !isAsked && code !== "upstream_failed" && code !== "upstream_timeout";
}

async function choosePhase(context: RotationContext, rotation: Rotation): Step {
  switch (rotation.phase) {
    case "create":
      return create(context, rotation);
    case "apply":
      return apply(context, rotation);
    case "check":
      return checkNew(context, rotation);
    case "switch":
      return switchOver(context, rotation);
    case "wait":
      return waitForGrace(context, rotation);
    case "revoke":
      return revoke(context, rotation);
    case "confirm":
      return confirm(context, rotation);
    case "done":
      return { state: "done", rotation };
    case "failed":
      return { state: "failed", rotation, why: rotation.failure ?? "" };
  }
}

async function apply(context: RotationContext, rotation: Rotation): Step {
  const { rotator } = context;
  if (rotator.kind === "chosen") {
    const input = await openInput(context, rotation);
    await rotator.apply(toolsOf(context), input, await openNew(context, rotation));
  }
  return advance(context, rotation, "check");
}

/** Only a key that was seen alive is switched to - unless the old one ended with its making: then it can only be better. */
async function checkNew(context: RotationContext, rotation: Rotation): Step {
  const { rotator } = context;
  const { verdict, detail } = await ask(context, await openNew(context, rotation));
  if (isLive(verdict)) return advance(context, rotation, "switch");
  const why = `the new key was not seen alive: ${verdict}, ${detail}`;
  if (!isDead(verdict) || rotation.attempts + 1 < deadAnswers) return waitFor(context, rotation, why);
  if (rotator.kind === "issued") {
    await revokeNew(context, rotation, rotator);
    return fail(context, rotation, `${why}; it was revoked and the old one stays`);
  }
  const input = await openInput(context, rotation);
  const old = await ask(context, input.fields);
  if (isLive(old.verdict)) return fail(context, rotation, `${why}; the old one lives and stays`);
  if (isDead(old.verdict)) return advance(context, rotation, "switch");
  return waitFor(context, rotation, why);
}

async function switchOver(context: RotationContext, rotation: Rotation): Step {
  const { app, credential } = context;
  await transaction(app.db, async (tx) => {
    const locked = await lockCredential(tx, credential.credentialName);
    if (locked?.version !== rotation.oldVersion) {
      throw new AppError("conflict", `credential ${credential.credentialName} got another value during its rotation`, {
        hint: `Give the rotation up with: leveredge credentials rotate ${credential.credentialName} --by-provider --give-up`,
      });
    }
    const next = await advanceRotation(tx, rotation, { phase: "wait" });
    if (next === undefined) return;
    await takeNextVersion(tx, credential.id);
    await tell(tx, context, next, { outcome: "switched", details: { version: rotation.oldVersion + 1 } });
  });
  return undefined;
}

/** The old key may still be in use somewhere: the operator's word or the time says when it is not. */
async function waitForGrace(context: RotationContext, rotation: Rotation): Step {
  if (context.rotator.kind !== "issued") return advance(context, rotation, "confirm");
  if ((await readTimes(context.app.db, rotation.id)).isGraceOver) return advance(context, rotation, "revoke");
  const until = new Date(Date.parse(rotation.switchedAt ?? rotation.startedAt) + rotation.graceS * 1000).toISOString();
  return { state: "waiting", rotation, why: `the old key lives until ${until.slice(0, 16).replace("T", " ")} UTC` };
}

/** Revoked when it is surely not the one in use, and the one in use lives at this moment. */
async function revoke(context: RotationContext, rotation: Rotation): Step {
  const { rotator } = context;
  if (rotator.kind === "issued") {
    const { verdict, detail } = await ask(context, await openNew(context, rotation));
    if (!isLive(verdict)) {
      return waitFor(context, rotation, `the old key stays while the new one is not seen alive: ${verdict}, ${detail}`);
    }
    const { oldHandle, newHandle } = rotation;
    if (oldHandle === null || oldHandle === newHandle) {
      return fail(context, rotation, "nobody knows what the provider calls the old key: revoke it there by hand");
    }
    const input = await openRevokeInput(context, rotation);
    await revokeMarked(context, { rotator, input, spared: [oldHandle, newHandle], oldHandle });
    await rotator.revoke(toolsOf(context), input, oldHandle);
  }
  return advance(context, rotation, "confirm");
}

/** The old key must be seen dead: a revocation that did not happen is worse than none that was promised. */
async function confirm(context: RotationContext, rotation: Rotation): Step {
  const { rotator } = context;
  const { fields } = await openInput(context, { ...rotation, manager: null });
  if (rotator.kind === "issued" && rotation.oldHandle !== null && rotation.attempts > 0) {
    await rotator.revoke(toolsOf(context), await openRevokeInput(context, rotation), rotation.oldHandle);
  }
  const { verdict, detail } = await ask(context, fields);
  if (isDead(verdict)) return finish(context, rotation);
  return waitFor(context, rotation, `the old key was not seen dead: ${verdict}, ${detail}`);
}

async function finish(context: RotationContext, rotation: Rotation): Step {
  const { app, credential } = context;
  const done = await transaction(app.db, async (tx) => {
    const next = await advanceRotation(tx, rotation, { phase: "done" });
    if (next === undefined) return undefined;
    await deleteVersionsBefore(tx, credential.id, rotation.oldVersion + 2 - keptVersions);
    await tell(tx, context, next, { outcome: "done", details: {} });
    return next;
  });
  return { state: "done", rotation: done ?? rotation };
}
