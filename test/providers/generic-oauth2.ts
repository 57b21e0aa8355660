import type { Verdict } from "#providers/provider.ts";
import type { PlayedCase, PlayedProvider } from "./played-provider.ts";

const client = { client_id: "harbour-sync", client_secret: "fixture-oauth-client-0001-Bq" };
const authorization = `Basic ${btoa("harbour-sync:fixture-oauth-client-0001-Bq")}`;
const tokenUrl = "https://login.harbour.example/oauth/token";

const fields = { token_url: tokenUrl, ...client };
const clientToken = {
  method: "POST",
  origin: "https://login.harbour.example",
  path: "/oauth/token",
  headers: { authorization },
  form: { grant_type: "client_credentials" },
} as const;

const lookedUp = {
  ...fields,
  refresh_token: "fixture-oauth-refresh-0001-Vd",
  introspection_url: "https://login.harbour.example/oauth/introspect",
};
const introspection = {
  method: "POST",
  origin: "https://login.harbour.example",
  path: "/oauth/introspect",
  headers: { authorization },
  form: { token: "fixture-oauth-refresh-0001-Vd" },
} as const;

const asForm = { ...clientToken, headers: { authorization: undefined }, form: { ...clientToken.form, ...client } };
const introspectionAsForm = {
  ...introspection,
  headers: { authorization: undefined },
  form: { ...introspection.form, ...client },
};

const granted = {
  status: 200,
  body: { access_token: "fixture-oauth-access-0003", token_type: "Bearer", expires_in: 3600 },
};

function error(status: number, code: string, description = "Refused.") {
  return { status, body: { error: code, error_description: description } };
}

/** What a server means by it wherever the client's secret stands. */
const refusals: { status: number; code: string; verdict: Verdict }[] = [
  { status: 400, code: "invalid_grant", verdict: "unknown" },
  { status: 400, code: "invalid_scope", verdict: "insufficient_scope" },
  { status: 400, code: "temporarily_unavailable", verdict: "provider_down" },
  { status: 400, code: "server_error", verdict: "provider_down" },
  { status: 400, code: "slow_down", verdict: "provider_down" },
  { status: 400, code: "unsupported_grant_type", verdict: "unknown" },
];

const unread = error(401, "invalid_client", "Client authentication failed.");
// Keycloak's.
const wrongSecret = error(401, "unauthorized_client", "Invalid client or Invalid client credentials");
const noServiceAccount = error(401, "unauthorized_client", "Client not enabled to retrieve service account");

/** What the last answer means, the client having been refused with HTTP Basic before; RFC 6749 2.3.1 allows both. */
const clientRefusals: { name: string; answer: ReturnType<typeof error>; verdict: Verdict }[] = [
  { name: "401 invalid_client", answer: unread, verdict: "invalid" },
  { name: "400 invalid_client", answer: error(400, "invalid_client"), verdict: "invalid" },
  { name: "a wrong secret at Keycloak", answer: wrongSecret, verdict: "invalid" },
  { name: "a right secret at Keycloak, of a client without this grant", answer: noServiceAccount, verdict: "unknown" },
  { name: "a client without this grant", answer: error(400, "unauthorized_client"), verdict: "unknown" },
  { name: "401 invalid_request", answer: error(401, "invalid_request"), verdict: "unknown" },
  { name: "400 invalid_request", answer: error(400, "invalid_request"), verdict: "unknown" },
];

