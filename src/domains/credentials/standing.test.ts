import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import type { CheckAnswer } from "#providers/ask.ts";
import { Verdict } from "#providers/provider.ts";

import { confirmAfterMs, isDead, isLive, judgeAnswer, type Standing } from "./standing.ts";

const untouched: Standing = {
  validationStatus: "unknown",
  lastValidatedAt: null,
  attemptedAt: null,
  attemptVerdict: null,
  attemptDetail: null,
  deadVerdict: null,
  deadSeenAt: null,
  confirmAfter: null,
  discoveredExpiresAt: null,
  identity: null,
  scopes: null,
};

function answer(verdict: Verdict, told: Partial<CheckAnswer> = {}): CheckAnswer {
  return {
    ...{ verdict, detail: verdict, status: null, latencyMs: 1, expiresAt: null },
    ...{ scopes: null, identity: null, retryAfterS: null },
    ...told,
  };
}

const start = Date.parse("2026-11-22T00:00:00.000Z");
const at = (seconds: number): string => new Date(start + seconds * 1000).toISOString();

/** Answers with the seconds since the one before. */
const answers = fc.array(fc.tuple(fc.constantFrom(...Verdict.options), fc.integer({ min: 1, max: 200 })), {
  maxLength: 30,
});

test("a key is dead only after two dead answers a minute apart with no live one between them", () => {
  fc.assert(
    fc.property(answers, (sequence) => {
      let standing = untouched;
      let now = 0;
      let firstDeadAt: number | undefined;
      for (const [verdict, seconds] of sequence) {
        now += seconds;
        const wasDead = isDead(standing.validationStatus);
        standing = judgeAnswer(standing, answer(verdict), at(now)).standing;
        if (isLive(verdict)) firstDeadAt = undefined;
        if (isDead(verdict)) firstDeadAt ??= now;
        const isProved = firstDeadAt !== undefined && (now - firstDeadAt) * 1000 >= confirmAfterMs;
        if (!wasDead && isDead(standing.validationStatus)) assert.ok(isProved && isDead(verdict));
        if (isLive(verdict)) assert.equal(standing.validationStatus, verdict);
      }
    }),
  );
});

test("an answer that proves nothing leaves everything but the note of the attempt", () => {
  const nothing = Verdict.options.filter((verdict) => !isLive(verdict) && !isDead(verdict));
  fc.assert(
    fc.property(answers, fc.constantFrom(...nothing), (sequence, verdict) => {
      let now = 0;
      const before = sequence.reduce(
        (standing, [next, seconds]) => {
          now += seconds;
          return judgeAnswer(standing, answer(next), at(now)).standing;
        },
        judgeAnswer(untouched, answer("valid"), at(0)).standing,
      );

      const { standing, turns } = judgeAnswer(before, answer(verdict), at(now + 1));

      const { attemptedAt: _at, attemptVerdict: _verdict, attemptDetail: _detail, ...rest } = standing;
      const { attemptedAt: _a, attemptVerdict: _v, attemptDetail: _d, ...restBefore } = before;
      assert.deepEqual(rest, restBefore);
      assert.deepEqual(turns, []);
    }),
  );
});

test("a dead verdict is told once, and so is its end", () => {
  const first = judgeAnswer(untouched, answer("invalid"), at(0));
  const early = judgeAnswer(first.standing, answer("invalid"), at(30));
  const second = judgeAnswer(early.standing, answer("revoked"), at(61));
  const third = judgeAnswer(second.standing, answer("revoked"), at(200));
  const back = judgeAnswer(third.standing, answer("valid"), at(300));

  assert.deepEqual([first.needsConfirmation, early.needsConfirmation, second.needsConfirmation], [true, true, false]);
  assert.equal(early.standing.validationStatus, "unknown");
  assert.deepEqual(second.turns, [{ kind: "dead", verdict: "revoked", before: "unknown" }]);
  assert.deepEqual(third.turns, []);
  assert.deepEqual(back.turns, [{ kind: "live again", verdict: "valid", before: "revoked" }]);
});

test("another account or other scopes behind a key are told; what an answer does not tell stays known", () => {
  const known = judgeAnswer(
    untouched,
    answer("valid", { identity: "prod", scopes: ["read", "write"] }),
    at(0),
  ).standing;

  const silent = judgeAnswer(known, answer("valid"), at(10));
  const other = judgeAnswer(silent.standing, answer("valid", { identity: "dev", scopes: ["admin", "read"] }), at(20));

  assert.deepEqual(silent.turns, []);
  assert.deepEqual(other.turns, [
    { kind: "other account", from: "prod", to: "dev" },
    { kind: "other scopes", gained: ["admin"], lost: ["write"] },
  ]);
});

test("what cannot be checked says so only where nothing was known", () => {
  const fresh = judgeAnswer(untouched, answer("not_checkable"), at(0)).standing;
  const proved = judgeAnswer(judgeAnswer(untouched, answer("valid"), at(0)).standing, answer("not_checkable"), at(9));

  assert.equal(fresh.validationStatus, "not_checkable");
  assert.equal(proved.standing.validationStatus, "valid");
});

test("an expiry that the provider no longer tells of is no longer discovered", () => {
  const told = judgeAnswer(untouched, answer("valid", { expiresAt: "2027-01-01T00:00:00.000Z" }), at(0)).standing;
  const down = judgeAnswer(told, answer("provider_down"), at(10)).standing;
  const without = judgeAnswer(down, answer("valid"), at(20)).standing;

  assert.equal(down.discoveredExpiresAt, "2027-01-01T00:00:00.000Z");
  assert.equal(without.discoveredExpiresAt, null);
});
