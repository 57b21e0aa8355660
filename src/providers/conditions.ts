/** What rules ask of a body. */
import type { Condition } from "./provider.ts";

/** An answer's body: its text, whether that is all of it, and what it says as JSON when all of it is JSON. */
export type Body = { text: string; isWhole: boolean; isJson: boolean; json: unknown };

export function readBody(text: string, isWhole: boolean): Body {
  const noJson = { text, isWhole, isJson: false, json: undefined };
  if (!isWhole) return noJson;
  try {
    return { text, isWhole, isJson: true, json: JSON.parse(text) as unknown };
  } catch {
    // No JSON is an answer too: conditions on paths cannot be judged.
    return noJson;
  }
}

/** Undefined when the body does not tell: a path of what is no JSON, a word that may stand in the part that was not read. */
export function holds(condition: Condition, body: Body): boolean | undefined {
  if ("all" in condition) return holdsAll(condition.all.map((part) => holds(part, body)));
  if ("any" in condition) return holdsAny(condition.any.map((part) => holds(part, body)));
  if ("contains" in condition) {
    const isThere = body.text.toLowerCase().includes(condition.contains.toLowerCase());
    return isThere || body.isWhole ? isThere : undefined;
  }
  if (!body.isJson) return undefined;
  const found = lookUp(body.json, condition.path);
  if ("exists" in condition) return found.some((value) => value !== null);
  const wanted: readonly unknown[] = "in" in condition ? condition.in : [condition.equals];
  return found.some((value) => wanted.includes(value));
}

function holdsAll(parts: readonly (boolean | undefined)[]): boolean | undefined {
  if (parts.includes(false)) return false;
  return parts.includes(undefined) ? undefined : true;
}

function holdsAny(parts: readonly (boolean | undefined)[]): boolean | undefined {
  if (parts.includes(true)) return true;
  return parts.includes(undefined) ? undefined : false;
}

/** Every value at a path: `errors[].code` has one for each element. */
export function lookUp(json: unknown, path: string): unknown[] {
  let found: unknown[] = [json];
  for (const part of path.split(".")) {
    const isList = part.endsWith("[]");
    const name = isList ? part.slice(0, -2) : part;
    found = found.flatMap((value) => (name === "" ? [value] : readProperty(value, name)));
    if (isList) found = found.flatMap((value): unknown[] => (Array.isArray(value) ? value : []));
  }
  return found;
}

function readProperty(value: unknown, name: string): unknown[] {
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) return [];
  return [Reflect.get(value, name)];
}
