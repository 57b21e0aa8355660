import { provider } from "./provider.ts";

export const tailscale = provider({
  name: "tailscale",
  title: "Tailscale",
  category: "infrastructure",
  type: "api_key",
  fields: {
    api_token: {
      type: "secret",
      required: true,
      shape: "^tskey-(?:api|client|auth)-[0-9A-Za-z_]+-[0-9A-Za-z_]+$",
      note: "an API access token (tskey-api-…) is asked about; what joins machines or mints tokens is no bearer",
    },
    key_id: {
      type: "string",
      required: false,
      note: "the part between tskey-api- and the next dash; with it, expiry and scopes are known",
    },
  },
  base_url: "https://api.tailscale.com/api/v2",
  docs_url: "https://tailscale.com/docs/reference/tailscale-api",
  check: {
    kind: "http",
    // The id is part of the token, but no template can cut it out: who gives it gets the better answer.
    steps: [
      {
        when: [
          { field: "api_token", starts_with: "tskey-api-" },
          { field: "key_id", is: "present" },
        ],
        method: "GET",
        path: "/tailnet/-/keys/{key_id}",
        headers: { authorization: "Bearer {api_token}" },
        rules: [
          { status: [200], body: { path: "invalid", equals: true }, verdict: "revoked", note: "revoked or expired" },
          { status: [200], verdict: "valid" },
          { status: [401], verdict: "invalid" },
          { status: [403], verdict: "insufficient_scope" },
        ],
        expires_at: { from: { path: "expires" }, format: "date" },
        scopes: { from: { path: "scopes" } },
        identity: { from: { path: "userId" } },
      },
      {
        when: [
          { field: "api_token", starts_with: "tskey-api-" },
          { field: "key_id", is: "absent" },
        ],
        method: "GET",
        path: "/tailnet/-/devices?fields=default",
        headers: { authorization: "Bearer {api_token}" },
        rules: [
          { status: [200], verdict: "valid" },
          { status: [401], verdict: "invalid" },
          { status: [403], verdict: "insufficient_scope" },
        ],
      },
    ],
  },
  rotation: {
    mode: "manual",
    how: "no API creates access tokens: make one in the admin console, or use an OAuth client, whose tokens live an hour",
  },
  negative_control: { fields: { api_token: `tskey-api-${"0".repeat(12)}-${"0".repeat(32)}` }, verdict: "invalid" },
  unproven: true,
});
