/** What the specification's own endpoints answer, under its own names; and what every route of credentials takes. */
import { z } from "zod";

import { AppError } from "#errors.ts";
import { listAllowed } from "#http/permission.ts";
import { requireActor, type RouteRequest } from "#http/route.ts";
import { Verdict } from "#providers/provider.ts";

import type { CheckAnswer } from "#providers/ask.ts";

import type { ProviderRow } from "./provider-queries.ts";
import { Credential, Environment } from "./schema.ts";

/** The twelve columns of `aegis_providers`. */
export const ProviderReply = z.object({
  id: z.int(),
  provider_name: z.string(),
  provider_type: z.string(),
  base_url: z.string().nullable(),
  auth_endpoint: z.string().nullable(),
  token_endpoint: z.string().nullable(),
  docs_url: z.string().nullable(),
  required_scopes: z.array(z.string()).nullable(),
  credential_fields: z.record(z.string(), z.object({ type: z.string(), required: z.boolean() })).nullable(),
  validation_endpoint: z.string().nullable(),
  created_at: z.string(),
  updated_at: z.string(),
});

export const ProviderName = z.object({ provider_name: z.string().regex(/^[a-z][a-z0-9_]{1,62}$/) });

/** A credential as its table has it, with the age of what is known. */
export const StatusReply = z.object({
  id: z.int(),
  credential_name: z.string(),
  provider: z.string(),
  environment: Environment,
  expires_at: z.string().nullable(),
  expiry_source: Credential.shape.expirySource,
  last_validated_at: z.string().nullable(),
  validation_status: Verdict,
  rotation_reminder_days: z.int(),
  /** Since the last check that told something; null when none did. */
  age_seconds: z.int().nullable(),
  /** The last check, whatever it told. */
  attempted_at: z.string().nullable(),
  attempt_verdict: Verdict.nullable(),
  attempt_detail: z.string().nullable(),
  quarantined: z.boolean(),
});
export type StatusReply = z.output<typeof StatusReply>;

export const ValidationReply = z.object({
  credential: StatusReply,
  /** False when nothing was asked; `detail` says why. */
  checked: z.boolean(),
  verdict: Verdict.nullable(),
  detail: z.string(),
  latency_ms: z.int().nullable(),
  /** A first dead answer: it counts when a second one follows a minute later. */
  needs_confirmation: z.boolean(),
});

/** What leaves of a credential; the row's lock is its `ETag`. */
export const CredentialReply = Credential.omit({ uid: true });

/** Digits alone: a name is none, and `1e3` is a mistake. */
const idError = { error: "an id of digits alone, as GET /credentials shows it" };
export const CredentialId = z.object({
  id: z.preprocess(
    (given) => (typeof given === "string" && /^\d{1,10}$/.test(given) ? Number(given) : given),
    z.int(idError).min(1, idError).max(2_147_483_647, idError),
  ),
});

export function toProviderReply(row: ProviderRow): z.output<typeof ProviderReply> {
  return {
    id: row.id,
    provider_name: row.providerName,
    provider_type: row.providerType,
    base_url: row.baseUrl,
    auth_endpoint: row.authEndpoint,
    token_endpoint: row.tokenEndpoint,
    docs_url: row.docsUrl,
    required_scopes: row.requiredScopes,
    credential_fields: row.credentialFields,
    validation_endpoint: row.validationEndpoint,
    created_at: row.createdAt,
    updated_at: row.updatedAt,
  };
}

export function toStatusReply(credential: Credential, now: Date): StatusReply {
  const { lastValidatedAt: seenAt } = credential;
  const age = seenAt === null ? null : Math.max(0, Math.round((now.getTime() - Date.parse(seenAt)) / 1000));
  return {
    id: credential.id,
    credential_name: credential.credentialName,
    provider: credential.provider,
    environment: credential.environment,
    expires_at: credential.expiresAt,
    expiry_source: credential.expirySource,
    last_validated_at: seenAt,
    validation_status: credential.validationStatus,
    rotation_reminder_days: credential.rotationReminderDays,
    age_seconds: age,
    attempted_at: credential.attemptedAt,
    attempt_verdict: credential.attemptVerdict,
    attempt_detail: credential.attemptDetail,
    quarantined: credential.quarantineReason !== null,
  };
}

export function toValidationReply(
  credential: Credential,
  now: Date,
  checked: { answer: CheckAnswer; needsConfirmation: boolean } | { why: string },
): z.output<typeof ValidationReply> {
  const status = toStatusReply(credential, now);
  if ("why" in checked) {
    const nothing = { checked: false, verdict: null, latency_ms: null, needs_confirmation: false };
    return { credential: status, detail: checked.why, ...nothing };
  }
  const { verdict, detail, latencyMs } = checked.answer;
  return {
    credential: status,
    checked: true,
    verdict,
    detail,
    latency_ms: latencyMs,
    needs_confirmation: checked.needsConfirmation,
  };
}

/** The environments whose credentials the caller may see. */
export function listReadable(request: Pick<RouteRequest, "actor">): Environment[] {
  return listAllowed(requireActor(request).scopes, "credentials:read");
}

/** The lock that a reader gets, and gives back with his change. */
export function tagOf({ revision }: Pick<Credential, "revision">): Record<string, string> {
  return { etag: `"${revision}"` };
}

/** `If-Match: "12"`; without one, and with `*`, whatever is there is changed. */
export function readGuard(headers: Record<string, string | undefined>): { ifRevision?: number } {
  const given = headers["if-match"]?.trim();
  if (given === undefined || given === "*") return {};
  const [, revision] = /^"(\d{1,10})"$/.exec(given) ?? [];
  if (revision !== undefined) return { ifRevision: Number(revision) };
  throw new AppError("invalid_input", "If-Match is no ETag of a credential", {
    hint: "Send the ETag as it came with the credential, in its quotes.",
  });
}
