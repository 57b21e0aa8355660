import { provider, type Rule } from "./provider.ts";

/** The endpoint answers 200 for tokens that no longer work. */
const verified = [
  { status: [200], body: { path: "result.status", equals: "active" }, verdict: "valid" },
  { status: [200], body: { path: "result.status", equals: "disabled" }, verdict: "revoked" },
  { status: [200], body: { path: "result.status", equals: "expired" }, verdict: "expired" },
  // Too malformed to be looked up.
  { status: [400], body: { path: "errors[].code", equals: 6003 }, verdict: "invalid" },
] satisfies Rule[];

export const cloudflare = provider({
  name: "cloudflare",
  title: "Cloudflare",
  category: "infrastructure",
  type: "api_key",
  fields: {
    api_token: {
      type: "secret",
      required: true,
      shape: "^(?:cf[ua]t_[A-Za-z0-9]{40}[a-f0-9]{8}|[A-Za-z0-9_-]{40})$",
    },
    account_id: {
      type: "string",
      required: false,
      shape: "^[a-f0-9]{32}$",
      note: "needed for tokens of an account (cfat_)",
    },
  },
  base_url: "https://api.cloudflare.com/client/v4",
  docs_url: "https://developers.cloudflare.com/api/resources/user/subresources/tokens/methods/verify",
  check: {
    kind: "http",
    // A token of a person looks dead at the account's endpoint and the other way round.
    steps: [
      {
        when: [{ field: "api_token", starts_with: "cfat_" }],
        method: "GET",
        path: "/accounts/{account_id}/tokens/verify",
        headers: { authorization: "Bearer {api_token}" },
        rules: [...verified, { status: [401], verdict: "invalid" }],
        expires_at: { from: { path: "result.expires_on" }, format: "date" },
        identity: { from: { path: "result.id" } },
      },
      // Older tokens do not show whose they are.
      {
        when: [
          { field: "account_id", is: "present" },
          { field: "api_token", not_starts_with: "cfat_" },
          { field: "api_token", not_starts_with: "cfut_" },
        ],
        method: "GET",
        path: "/accounts/{account_id}/tokens/verify",
        headers: { authorization: "Bearer {api_token}" },
        rules: [
          ...verified,
          // The account's own token, from an address that it does not allow: a person's it is not.
          { status: [403], body: { contains: "from location" }, verdict: "unknown" },
          { status: [401, 403], verdict: "next" },
        ],
        expires_at: { from: { path: "result.expires_on" }, format: "date" },
        identity: { from: { path: "result.id" } },
      },
      {
        when: [{ field: "api_token", not_starts_with: "cfat_" }],
        method: "GET",
        path: "/user/tokens/verify",
        headers: { authorization: "Bearer {api_token}" },
        rules: [...verified, { status: [401], verdict: "invalid" }],
        expires_at: { from: { path: "result.expires_on" }, format: "date" },
        identity: { from: { path: "result.id" } },
      },
    ],
  },
  rotation: {
    mode: "in_place",
    how: "with API Tokens Write: PUT /user/tokens/{id}/value; the old value dies at once",
  },
  negative_control: { fields: { api_token: "0".repeat(40) }, verdict: "invalid" },
});
