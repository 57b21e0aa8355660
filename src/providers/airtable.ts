import { provider } from "./provider.ts";

export const airtable = provider({
  name: "airtable",
  title: "Airtable",
  category: "data",
  type: "api_key",
  fields: {
    token: { type: "secret", required: true, shape: "^pat[A-Za-z0-9]{14}\\.[a-f0-9]{64}$" },
  },
  base_url: "https://api.airtable.com",
  docs_url: "https://airtable.com/developers/web/api/get-user-id-scopes",
  check: {
    kind: "http",
    steps: [
      {
        method: "GET",
        path: "/v0/meta/whoami",
        headers: { authorization: "Bearer {token}" },
        rules: [
          { status: [200], verdict: "valid" },
          { status: [401], verdict: "invalid" },
          { status: [403], verdict: "insufficient_scope" },
        ],
        scopes: { from: { path: "scopes" } },
        identity: { from: { path: "id" } },
      },
    ],
  },
  negative_control: { fields: { token: `pat${"0".repeat(14)}.${"0".repeat(64)}` }, verdict: "invalid" },
});
