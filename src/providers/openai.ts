import { provider } from "./provider.ts";

export const openai = provider({
  name: "openai",
  title: "OpenAI",
  category: "llm",
  type: "api_key",
  fields: {
    api_key: { type: "secret", required: true, shape: "^sk-" },
    organization_id: { type: "string", required: false, shape: "^org-[A-Za-z0-9]+$" },
    project_id: { type: "string", required: false, shape: "^proj_[A-Za-z0-9]+$" },
  },
  base_url: "https://api.openai.com/v1",
  docs_url: "https://platform.openai.com/docs/guides/error-codes/api-errors",
  check: {
    kind: "http",
    steps: [
      {
        when: [{ field: "api_key", not_starts_with: "sk-admin-" }],
        method: "GET",
        path: "/models",
        headers: {
          authorization: "Bearer {api_key}",
          "openai-organization": "{organization_id?}",
          "openai-project": "{project_id?}",
        },
        rules: [
          { status: [200], verdict: "valid" },
          // Another 401 is a wrong organization header or a refused address: the key itself may live.
          { status: [401], body: { path: "error.code", equals: "invalid_api_key" }, verdict: "invalid" },
          // A restricted key that was recognised. Another 403 is a country that is shut out.
          { status: [403], body: { contains: "insufficient permissions" }, verdict: "insufficient_scope" },
          // Recognised, out of credit.
          { status: [429], body: { path: "error.code", equals: "insufficient_quota" }, verdict: "valid" },
        ],
        identity: { from: { header: "openai-organization" } },
      },
      // An administrator's key may not list models: there it would look dead.
      {
        when: [{ field: "api_key", starts_with: "sk-admin-" }],
        method: "GET",
        path: "/organization/admin_api_keys?limit=1",
        headers: { authorization: "Bearer {api_key}" },
        rules: [
          { status: [200], verdict: "valid" },
          { status: [401], body: { path: "error.code", equals: "invalid_api_key" }, verdict: "invalid" },
          { status: [403], body: { contains: "insufficient permissions" }, verdict: "insufficient_scope" },
        ],
      },
    ],
  },
  rotation: {
    mode: "dual_phase",
    how: "with an admin key: POST a service account's api_keys, then DELETE the old one",
  },
  negative_control: {
    fields: { api_key: "sk-proj-0000000000000000000000000000000000000000" },
    verdict: "invalid",
  },
});
