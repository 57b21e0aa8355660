/** What an answer tells about a credential besides the verdict: when it expires, what it may do, whose it is. */
import type { Answer } from "./verdict.ts";
import { lookUp } from "./conditions.ts";
import type { Source, Step } from "./provider.ts";
import type { Values } from "./templates.ts";

export type Facts = { expiresAt: string | null; scopes: string[] | null; identity: string | null };

export const noFacts: Facts = { expiresAt: null, scopes: null, identity: null };

const longest = 200;
const mostScopes = 200;
/** Later instants have years that databases and people cannot read. */
const endOfTimeMs = Date.UTC(10_000, 0);

/** What this answer adds to what was told before. */
export function readFacts(
  before: Facts,
  step: Pick<Step, "expires_at" | "scopes" | "identity">,
  answer: Answer,
  values: Values,
): Facts {
  const read = (source: Source): unknown[] => readSource(source, answer, values);
  return {
    expiresAt:
      (step.expires_at && readInstant(read(step.expires_at.from)[0], step.expires_at.format)) ?? before.expiresAt,
    scopes: (step.scopes && readScopes(read(step.scopes.from), step.scopes.separator)) ?? before.scopes,
    identity: (step.identity && readName(read(step.identity.from))) ?? before.identity,
  };
}

function readSource(source: Source, { status, headers, body }: Answer, values: Values): unknown[] {
  // An error has an id and a name, too: its own.
  if ("path" in source) return isGood(status) ? lookUp(body.json, source.path) : [];
  if ("header" in source) return headers[source.header] === undefined ? [] : [headers[source.header]];
  return lookUp(readClaims(values[source.field]), source.claim);
}

function isGood(status: Answer["status"]): boolean {
  return typeof status === "number" ? status >= 200 && status < 300 : status === "ok";
}

/** Of a JSON Web Token, not verified: the issuer's answer does that. */
function readClaims(token: string | undefined): unknown {
  const [, claims = "", signature] = token?.split(".") ?? [];
  if (signature === undefined) return undefined;
  try {
    return JSON.parse(Buffer.from(claims, "base64url").toString("utf8")) as unknown;
  } catch {
    // Not a token of this form: it has no claims.
    return undefined;
  }
}

function readInstant(value: unknown, format: "date" | "unix_s" | "unix_ms"): string | undefined {
  if (typeof value !== "string" && typeof value !== "number") return undefined;
  const ms = format === "date" ? readDate(value) : Number(value) * (format === "unix_s" ? 1000 : 1);
  return ms > 0 && ms < endOfTimeMs ? new Date(ms).toISOString() : undefined;
}

/** A text without a zone is UTC, and one without a year is no date, whatever the parser makes of it. */
function readDate(value: string | number): number {
  const text = String(value).trim();
  if (typeof value === "number" || !/\d{4}/.test(text)) return Number.NaN;
  const hasZone = /[zZ]$|UTC$|GMT|[+-]\d\d:?\d\d$|^\d{4}-\d\d-\d\d$/.test(text);
  return Date.parse(hasZone ? text : `${text.replace(" ", "T")}Z`);
}

function readScopes(found: readonly unknown[], separator: string | undefined): string[] | undefined {
  const texts = found.flat().filter((value) => typeof value === "string");
  if (texts.length === 0) return undefined;
  const names = separator === undefined ? texts : texts.flatMap((text) => text.split(separator));
  return [...new Set(names.map((name) => name.trim().slice(0, longest)).filter((name) => name !== ""))]
    .toSorted()
    .slice(0, mostScopes);
}

function readName(found: readonly unknown[]): string | undefined {
  const [name] = found.filter((value) => typeof value === "string" || typeof value === "number");
  return name === undefined || name === "" ? undefined : String(name).slice(0, longest);
}
