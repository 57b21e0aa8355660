import { provider } from "./provider.ts";

export const openrouter = provider({
  name: "openrouter",
  title: "OpenRouter",
  category: "llm",
  type: "api_key",
  fields: {
    api_key: { type: "secret", required: true, shape: "^sk-or-v1-[0-9a-f]{64}$" },
  },
  base_url: "https://openrouter.ai/api/v1",
  docs_url: "https://openrouter.ai/docs/api/api-reference/api-keys/get-current-key",
  check: {
    kind: "http",
    steps: [
      {
        method: "GET",
        path: "/key",
        headers: { authorization: "Bearer {api_key}" },
        rules: [
          { status: [200], verdict: "valid" },
          { status: [401], verdict: "invalid" },
          { status: [403], verdict: "insufficient_scope" },
        ],
        expires_at: { from: { path: "data.expires_at" }, format: "date" },
        // The label is cut from the key itself and changes with it.
        identity: { from: { path: "data.creator_user_id" } },
      },
    ],
  },
  rotation: {
    mode: "dual_phase",
    how: "with a management key: POST /api/v1/keys, then DELETE /api/v1/keys/{hash} of the old one",
  },
  negative_control: { fields: { api_key: `sk-or-v1-${"0".repeat(64)}` }, verdict: "invalid" },
});
