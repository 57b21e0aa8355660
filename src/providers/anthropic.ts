import { provider } from "./provider.ts";

export const anthropic = provider({
  name: "anthropic",
  title: "Anthropic",
  category: "llm",
  type: "api_key",
  fields: {
    api_key: { type: "secret", required: true, shape: "^sk-ant-api[0-9]{2}-" },
  },
  base_url: "https://api.anthropic.com/v1",
  docs_url: "https://platform.claude.com/docs/en/api/admin/api_keys",
  check: {
    kind: "http",
    steps: [
      {
        method: "GET",
        path: "/models?limit=1",
        headers: { "x-api-key": "{api_key}", "anthropic-version": "2023-06-01" },
        rules: [
          { status: [200], verdict: "valid" },
          { status: [401], body: { path: "error.type", equals: "authentication_error" }, verdict: "invalid" },
          // Another 403 is a country or network that is shut out.
          { status: [403], body: { path: "error.type", equals: "permission_error" }, verdict: "insufficient_scope" },
        ],
        identity: { from: { header: "anthropic-organization-id" } },
      },
    ],
  },
  rotation: {
    mode: "manual",
    how: "make a new one in the Console; with an admin key, POST the old one's id with status inactive",
  },
  negative_control: { fields: { api_key: `sk-ant-api03-${"0".repeat(95)}` }, verdict: "invalid" },
});
