/** The cheapest proof of a check: a made-up key must be called dead, and no key must not be called live. */
import { Secret } from "#secrets/secret.ts";

import { type CheckAnswer, checkFields, type CheckTools } from "./ask.ts";
import type { Provider, Verdict } from "./provider.ts";

export type NegativeControl = {
  provider: string;
  expected: Verdict;
  got: Verdict;
  /** What the same request got without the key; where the endpoint may be open to everybody. */
  withoutKey: Verdict | null;
  /** Null when the service did not answer: that proves nothing. */
  agrees: boolean | null;
  detail: string;
};

/** Sends made-up fields to the real service; a provider without them has no control. */
export async function runNegativeControl(
  tools: CheckTools,
  provider: Provider,
  { signal }: { signal: AbortSignal },
): Promise<NegativeControl> {
  const { name, negative_control: control } = provider;
  if (control === undefined) {
    const detail = "no made-up key is known that this service would answer";
    return { provider: name, expected: "not_checkable", got: "not_checkable", withoutKey: null, agrees: null, detail };
  }
  const ask = (asked: Provider, fields: Record<string, string>): Promise<CheckAnswer> => {
    const secrets = Object.entries(fields).map(([field, value]) => [field, new Secret(value)] as const);
    return checkFields(tools, asked, Object.fromEntries(secrets), { signal });
  };
  const answer = await ask(provider, control.fields);
  const bare =
    control.without_key === undefined
      ? undefined
      : await ask(withOptionalKeys(provider), withoutSecrets(provider, control.fields));
  const isAsExpected = answer.verdict === control.verdict && bare?.verdict === control.without_key;
  return {
    provider: name,
    expected: control.verdict,
    got: answer.verdict,
    withoutKey: bare?.verdict ?? null,
    agrees: isSilent(answer) || (bare !== undefined && isSilent(bare)) ? null : isAsExpected,
    detail: bare === undefined ? answer.detail : `${answer.detail}; without a key: ${bare.verdict}, ${bare.detail}`,
  };
}

/** Nobody answered, or not to this question. */
function isSilent({ verdict, status }: CheckAnswer): boolean {
  return verdict === "provider_down" || verdict === "rate_limited" || (verdict === "unknown" && status === null);
}

function withoutSecrets({ fields }: Provider, given: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(given).filter(([name]) => fields[name]?.type !== "secret"));
}

/** The same requests, in which what has a key in it is left out. */
function withOptionalKeys(provider: Provider): Provider {
  if (provider.check.kind !== "http") return provider;
  const secrets = Object.entries(provider.fields).flatMap(([name, { type }]) => (type === "secret" ? [name] : []));
  const loosen = (template: string): string =>
    secrets.reduce((text, name) => text.replaceAll(`{${name}}`, `{${name}?}`), template);
  const steps = provider.check.steps.map((step) => ({
    ...step,
    headers: Object.fromEntries(Object.entries(step.headers).map(([name, template]) => [name, loosen(template)])),
  }));
  return { ...provider, check: { kind: "http", steps } };
}
