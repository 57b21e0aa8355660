import { provider } from "./provider.ts";

export const mistral = provider({
  name: "mistral",
  title: "Mistral AI",
  category: "llm",
  type: "api_key",
  fields: {
    api_key: { type: "secret", required: true, shape: "^[A-Za-z0-9]{32}$" },
  },
  base_url: "https://api.mistral.ai/v1",
  docs_url: "https://docs.mistral.ai/api/",
  check: {
    kind: "http",
    steps: [
      {
        method: "GET",
        path: "/models",
        headers: { authorization: "Bearer {api_key}" },
        rules: [
          { status: [200], verdict: "valid" },
          { status: [401], verdict: "invalid" },
          { status: [403], verdict: "insufficient_scope" },
        ],
      },
    ],
  },
  negative_control: { fields: { api_key: "0".repeat(32) }, verdict: "invalid" },
});
