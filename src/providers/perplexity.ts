import { provider } from "./provider.ts";

export const perplexity = provider({
  name: "perplexity",
  title: "Perplexity",
  category: "llm",
  type: "api_key",
  fields: {
    api_key: { type: "secret", required: true, shape: "^pplx-[A-Za-z0-9]{48}$" },
  },
  base_url: "https://api.perplexity.ai",
  docs_url: "https://docs.perplexity.ai/docs/admin/api-key-management",
  check: {
    kind: "http",
    steps: [
      {
        method: "GET",
        path: "/v1/models",
        headers: { authorization: "Bearer {api_key}" },
        rules: [
          { status: [200], verdict: "valid" },
          { status: [401], verdict: "invalid" },
        ],
      },
    ],
  },
  rotation: {
    mode: "dual_phase",
    how: "with the key itself: POST /generate_auth_token, then POST /revoke_auth_token with the old one",
  },
  negative_control: { fields: { api_key: `pplx-${"0".repeat(48)}` }, verdict: "invalid", without_key: "invalid" },
  unproven: true,
});
