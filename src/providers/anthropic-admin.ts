import { provider } from "./provider.ts";

export const anthropicAdmin = provider({
  name: "anthropic_admin",
  title: "Anthropic admin key",
  category: "llm",
  type: "api_key",
  fields: {
    admin_api_key: { type: "secret", required: true, shape: "^sk-ant-admin01-" },
  },
  base_url: "https://api.anthropic.com/v1",
  docs_url: "https://platform.claude.com/docs/en/api/admin/api_keys",
  check: {
    kind: "http",
    steps: [
      {
        method: "GET",
        path: "/organizations/api_keys?limit=1",
        headers: { "x-api-key": "{admin_api_key}", "anthropic-version": "2023-06-01" },
        rules: [
          { status: [200], verdict: "valid" },
          { status: [401], body: { path: "error.type", equals: "authentication_error" }, verdict: "invalid" },
          // Another 403 is a country or network that is shut out.
          { status: [403], body: { path: "error.type", equals: "permission_error" }, verdict: "insufficient_scope" },
        ],
      },
    ],
  },
  negative_control: { fields: { admin_api_key: `sk-ant-admin01-${"0".repeat(95)}` }, verdict: "invalid" },
});
