/**
 * What a credential's checks have proved so far, and what the next answer makes of
 * it. Pure. Evidence is a live or a dead verdict; everything else moves nothing but
 * the note of the last attempt. A key counts as dead when two checks a minute apart
 * say so with no live answer between them: providers have bad moments.
 */
import type { CheckAnswer } from "#providers/ask.ts";
import type { Verdict } from "#providers/provider.ts";

/** The columns of a credential that checks move. */
export type Standing = {
  validationStatus: Verdict;
  lastValidatedAt: string | null;
  attemptedAt: string | null;
  attemptVerdict: Verdict | null;
  attemptDetail: string | null;
  deadVerdict: Verdict | null;
  deadSeenAt: string | null;
  /** From then on a second dead answer confirms the first. */
  confirmAfter: string | null;
  discoveredExpiresAt: string | null;
  identity: string | null;
  scopes: string[] | null;
};

export type Turn =
  | { kind: "dead"; verdict: Verdict; before: Verdict }
  | { kind: "live again"; verdict: Verdict; before: Verdict }
  | { kind: "other account"; from: string; to: string }
  | { kind: "other scopes"; gained: string[]; lost: string[] };

export type Judged = {
  standing: Standing;
  /** What turned: each is an event. */
  turns: Turn[];
  /** A dead answer that waits for a second one from `standing.confirmAfter` on. */
  needsConfirmation: boolean;
};

/** At least so long between the two answers that a dead verdict needs. */
export const confirmAfterMs = 60_000;

const nothingPending = { deadVerdict: null, deadSeenAt: null, confirmAfter: null };

const live: readonly Verdict[] = ["valid", "insufficient_scope"];
const dead: readonly Verdict[] = ["invalid", "expired", "revoked"];

export function isLive(verdict: Verdict): boolean {
  return live.includes(verdict);
}

export function isDead(verdict: Verdict): boolean {
  return dead.includes(verdict);
}

/** The standing after an answer that came at `at` (ISO). */
export function judgeAnswer(before: Standing, answer: CheckAnswer, at: string): Judged {
  const attempted = {
    ...before,
    attemptedAt: at,
    attemptVerdict: answer.verdict,
    attemptDetail: answer.detail,
  };
  if (isLive(answer.verdict)) return judgeLive(before, attempted, answer, at);
  if (isDead(answer.verdict)) return judgeDead(before, attempted, answer, at);
  const isFirstWord = answer.verdict === "not_checkable" && before.validationStatus === "unknown";
  const standing = isFirstWord ? { ...attempted, validationStatus: answer.verdict } : attempted;
  return { standing, turns: [], needsConfirmation: false };
}

function judgeLive(before: Standing, attempted: Standing, answer: CheckAnswer, at: string): Judged {
  const turns: Turn[] = [];
  if (isDead(before.validationStatus)) {
    turns.push({ kind: "live again", verdict: answer.verdict, before: before.validationStatus });
  }
  if (answer.identity !== null && before.identity !== null && answer.identity !== before.identity) {
    turns.push({ kind: "other account", from: before.identity, to: answer.identity });
  }
  const drift = compareScopes(before.scopes, answer.scopes);
  if (drift !== undefined) turns.push(drift);
  const standing = {
    ...attempted,
    validationStatus: answer.verdict,
    lastValidatedAt: at,
    ...nothingPending,
    discoveredExpiresAt: answer.expiresAt,
    identity: answer.identity ?? before.identity,
    scopes: answer.scopes ?? before.scopes,
  };
  return { standing, turns, needsConfirmation: false };
}

function judgeDead(before: Standing, attempted: Standing, answer: CheckAnswer, at: string): Judged {
  const { verdict } = answer;
  if (isDead(before.validationStatus)) {
    const standing = { ...attempted, validationStatus: verdict, lastValidatedAt: at };
    return { standing, turns: [], needsConfirmation: false };
  }
  if (before.deadSeenAt === null || before.confirmAfter === null) {
    const confirmAfter = new Date(Date.parse(at) + confirmAfterMs).toISOString();
    const standing = { ...attempted, deadVerdict: verdict, deadSeenAt: at, confirmAfter };
    return { standing, turns: [], needsConfirmation: true };
  }
  if (Date.parse(at) < Date.parse(before.confirmAfter)) {
    return { standing: { ...attempted, deadVerdict: verdict }, turns: [], needsConfirmation: true };
  }
  const standing = {
    ...attempted,
    ...nothingPending,
    validationStatus: verdict,
    lastValidatedAt: at,
    discoveredExpiresAt: answer.expiresAt ?? before.discoveredExpiresAt,
  };
  return { standing, turns: [{ kind: "dead", verdict, before: before.validationStatus }], needsConfirmation: false };
}

function compareScopes(before: string[] | null, now: string[] | null): Turn | undefined {
  if (before === null || now === null) return undefined;
  const gained = now.filter((scope) => !before.includes(scope)).toSorted();
  const lost = before.filter((scope) => !now.includes(scope)).toSorted();
  return gained.length === 0 && lost.length === 0 ? undefined : { kind: "other scopes", gained, lost };
}