/** RFC 6749's token endpoint and RFC 7662's introspection; a refresh could use its token up, so none is played. */
export const genericOauth2: PlayedProvider = {
  provider: "generic_oauth2",
  cases: [
    {
      name: "a client of its own",
      fields: { ...fields, scope: "orders.read orders.write" },
      exchanges: [
        {
          ...clientToken,
          form: { grant_type: "client_credentials", scope: "orders.read orders.write" },
          answer: {
            status: 200,
            body: {
              access_token: "fixture-oauth-access-0001",
              token_type: "Bearer",
              expires_in: 3600,
              scope: "orders.read orders.write",
            },
          },
        },
      ],
      verdict: "valid",
      scopes: ["orders.read", "orders.write"],
    },
    {
      name: "a client without a scope",
      fields,
      exchanges: [
        {
          ...clientToken,
          answer: {
            status: 200,
            body: { access_token: "fixture-oauth-access-0002", token_type: "Bearer", expires_in: 3600 },
          },
        },
      ],
      verdict: "valid",
    },
    {
      name: "a 200 without a token",
      fields,
      exchanges: [{ ...clientToken, answer: { status: 200, body: { error: "bad_verification_code" } } }],
      verdict: "unknown",
    },
    ...refusals.map(({ status, code, verdict }): PlayedCase => ({
      name: `${status} ${code}`,
      fields,
      exchanges: [{ ...clientToken, answer: error(status, code) }],
      verdict,
    })),
    {
      name: "a server that reads the form alone",
      fields,
      exchanges: [
        { ...clientToken, answer: unread },
        { ...asForm, answer: granted },
      ],
      verdict: "valid",
    },
    {
      name: "a server that calls an empty form a bad request",
      fields,
      exchanges: [
        { ...clientToken, answer: error(400, "invalid_request") },
        { ...asForm, answer: granted },
      ],
      verdict: "valid",
    },
    ...refusals.map(({ status, code, verdict }): PlayedCase => ({
      name: `a server that reads the form alone: ${status} ${code}`,
      fields,
      exchanges: [
        { ...clientToken, answer: unread },
        { ...asForm, answer: error(status, code) },
      ],
      verdict,
    })),
    ...clientRefusals.map(({ name, answer, verdict }): PlayedCase => ({
      name,
      fields,
      exchanges: [
        { ...clientToken, answer },
        { ...asForm, answer },
      ],
      verdict,
    })),
    {
      name: "a refresh token that the server calls active",
      fields: lookedUp,
      exchanges: [
        {
          ...introspection,
          answer: {
            status: 200,
            body: {
              active: true,
              client_id: "harbour-sync",
              scope: "orders.read",
              sub: "ada",
              token_type: "refresh_token",
            },
          },
        },
      ],
      verdict: "valid",
      scopes: ["orders.read"],
    },
    {
      name: "a refresh token that the server does not call active",
      fields: lookedUp,
      exchanges: [{ ...introspection, answer: { status: 200, body: { active: false } } }],
      verdict: "invalid",
    },
    {
      name: "an answer that says neither",
      fields: lookedUp,
      exchanges: [{ ...introspection, answer: { status: 200, body: { status: "ok" } } }],
      verdict: "unknown",
    },
    ...clientRefusals.map(({ name, answer, verdict }): PlayedCase => ({
      name: `a client that looks a token up: ${name}`,
      fields: lookedUp,
      exchanges: [
        { ...introspection, answer },
        { ...introspectionAsForm, answer },
      ],
      verdict,
    })),
    ...[
      { active: true, verdict: "valid" as const },
      { active: false, verdict: "invalid" as const },
    ].map(({ active, verdict }): PlayedCase => ({
      name: `a lookup at a server that reads the form alone: active is ${active}`,
      fields: lookedUp,
      exchanges: [
        { ...introspection, answer: unread },
        { ...introspectionAsForm, answer: { status: 200, body: { active } } },
      ],
      verdict,
    })),
    {
      name: "a public client that looks its token up",
      fields: {
        token_url: tokenUrl,
        client_id: client.client_id,
        refresh_token: lookedUp.refresh_token,
        introspection_url: lookedUp.introspection_url,
      },
      exchanges: [
        {
          ...introspectionAsForm,
          form: { ...introspection.form, client_id: client.client_id },
          answer: { status: 200, body: { active: true } },
        },
      ],
      verdict: "valid",
    },
    {
      name: "a refresh token that nothing can look up",
      fields: { ...fields, refresh_token: "fixture-oauth-refresh-0002-Kx" },
      exchanges: [],
      verdict: "not_checkable",
    },
  ],
};
