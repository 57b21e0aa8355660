import { provider } from "./provider.ts";

export const together = provider({
  name: "together",
  title: "Together AI",
  category: "llm",
  type: "api_key",
  fields: {
    api_key: { type: "secret", required: true, shape: "^(?:tgp_v1_[A-Za-z0-9_-]+|[a-f0-9]{64})$" },
  },
  base_url: "https://api.together.xyz/v1",
  docs_url: "https://docs.together.ai/reference/models-1",
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
  negative_control: { fields: { api_key: `tgp_v1_${"0".repeat(43)}` }, verdict: "invalid" },
});
