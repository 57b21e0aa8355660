import { provider, type Rule } from "./provider.ts";

/** Of an answer to a client that signed in with HTTP Basic: some servers read the form alone. */
const tryTheForm = {
  status: [400, 401],
  body: { path: "error", in: ["invalid_client", "unauthorized_client", "invalid_request"] },
  verdict: "next",
} satisfies Rule;

/** RFC 6749 5.2. */
const clientRefusals = [
  { status: [400, 401], body: { path: "error", equals: "invalid_client" }, verdict: "invalid" },
  // Keycloak's word for a wrong secret. Elsewhere it is the grant that a client with the right one may not use: no rule.
  {
    status: [400, 401],
    body: { all: [{ path: "error", equals: "unauthorized_client" }, { contains: "invalid client" }] },
    verdict: "invalid",
  },
] satisfies Rule[];

const tokenRules = [
  // Some servers refuse with 200.
  { status: [200], body: { path: "access_token", exists: true }, verdict: "valid" },
  { status: [400], body: { path: "error", equals: "invalid_scope" }, verdict: "insufficient_scope" },
  {
    status: [400],
    body: { path: "error", in: ["temporarily_unavailable", "server_error", "slow_down"] },
    verdict: "provider_down",
  },
] satisfies Rule[];

/** RFC 7662 2.2. */
const introspectionRules = [
  { status: [200], body: { path: "active", equals: true }, verdict: "valid" },
  { status: [200], body: { path: "active", equals: false }, verdict: "invalid", note: "expired, revoked or unknown" },
] satisfies Rule[];

const introspectionFacts = {
  expires_at: { from: { path: "exp" }, format: "unix_s" },
  scopes: { from: { path: "scope" }, separator: " " },
  identity: { from: { path: "sub" } },
} as const;

/**
 * A refresh token is never used to see whether it lives: the server may give another
 * one for it and end it. It is introspected where the server does that, and not asked
 * about otherwise. A client without one asks for a token of its own.
 */
export const genericOauth2 = provider({
  name: "generic_oauth2",
  title: "OAuth 2.0 client",
  category: "generic",
  type: "oauth2",
  fields: {
    token_url: { type: "string", required: true, shape: "^https://" },
    client_id: { type: "string", required: true },
    client_secret: { type: "secret", required: false },
    refresh_token: { type: "secret", required: false },
    scope: { type: "string", required: false },
    introspection_url: {
      type: "string",
      required: false,
      shape: "^https://",
      note: "of a server that introspects refresh tokens (RFC 7662); without it a refresh token is not asked about",
    },
  },
  base_url: "{token_url}",
  token_endpoint: "{token_url}",
  docs_url: "https://www.rfc-editor.org/rfc/rfc6749#section-5.2",
  check: {
    kind: "http",
    steps: [
      {
        when: [
          { field: "refresh_token", is: "present" },
          { field: "introspection_url", is: "present" },
          { field: "client_secret", is: "present" },
        ],
        method: "POST",
        base_url: "{introspection_url}",
        path: "",
        auth: { kind: "basic", user: "{client_id}", password: "{client_secret}" },
        form: { token: "{refresh_token}", token_type_hint: "refresh_token" },
        rules: [...introspectionRules, tryTheForm],
        ...introspectionFacts,
      },
      {
        when: [
          { field: "refresh_token", is: "present" },
          { field: "introspection_url", is: "present" },
        ],
        method: "POST",
        base_url: "{introspection_url}",
        path: "",
        form: {
          token: "{refresh_token}",
          token_type_hint: "refresh_token",
          client_id: "{client_id}",
          client_secret: "{client_secret?}",
        },
        rules: [...introspectionRules, ...clientRefusals],
        ...introspectionFacts,
      },
      {
        when: [
          { field: "refresh_token", is: "absent" },
          { field: "client_secret", is: "present" },
        ],
        method: "POST",
        path: "",
        auth: { kind: "basic", user: "{client_id}", password: "{client_secret}" },
        form: { grant_type: "client_credentials", scope: "{scope?}" },
        rules: [...tokenRules, tryTheForm],
        scopes: { from: { path: "scope" }, separator: " " },
      },
      {
        when: [
          { field: "refresh_token", is: "absent" },
          { field: "client_secret", is: "present" },
        ],
        method: "POST",
        path: "",
        form: {
          grant_type: "client_credentials",
          client_id: "{client_id}",
          client_secret: "{client_secret}",
          scope: "{scope?}",
        },
        rules: [...tokenRules, ...clientRefusals],
        scopes: { from: { path: "scope" }, separator: " " },
      },
    ],
  },
});
