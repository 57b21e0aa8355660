import { provider } from "./provider.ts";

export const xai = provider({
  name: "xai",
  title: "xAI",
  category: "llm",
  type: "api_key",
  fields: {
    api_key: { type: "secret", required: true, shape: "^xai-[0-9A-Za-z_]{80}$" },
  },
  base_url: "https://api.x.ai/v1",
  docs_url: "https://docs.x.ai/developers/rest-api-reference",
  check: {
    kind: "http",
    steps: [
      {
        method: "GET",
        path: "/api-key",
        headers: { authorization: "Bearer {api_key}" },
        rules: [
          {
            status: [200],
            body: {
              any: [
                { path: "api_key_disabled", equals: true },
                { path: "api_key_blocked", equals: true },
              ],
            },
            verdict: "revoked",
          },
          // When only the team is blocked, the key is as good or bad as before.
          {
            status: [200],
            body: {
              all: [
                { path: "api_key_disabled", equals: false },
                { path: "api_key_blocked", equals: false },
                { path: "team_blocked", equals: false },
              ],
            },
            verdict: "valid",
          },
          // A wrong key is a bad request here.
          { status: [400, 401], verdict: "invalid" },
        ],
        scopes: { from: { path: "acls" } },
        identity: { from: { path: "team_id" } },
      },
    ],
  },
  rotation: {
    mode: "dual_phase",
    how: "with a management key: POST the team's api-keys at management-api.x.ai, then DELETE the old one",
  },
  negative_control: { fields: { api_key: `xai-${"0".repeat(80)}` }, verdict: "invalid" },
});
