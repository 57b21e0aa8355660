import { provider, type Rule } from "./provider.ts";

/** A page of the firewall has neither a category nor a correlation id. */
const refusals = [
  { status: [401], body: { path: "category", equals: "INVALID_AUTHENTICATION" }, verdict: "invalid" },
  { status: [401], body: { path: "category", equals: "EXPIRED_AUTHENTICATION" }, verdict: "expired" },
  {
    status: [403],
    body: {
      all: [
        { path: "category", equals: "MISSING_SCOPES" },
        { path: "correlationId", exists: true },
      ],
    },
    verdict: "insufficient_scope",
  },
] satisfies Rule[];

export const hubspot = provider({
  name: "hubspot",
  title: "HubSpot private app / service key",
  category: "data",
  type: "api_key",
  fields: {
    access_token: { type: "secret", required: true, shape: "^pat-(?:eu|na)[0-9]-[A-Za-z0-9-]{36}$" },
  },
  base_url: "https://api.hubapi.com",
  docs_url: "https://developers.hubspot.com/docs/api/private-apps",
  check: {
    kind: "http",
    steps: [
      {
        method: "POST",
        path: "/oauth/v2/private-apps/get/access-token-info",
        json: { tokenKey: "{access_token}" },
        rules: [
          { status: [200], verdict: "valid" },
          ...refusals,
          // No private app's: a service key, or no key at all.
          { status: [404], verdict: "next" },
        ],
        scopes: { from: { path: "scopes" } },
        identity: { from: { path: "hubId" } },
      },
      {
        method: "GET",
        // Said to need no scope.
        path: "/account-info/v3/details",
        headers: { authorization: "Bearer {access_token}" },
        rules: [{ status: [200], verdict: "valid" }, ...refusals],
        identity: { from: { path: "portalId" } },
      },
    ],
  },
  rotation: { mode: "manual", how: "rotate it in the app's settings; the old one lives on for up to seven days" },
  negative_control: {
    fields: { access_token: "pat-na1-00000000-0000-0000-0000-000000000000" },
    verdict: "invalid",
  },
});
