import { provider } from "./provider.ts";

export const huggingface = provider({
  name: "huggingface",
  title: "Hugging Face",
  category: "llm",
  type: "api_key",
  fields: {
    api_key: { type: "secret", required: true, shape: "^(?:hf_|api_org_)[A-Za-z0-9]{34}$" },
  },
  base_url: "https://huggingface.co",
  docs_url: "https://huggingface.co/docs/hub/api#get-apiwhoami-v2",
  check: {
    kind: "http",
    steps: [
      {
        method: "GET",
        path: "/api/whoami-v2",
        headers: { authorization: "Bearer {api_key}" },
        rules: [
          { status: [200], verdict: "valid" },
          { status: [401], verdict: "invalid" },
          { status: [403], verdict: "insufficient_scope" },
        ],
        expires_at: { from: { path: "auth.accessToken.expiresAt" }, format: "date" },
        scopes: { from: { path: "auth.accessToken.role" } },
        identity: { from: { path: "name" } },
      },
    ],
  },
  // Asking often is answered 429 for a long time.
  min_interval_s: 21_600,
  negative_control: { fields: { api_key: `hf_${"0".repeat(34)}` }, verdict: "invalid" },
});
