/**
 * What is wrong with an input, in a caller's words: where it stands, what was
 * expected there, and what keys there are beside one that is not known. Zod's own
 * sentences tell of JavaScript; the words that a schema brings itself are kept.
 */
import { z } from "zod";

type Issue = z.core.$ZodIssue;
type Json = z.core.JSONSchema.BaseSchema;

export type RefusedInput = {
  schema: z.ZodType;
  value: unknown;
  /** Values of a body are never repeated: one may be a secret. */
  part: "query" | "path" | "body";
};

const ownWords = /^(?!Invalid |Too (?:small|big): |Unrecognized )/;
/**
 * Who mixes up name and value must not read a secret: what is repeated is a word or a
 * number. Capitals in the middle are a secret's; not every secret has a digit.
 */
const showable = /^(?:[A-Z]?[a-z]{1,20}(?:[_-][a-z]{1,20}){0,3}|[A-Z]{1,12}|[+-]?\d{1,10}(?:\.\d{1,6})?)$/;

/** All faults in one line: `limit is 0, expected a whole number from 1 to 500`. */
export function describeFaults(input: RefusedInput, issues: readonly Issue[]): string {
  return issues.map((issue) => describeIssue(input, issue)).join("; ");
}

function describeIssue({ schema, value, part }: RefusedInput, issue: Issue): string {
  const shape = findShape(schema, issue.path);
  const name = issue.path.length === 0 ? `the ${part}` : issue.path.join(".");
  if (issue.code === "unrecognized_keys") return describeUnknownKeys(name, issue.keys, shape);
  const expected = ownWords.test(issue.message)
    ? issue.message.replace(/^expected /, "")
    : describeShape(shape === undefined ? {} : z.toJSONSchema(shape, { io: "input", unrepresentable: "any" }));
  const given = readPath(value, issue.path);
  if (given === undefined) return `${name} is missing, expected ${expected}`;
  const shown = part === "body" ? undefined : showValue(given);
  return shown === undefined ? `${name}: expected ${expected}` : `${name} is ${shown}, expected ${expected}`;
}

function describeUnknownKeys(name: string, keys: readonly string[], shape: z.ZodType | undefined): string {
  const unknown = keys.map((key) => (showable.test(key) ? key : "[not shown]")).join(", ");
  const known = shape instanceof z.ZodObject ? Object.keys(shape.shape).join(", ") : "";
  return `${name} has a key that is not known: ${unknown}; known here: ${known === "" ? "none" : known}`;
}

function showValue(value: unknown): string | undefined {
  if (value === "") return "empty";
  if (Array.isArray(value)) return "a list";
  const text = typeof value === "string" ? value : "";
  if (!showable.test(text)) return undefined;
  return /\d/.test(text) ? text : JSON.stringify(text);
}

/** What a schema lets through, in words. */
function describeShape(json: Json): string {
  if (json.enum !== undefined) return listWords(json.enum.map(String));
  if (json.const !== undefined) return String(json.const);
  const choices = json.anyOf ?? json.oneOf;
  if (choices !== undefined) return listWords(choices.map((choice) => describeShape(asObject(choice))));
  if (Array.isArray(json.type)) return listWords(json.type.map((type) => describeShape({ ...json, type })));
  switch (json.type) {
    case "integer":
      return `a whole number${describeNumbers(json)}`;
    case "number":
      return `a number${describeNumbers(json)}`;
    case "string":
      return describeText(json);
    case "boolean":
      return "true or false";
    case "array":
      return `a list${describeSpan(json.minItems, json.maxItems)}`;
    case "object":
      return "an object";
    case "null":
      return "null";
    default:
      return "another value";
  }
}

function describeNumbers({ minimum, maximum, exclusiveMinimum }: Json): string {
  if (exclusiveMinimum !== undefined) return ` above ${exclusiveMinimum}`;
  // The bounds of every whole number are no news.
  const low = minimum === Number.MIN_SAFE_INTEGER ? undefined : minimum;
  const high = maximum === Number.MAX_SAFE_INTEGER ? undefined : maximum;
  return low !== undefined && high !== undefined ? ` from ${low} to ${high}` : describeSpan(low, high);
}

function describeText({ format, minLength, maxLength }: Json): string {
  if (format === "uuid") return "a UUID";
  if (format === "date-time") return "an instant such as 2026-01-31T12:00:00Z";
  if (format !== undefined) return `text of the form ${format}`;
  const span = describeSpan(minLength, maxLength);
  return span === "" ? "text" : `text${span} characters`;
}

function describeSpan(low: number | undefined, high: number | undefined): string {
  if (low === undefined && high === undefined) return "";
  if (low === undefined) return ` of at most ${high}`;
  return high === undefined ? ` of at least ${low}` : ` of ${low} to ${high}`;
}

function listWords(words: readonly string[]): string {
  const unique = [...new Set(words)];
  const last = unique.pop() ?? "";
  return unique.length === 0 ? last : `${unique.join(", ")} or ${last}`;
}

function asObject(schema: z.core.JSONSchema._JSONSchema): Json {
  return typeof schema === "boolean" ? {} : schema;
}

function readPath(value: unknown, path: readonly PropertyKey[]): unknown {
  let current = value;
  for (const segment of path) {
    if (typeof current !== "object" || current === null || !Object.hasOwn(current, segment)) return undefined;
    current = Reflect.get(current, segment);
  }
  return current;
}

function findShape(schema: z.ZodType, path: readonly PropertyKey[]): z.ZodType | undefined {
  let current = unwrap(schema);
  for (const segment of path) {
    if (current instanceof z.ZodArray) current = unwrap(current.element);
    else if (current instanceof z.ZodRecord) current = unwrap(current.valueType);
    else if (current instanceof z.ZodObject) current = unwrap(current.shape[String(segment)]);
    else return undefined;
  }
  return current;
}

function unwrap(schema: unknown): z.ZodType | undefined {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault) return unwrap(schema.unwrap());
  return schema instanceof z.ZodType ? schema : undefined;
}
