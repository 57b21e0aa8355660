/**
 * Zod's issues as faults: the place in the file, the value that stands there and
 * what was expected. All of them, also inside a union or beside an unknown key.
 */
import { z } from "zod";

import { type Fault, formatPath } from "./faults.ts";
import { findNearest } from "./nearest.ts";
import { referenceExpected } from "./schema.ts";
import type { YamlSource } from "./yaml-source.ts";

type Issue = z.core.$ZodIssue;

/** One fault per issue and unknown key. `shape` is where "did you mean" takes its candidates from. */
export function describeIssues(shape: z.ZodType, issues: readonly Issue[], source: YamlSource): Fault[] {
  return issues.flatMap((issue) =>
    issue.code === "unrecognized_keys"
      ? issue.keys.map((key) => describeUnknownKey(shape, issue.path, key, source))
      : [describeIssue(issue, source)],
  );
}

function describeUnknownKey(shape: z.ZodType, parent: readonly PropertyKey[], key: string, source: YamlSource): Fault {
  const known = listKeys(findShape(shape, parent));
  const nearest = findNearest(key, known);
  const remedy = nearest === undefined ? `known here: ${known.join(", ")}` : `did you mean ${nearest}?`;
  return {
    ...source.findKey([...parent, key]),
    path: formatPath([...parent, isShowable(key) ? key : "[not shown]"]),
    text: `is not known; ${remedy}`,
  };
}

function describeIssue(issue: Issue, source: YamlSource): Fault {
  const value = readPath(source.value, issue.path);
  const expected = describeExpected(issue);
  const path = formatPath(issue.path);
  if (value === undefined) return { ...source.findValue(issue.path), path, text: `is missing, expected ${expected}` };
  return { ...source.findValue(issue.path), path, text: `is ${showValue(value, expected)}, expected ${expected}` };
}

/** The schema's own words where it has them; else what Zod knows, in ours. */
function describeExpected(issue: Issue): string {
  switch (issue.code) {
    case "invalid_type":
      if (issue.expected === "object" || issue.expected === "record") return "keys with values";
      if (issue.expected === "array") return "a list";
      return issue.message.replace(/^Invalid input: expected (\w+),.*$/s, "a $1");
    case "too_small":
      return issue.origin === "array" ? `a list of at least ${issue.minimum}` : issue.message;
    case "too_big":
      return issue.origin === "array" ? `a list of at most ${issue.maximum}` : issue.message;
    default:
      return issue.message;
  }
}

/** The value as the file has it, shortened; a reference's place and anything shaped like a secret is not shown. */
function showValue(value: unknown, expected: string): string {
  if (value === null) return "empty";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "a group of keys";
  if (expected === referenceExpected) return "[secret]";
  if (typeof value !== "string") return JSON.stringify(value);
  return isShowable(value) ? JSON.stringify(value.length > 60 ? `${value.slice(0, 59)}…` : value) : "[not shown]";
}

/** Not a URL with a user, a PEM block, or a run of letters and digits as long as a key. */
function isShowable(text: string): boolean {
  if (/:\/\/[^/\s]*@|-----BEGIN|password|secret/i.test(text)) return false;
  return !text
    .split(/[^A-Za-z0-9+_=-]/)
    .some((word) => word.length >= 16 && /[0-9]/.test(word) && /[A-Za-z]/.test(word));
}

function readPath(value: unknown, path: readonly PropertyKey[]): unknown {
  let current = value;
  for (const segment of path) {
    if (typeof current !== "object" || current === null) return undefined;
    current = Object.hasOwn(current, segment) ? Reflect.get(current, segment) : undefined;
  }
  return current;
}

function findShape(shape: z.ZodType, path: readonly PropertyKey[]): z.ZodType | undefined {
  let current: z.ZodType | undefined = unwrap(shape);
  for (const segment of path) {
    if (current instanceof z.ZodArray) current = unwrap(current.element);
    else if (current instanceof z.ZodRecord) current = unwrap(current.valueType);
    else if (current instanceof z.ZodObject) current = unwrap(current.shape[String(segment)]);
    else return undefined;
  }
  return current;
}

function unwrap(shape: unknown): z.ZodType | undefined {
  if (shape instanceof z.ZodOptional || shape instanceof z.ZodDefault) return unwrap(shape.unwrap());
  return shape instanceof z.ZodType ? shape : undefined;
}

function listKeys(shape: z.ZodType | undefined): string[] {
  return shape instanceof z.ZodObject ? Object.keys(shape.shape) : [];
}
