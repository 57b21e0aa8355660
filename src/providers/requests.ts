/** The requests of a check, made from its definition and the fields of a credential. Nothing is sent here. */
import { AppError } from "#errors.ts";

import type { Provider, Step, When } from "./provider.ts";
import { fill, fillBasic, fillHeaders, fillItems, fillJson, fillPath, type Values } from "./templates.ts";

export type PlannedRequest = {
  method: "GET" | "POST";
  /** Before the configuration's `outside` takes the origin's place. */
  url: string;
  headers: Record<string, string>;
  body: string | undefined;
};

/** Fields with the defaults of those that are absent. */
export function withDefaults({ fields }: Pick<Provider, "fields">, values: Values): Record<string, string> {
  const defaults = Object.entries(fields).flatMap(([name, field]) =>
    values[name] === undefined && field.default !== undefined ? [[name, field.default] as const] : [],
  );
  return { ...values, ...Object.fromEntries(defaults) };
}

export function listApplyingSteps(steps: readonly Step[], values: Values): Step[] {
  return steps.filter(({ when }) => when.every((condition) => applies(condition, values)));
}

/** Whether a credential with these fields is meant. */
export function applies(condition: When, values: Values): boolean {
  const value = values[condition.field];
  if ("is" in condition) return (value !== undefined) === (condition.is === "present");
  if ("equals" in condition) return value === condition.equals;
  if ("starts_with" in condition) return value?.startsWith(condition.starts_with) === true;
  return value?.startsWith(condition.not_starts_with) !== true;
}

export function baseUrlOf(provider: Pick<Provider, "base_url">, step: Pick<Step, "base_url">, values: Values): string {
  return fill(step.base_url ?? provider.base_url ?? "", values) ?? "";
}

/** What a step would send; `invalid_input` names the field that is missing or cannot be sent. */
export function planRequest(provider: Provider, step: Step, values: Values): PlannedRequest {
  const { method } = step;
  const url = planUrl(provider, step, values);
  const basic = step.auth?.kind === "basic" ? step.auth : undefined;
  const headers = {
    ...fillHeaders(step.headers, values),
    ...(basic === undefined ? {} : { authorization: fillBasic(basic, values) }),
  };
  if (step.json !== undefined) {
    const body = JSON.stringify(fillJson(step.json, values));
    return { method, url, headers: { "content-type": "application/json", ...headers }, body };
  }
  if (step.form === undefined) return { method, url, headers, body: undefined };
  const body = new URLSearchParams(fillItems(step.form, values)).toString();
  return { method, url, headers: { "content-type": "application/x-www-form-urlencoded", ...headers }, body };
}

/** The path must not change the host that the value was sealed for: `https://a.example` and `.b.example/` make another. */
function planUrl(provider: Provider, step: Step, values: Values): string {
  const base = baseUrlOf(provider, step, values).replace(/\/+$/, "");
  const path = fillPath(step.path, values);
  const hint = "Give it as https://HOST.";
  if (!URL.canParse(base))
    throw new AppError("invalid_input", `the address of ${provider.name} is not a URL`, { hint });
  if (base.includes("#") || (base.includes("?") && path !== "")) {
    throw new AppError("invalid_input", `the address of ${provider.name} has a query or a # in it`, { hint });
  }
  if (path !== "" && !path.startsWith("/")) {
    throw new AppError("invalid_input", `the path that ${provider.name} is asked for does not begin with /`, {
      hint: "Give it as /PATH.",
    });
  }
  return `${base}${path}`;
}
