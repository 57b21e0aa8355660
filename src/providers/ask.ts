/**
 * A live check: the steps of a definition that are for this credential, asked one
 * after the other until a rule decides. Nothing that a service answers throws; only a
 * field that cannot be sent does. No text of the answer holds a value of the credential.
 */
import type { Outbound, OutboundResponse } from "#outbound/outbound.ts";
import type { Secret } from "#secrets/secret.ts";

import { lookUp, readBody } from "./conditions.ts";
import { type Asked, clean, type Decided, describe, describeSilence, maxBodyBytes, undecided } from "./decided.ts";
import { type Facts, noFacts, readFacts } from "./facts.ts";
import type { Provider, Step, Verdict } from "./provider.ts";
import { askPostgres } from "./postgres-check.ts";
import { effectiveOrigin } from "./origin.ts";
import { listApplyingSteps, withDefaults } from "./requests.ts";
import { createScrub } from "./scrub.ts";
import { planSignedRequest } from "./signed-requests.ts";
import { askSmtp } from "./smtp-check.ts";
import type { Values } from "./templates.ts";
import type { Slots } from "#outbound/slots.ts";
import { type Answer, judge } from "./verdict.ts";

export type Outside = Readonly<Record<string, { url: string; allow_private: boolean }>>;

export type CheckTools = {
  outbound: Outbound;
  outside: Outside;
  now: () => Date;
  /** How many may ask one host at a time, and who may not be asked at all for a while. */
  slots?: Slots;
};

export type CheckAnswer = {
  verdict: Verdict;
  /** One line for people. */
  detail: string;
  /** Of the answer that decided; null when there was none. */
  status: string | null;
  latencyMs: number;
  expiresAt: string | null;
  scopes: string[] | null;
  identity: string | null;
  retryAfterS: number | null;
};

/** What is left of the time in which all steps must be answered; waiting for a turn costs none. */
type Budget = { leftMs: number };

type Work = { signal: AbortSignal; limitMs: number };

/** Asks whether the credential lives; `invalid_input` names a field that is missing or cannot be sent. */
export async function checkFields(
  tools: CheckTools,
  provider: Provider,
  fields: Readonly<Record<string, Secret>>,
  { signal, limitMs = 10_000 }: { signal: AbortSignal; limitMs?: number },
): Promise<CheckAnswer> {
  const given = Object.entries(fields).flatMap(([name, value]) => {
    const text = value.reveal();
    return text === "" ? [] : [[name, text] as const];
  });
  const values = withDefaults(provider, Object.fromEntries(given));
  const secrets = Object.entries(provider.fields).flatMap(([name, { type }]) =>
    type === "secret" ? [values[name] ?? ""] : [],
  );
  const startedAt = performance.now();
  const { decided, captured } = await decide(tools, provider, values, { signal, limitMs });
  signal.throwIfAborted();
  return clean(decided, createScrub([...secrets, ...captured]), Math.round(performance.now() - startedAt));
}

async function decide(
  tools: CheckTools,
  provider: Provider,
  values: Values,
  work: Work,
): Promise<{ decided: Decided; captured: string[] }> {
  const { check } = provider;
  switch (check.kind) {
    case "none":
      return { decided: undecided("not_checkable", check.why), captured: [] };
    case "postgres":
    case "smtp": {
      const facts = check.kind === "postgres" ? check : {};
      const asked = await askServer(tools, provider, check, values, work);
      return { decided: decideOnce(tools, asked, { ...facts, rules: check.rules }, values), captured: [] };
    }
    case "http":
      return walk(tools, provider, listApplyingSteps(check.steps, values), values, work);
  }
}

async function walk(
  tools: CheckTools,
  provider: Provider,
  steps: readonly Step[],
  values: Values,
  { signal, limitMs }: Work,
): Promise<{ decided: Decided; captured: string[] }> {
  if (steps.length === 0)
    return { decided: undecided("not_checkable", "no request of this check is for such a credential"), captured: [] };
  const budget = { leftMs: limitMs };
  const captured: Record<string, string> = {};
  let facts = noFacts;
  const end = (decided: Decided) => ({ decided, captured: Object.values(captured) });
  for (const step of steps) {
    const known = { ...values, ...captured };
    const asked = await ask(tools, provider, step, known, { signal, budget });
    if (asked.state === "silent") return end({ ...undecided(asked.verdict, asked.why), facts });
    const judged = judge(asked.answer, step.rules, tools.now());
    facts = learn(facts, judged.verdict, step, asked.answer, known);
    if (judged.verdict !== "next") return end(describe(asked.answer, judged.verdict, judged, facts));
    capture(captured, step, asked.answer);
  }
  return end({ ...undecided("unknown", "the last answer did not decide"), facts });
}

