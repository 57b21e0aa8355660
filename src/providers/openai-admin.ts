import { provider } from "./provider.ts";

export const openaiAdmin = provider({
  name: "openai_admin",
  title: "OpenAI admin key",
  category: "llm",
  type: "api_key",
  fields: {
    admin_api_key: { type: "secret", required: true, shape: "^sk-admin-" },
  },
  base_url: "https://api.openai.com/v1",
  docs_url: "https://platform.openai.com/docs/api-reference/admin-api-keys",
  check: {
    kind: "http",
    steps: [
      {
        method: "GET",
        path: "/organization/admin_api_keys?limit=1",
        headers: { authorization: "Bearer {admin_api_key}" },
        rules: [
          { status: [200], verdict: "valid" },
          { status: [401], body: { path: "error.code", equals: "invalid_api_key" }, verdict: "invalid" },
          { status: [403], body: { contains: "unsupported_country" }, verdict: "unknown" },
          { status: [403], verdict: "insufficient_scope" },
        ],
      },
    ],
  },
  rotation: {
    mode: "dual_phase",
    how: "with another admin key: POST /organization/admin_api_keys, then DELETE the old one",
  },
  negative_control: { fields: { admin_api_key: `sk-admin-${"0".repeat(116)}` }, verdict: "invalid" },
});
