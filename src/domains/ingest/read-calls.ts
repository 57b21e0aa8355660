/** What comes in as JSON becomes calls of the ledger, each by itself: one that is wrong does not stop the others. */
import { z } from "zod";

import { Call } from "#domains/usage/usage.ts";
import { AppError } from "#errors.ts";
import { type Actor, allows, type ScopeEnvironment } from "#http/permission.ts";

import { readInstant } from "./instant.ts";

/** A call as it may be sent: its time need not have an offset. */
export const SentCall = Call.extend({
  created_at: z
    .string()
    .nullish()
    .describe("ISO 8601. Without an offset it is a time of the platform's zone; without it, now."),
});

/** A call, or why it is none: `code` is that of the first fault. */
export type ReadCall = { call: Call } | Fault;
export type Fault = { reason: string; code: string; field: string | undefined };

export type Reading = {
  timezone: string;
  now: Date;
  /** Where a call belongs that does not say it. */
  environment: ScopeEnvironment;
};

const earliest = Date.parse("2020-01-01T00:00:00Z");
const clockSlackMs = 5 * 60_000;
const environments: readonly ScopeEnvironment[] = ["dev", "prod", "shared"];

/** JSON of a body in UTF-8. Throws `invalid_input`. */
export function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new AppError("invalid_input", "the body is not JSON in UTF-8", { cause });
  }
}

/** Reads one call; what is null was not said. */
export function readCall(value: unknown, { timezone, now, environment }: Reading): ReadCall {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return { reason: "is not an object", code: "invalid_type", field: undefined };
  }
  const said = Object.fromEntries(Object.entries(value).filter(([, field]) => field !== null && field !== undefined));
  const placed = placeInTime(said, { timezone, now });
  if ("reason" in placed) return placed;
  const parsed = Call.safeParse({ environment, ...placed.said });
  if (parsed.success) return { call: parsed.data };
  const faults = parsed.error.issues.map(({ path, message }) =>
    path.length === 0 ? message : `${path.join(".")}: ${message}`,
  );
  const [first] = parsed.error.issues;
  const field = first?.path[0];
  return {
    reason: faults.join("; "),
    code: first === undefined ? "custom" : codeOf(first, said),
    field: field === undefined ? undefined : String(field),
  };
}

/** Reads a call of a file or a table, which lies in the past: without a time, or with an impossible one, it is refused and not booked as of now. */
export function readPastCall(value: Record<string, unknown>, reading: Reading): ReadCall {
  const read = readCall(value, reading);
  if (!("call" in read)) return read;
  const { created_at } = read.call;
  if (!created_at) return { reason: "has no created_at", code: "missing", field: "created_at" };
  const at = Date.parse(created_at);
  if (at >= earliest && at <= reading.now.getTime() + clockSlackMs) return read;
  return { reason: `created_at: ${created_at} cannot be`, code: "custom", field: "created_at" };
}

/** Where the caller may write, of those that may be meant; the first is what is meant without a word. */
export function chooseEnvironment(actor: Actor, asked: ScopeEnvironment | undefined): ScopeEnvironment {
  if (asked !== undefined) return asked;
  const allowed = environments.filter((environment) => mayWrite(actor, environment));
  return allowed.includes("prod") ? "prod" : (allowed[0] ?? "prod");
}

/** The fault of a call that belongs where its sender may not write; undefined when he may. */
export function findForbidden(actor: Actor, { environment }: Pick<Call, "environment">): Fault | undefined {
  if (environment && mayWrite(actor, environment)) return undefined;
  return { reason: `this needs usage:write:${environment ?? "prod"}`, code: "forbidden", field: "environment" };
}

function mayWrite(actor: Actor, environment: ScopeEnvironment): boolean {
  return allows(actor.scopes, "usage:write", environment);
}

function placeInTime(
  said: Record<string, unknown>,
  { timezone, now }: Pick<Reading, "timezone" | "now">,
): { said: Record<string, unknown> } | Fault {
  const at = said["created_at"];
  if (typeof at !== "string") return { said };
  try {
    return { said: { ...said, created_at: readInstant(at, { timezone, now }) } };
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return { reason: error.message, code: "invalid_format", field: "created_at" };
  }
}

function codeOf({ code, path }: { code: string; path: PropertyKey[] }, said: Record<string, unknown>): string {
  const [field] = path;
  return field !== undefined && !Object.hasOwn(said, field) ? "missing" : code;
}
