import { provider } from "./provider.ts";

export const digitalocean = provider({
  name: "digitalocean",
  title: "DigitalOcean",
  category: "infrastructure",
  type: "api_key",
  fields: {
    token: { type: "secret", required: true, shape: "^do[opr]_v1_[a-f0-9]{64}$" },
  },
  base_url: "https://api.digitalocean.com",
  docs_url: "https://docs.digitalocean.com/reference/api/digitalocean/#tag/Account",
  check: {
    kind: "http",
    steps: [
      {
        // A refresh token is no bearer, and refreshing would use it up: it is not asked.
        when: [{ field: "token", not_starts_with: "dor_v1_" }],
        method: "GET",
        path: "/v2/account",
        headers: { authorization: "Bearer {token}" },
        rules: [
          { status: [200], verdict: "valid" },
          { status: [401], verdict: "invalid" },
          { status: [403], verdict: "insufficient_scope" },
        ],
        identity: { from: { path: "account.uuid" } },
      },
    ],
  },
  negative_control: { fields: { token: `dop_v1_${"0".repeat(64)}` }, verdict: "invalid" },
});