function decideOnce(
  tools: CheckTools,
  asked: Asked,
  check: Pick<Step, "rules" | "expires_at" | "scopes" | "identity">,
  values: Values,
): Decided {
  if (asked.state === "silent") return undecided(asked.verdict, asked.why);
  const judged = judge(asked.answer, check.rules, tools.now());
  const verdict = judged.verdict === "next" ? "unknown" : judged.verdict;
  return describe(asked.answer, verdict, judged, learn(noFacts, verdict, check, asked.answer, values));
}

/** What an answer proves nothing by, it tells nothing by; of a dead key only its end is worth knowing. */
function learn(
  before: Facts,
  verdict: Verdict | "next",
  sources: Pick<Step, "expires_at" | "scopes" | "identity">,
  answer: Answer,
  values: Values,
): Facts {
  switch (verdict) {
    case "next":
    case "valid":
    case "insufficient_scope":
      return readFacts(before, sources, answer, values);
    case "invalid":
    case "expired":
    case "revoked":
      return { ...before, expiresAt: readFacts(before, sources, answer, values).expiresAt };
    case "rate_limited":
    case "provider_down":
    case "unknown":
    case "not_checkable":
      return before;
  }
}

async function ask(
  tools: CheckTools,
  provider: Provider,
  step: Step,
  values: Values,
  { signal, budget }: { signal: AbortSignal; budget: Budget },
): Promise<Asked> {
  const { method, url, headers, body } = await planSignedRequest(provider, step, values, tools.now());
  const send = async (): Promise<OutboundResponse> => {
    const begunAt = performance.now();
    try {
      return await tools.outbound.request({
        service: provider.name,
        method,
        url,
        headers,
        ...(body === undefined ? {} : { body }),
        maxBodyBytes,
        timeoutMs: Math.max(1, Math.round(budget.leftMs)),
        signal,
      });
    } finally {
      budget.leftMs -= performance.now() - begunAt;
    }
  };
  try {
    const host = tools.outside[provider.name]?.url ?? new URL(url).origin;
    const answer = await takeTurn(tools, host, signal, send, ({ status }) => status >= 500);
    const isWhole = Buffer.byteLength(answer.body) < maxBodyBytes;
    return {
      state: "answered",
      answer: { status: answer.status, headers: answer.headers, body: readBody(answer.body, isWhole) },
    };
  } catch (error) {
    return describeSilence(error);
  }
}

/** A server that is not asked over HTTP. One that keeps the connection and says nothing is left when the time is over. */
async function askServer(
  tools: CheckTools,
  provider: Provider,
  check: Extract<Provider["check"], { kind: "postgres" | "smtp" }>,
  values: Values,
  { signal, limitMs }: Work,
): Promise<Asked> {
  const send = (): Promise<Asked> => {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(limitMs)]);
    const asked =
      check.kind === "postgres"
        ? askPostgres(tools, provider, check, values, limit)
        : askSmtp(tools, provider, check, values, limit);
    return orSilence(asked, limit, `no answer within ${limitMs / 1000} seconds`);
  };
  try {
    const place = effectiveOrigin(provider, values, tools.outside);
    return await takeTurn(tools, place, signal, send, (asked) => asked.state === "silent" && isDown(asked));
  } catch (error) {
    return describeSilence(error);
  }
}

async function orSilence(asked: Promise<Asked>, limit: AbortSignal, why: string): Promise<Asked> {
  const { promise, resolve } = Promise.withResolvers<Asked>();
  const stop = (): void => resolve({ state: "silent", verdict: "provider_down", why });
  limit.addEventListener("abort", stop, { once: true });
  try {
    return await Promise.race([asked, promise]);
  } finally {
    limit.removeEventListener("abort", stop);
  }
}

function isDown({ verdict }: Extract<Asked, { state: "silent" }>): boolean {
  return verdict === "provider_down";
}

function takeTurn<T>(
  { slots }: CheckTools,
  host: string,
  signal: AbortSignal,
  send: () => Promise<T>,
  isFault: (result: T) => boolean,
): Promise<T> {
  return slots === undefined ? send() : slots.take(host, signal, send, isFault);
}

function capture(captured: Record<string, string>, step: Step, { body }: Answer): void {
  for (const [name, path] of Object.entries(step.capture ?? {})) {
    const [value] = lookUp(body.json, path);
    if (typeof value === "string") captured[name] = value;
  }
}
