/**
 * What Google's token endpoint answers, to a refresh token and to the assertion of
 * a service account: every provider that signs in there begins with one of the two.
 */
import type { ProviderInput, Rule } from "./provider.ts";

type Step = Extract<ProviderInput["check"], { kind: "http" }>["steps"][number];

/** The application and the consent that a person gave it. */
export const googleClientFields = {
  client_id: { type: "string", required: true, shape: "^[0-9]+-[a-z0-9]+\\.apps\\.googleusercontent\\.com$" },
  client_secret: { type: "secret", required: true, shape: "^GOCSPX-[A-Za-z0-9_-]{28}$" },
  refresh_token: { type: "secret", required: true, shape: "^1//[A-Za-z0-9_-]+$" },
} satisfies ProviderInput["fields"];

/** Exchanges the refresh token for `{access_token}`; a refusal decides here. */
export const refreshGoogleToken: Step = {
  method: "POST",
  base_url: "https://oauth2.googleapis.com",
  path: "/token",
  form: {
    grant_type: "refresh_token",
    client_id: "{client_id}",
    client_secret: "{client_secret}",
    refresh_token: "{refresh_token}",
  },
  capture: { access_token: "access_token" },
  rules: [
    { status: [200], verdict: "next" },
    {
      status: [400],
      body: { all: [{ path: "error", equals: "invalid_grant" }, { contains: "account has been deleted" }] },
      verdict: "revoked",
    },
    {
      status: [400],
      body: {
        all: [
          { path: "error", equals: "invalid_grant" },
          { any: [{ contains: "expired or revoked" }, { path: "error_subtype", equals: "invalid_rapt" }] },
        ],
      },
      verdict: "expired",
      note: "expired or revoked, Google does not say which: connect the account again",
    },
    { status: [400], body: { path: "error", equals: "invalid_grant" }, verdict: "invalid" },
    // A wrong secret, a deleted application, a refresh token of another application.
    {
      status: [400, 401],
      body: { path: "error", in: ["invalid_client", "deleted_client", "unauthorized_client"] },
      verdict: "invalid",
    },
  ],
  scopes: { from: { path: "scope" }, separator: " " },
};

/** A call with a fresh access token: whatever it says, the refresh token has proved itself. */
export const googleCallRules = [
  { status: [200], verdict: "valid" },
  {
    status: [403],
    body: { path: "error.details[].reason", in: ["ACCESS_TOKEN_SCOPE_INSUFFICIENT", "SERVICE_DISABLED"] },
    verdict: "insufficient_scope",
  },
  // Google says "too often" with 403 as well.
  {
    status: [403],
    body: { path: "error.errors[].reason", in: ["rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded"] },
    verdict: "rate_limited",
  },
] satisfies Rule[];

/** Why Google refuses the assertion of a service account. */
export const assertionRefusals = [
  {
    status: [400],
    body: {
      all: [
        { path: "error", equals: "invalid_grant" },
        { any: [{ contains: "invalid jwt signature" }, { contains: "account not found" }] },
      ],
    },
    verdict: "revoked",
    note: "the key or its account was deleted",
  },
  {
    status: [400],
    body: { contains: "reasonable timeframe" },
    verdict: "unknown",
    note: "the clock of this machine is wrong",
  },
  { status: [400], body: { path: "error", equals: "invalid_grant" }, verdict: "invalid" },
  // The signature was good: this scope is not for it.
  { status: [401], body: { path: "error", equals: "unauthorized_client" }, verdict: "insufficient_scope" },
] satisfies Rule[];

/** No application has these. */
export const madeUpGoogleClient = {
  client_id: `000000000000-${"0".repeat(32)}.apps.googleusercontent.com`,
  client_secret: `GOCSPX-${"0".repeat(28)}`,
  refresh_token: `1//${"0".repeat(40)}`,
};

/** A person has to agree again; nothing replaces a refresh token. */
export const googleConsent = {
  mode: "manual",
  how: "have the owner consent again; POST https://oauth2.googleapis.com/revoke ends the old one",
} satisfies ProviderInput["rotation"];
