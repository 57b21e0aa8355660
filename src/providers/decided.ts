/** What a check tells people: a verdict and one line that says why, without the service's own prose. */
import { AppError, readErrorCode } from "#errors.ts";

import type { CheckAnswer } from "./ask.ts";
import { lookUp } from "./conditions.ts";
import { type Facts, noFacts } from "./facts.ts";
import type { Verdict } from "./provider.ts";
import type { Scrub } from "./scrub.ts";
import type { Answer } from "./verdict.ts";

/** What a step came to: an answer, or why there is none. */
export type Asked =
  | { state: "answered"; answer: Answer }
  | { state: "silent"; verdict: "provider_down" | "unknown"; why: string };

export type Decided = {
  verdict: Verdict;
  detail: string;
  status: string | null;
  facts: Facts;
  retryAfterS: number | null;
};

/** No more of an answer is read. */
export const maxBodyBytes = 64 * 1024;

/** An answer that a rule, or none, decided. */
export function describe(
  answer: Answer,
  verdict: Verdict,
  judged: { note: string | undefined; retryAfterS: number | null },
  facts: Facts,
): Decided {
  const { status } = answer;
  const said = typeof status === "number" ? `answered ${status}` : status === "ok" ? "let it in" : `answered ${status}`;
  const code = readShortCode(answer);
  const detail = [
    said,
    ...(code === undefined ? [] : [code]),
    ...(judged.note === undefined ? [] : [judged.note]),
    ...(answer.body.isWhole ? [] : [`only its first ${maxBodyBytes / 1024} KiB were read`]),
  ].join(", ");
  return { verdict, detail, status: String(status), facts, retryAfterS: judged.retryAfterS };
}

/** The service's own word for it, when it is one plain word. */
function readShortCode({ body, status }: Answer): string | undefined {
  if (typeof status !== "number" || status < 400) return undefined;
  const words = ["error.code", "error.type", "error", "code", "type", "name", "category", "errors[].code"].flatMap(
    (path) => lookUp(body.json, path),
  );
  return words
    .flatMap((value) => (typeof value === "string" || typeof value === "number" ? [String(value)] : []))
    .find((word) => word !== String(status) && /^(?:[A-Za-z][A-Za-z0-9_.-]{1,40}|\d{1,9})$/.test(word));
}

/** A fault of the address is the operator's, everything else the other side's or the way's. */
export function describeSilence(error: unknown): Asked {
  if (!(error instanceof AppError)) throw error;
  if (error.code === "invalid_input") return { state: "silent", verdict: "unknown", why: error.message };
  const cause = readErrorCode(error.cause);
  return {
    state: "silent",
    verdict: "provider_down",
    why: cause === undefined || error.message.includes(cause) ? error.message : `${error.message}: ${cause}`,
  };
}

/** Without an answer. */
export function undecided(verdict: Verdict, detail: string): Decided {
  return { verdict, detail, status: null, facts: noFacts, retryAfterS: null };
}

/** Signs that a row or a terminal takes for something else: control characters, NUL above all, and changes of direction. */
const unprintable = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu;

/** Text of a service as it can be kept: one line of printable characters. */
function asLine(text: string): string {
  return text.toWellFormed().replaceAll(unprintable, " ").trim();
}

/**
 * Fit to be kept and shown, whatever a service answered, and free of every value of the
 * credential: a fact that holds one, or has nothing left, is dropped.
 */
export function clean(
  { verdict, detail, status, facts, retryAfterS }: Decided,
  scrub: Scrub,
  latencyMs: number,
): CheckAnswer {
  const { expiresAt, scopes, identity } = facts;
  const keepFacts = (texts: readonly string[]): string[] =>
    texts.flatMap((text) => scrub.fact(asLine(text)) ?? []).filter((text) => text !== "");
  return {
    verdict,
    detail: scrub.text(asLine(detail)),
    status: status === null ? null : asLine(status),
    latencyMs,
    expiresAt,
    scopes: scopes === null ? null : [...new Set(keepFacts(scopes))],
    identity: identity === null ? null : (keepFacts([identity])[0] ?? null),
    retryAfterS,
  };
}
