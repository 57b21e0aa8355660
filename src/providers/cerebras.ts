import { provider } from "./provider.ts";

export const cerebras = provider({
  name: "cerebras",
  title: "Cerebras",
  category: "llm",
  type: "api_key",
  fields: {
    api_key: { type: "secret", required: true, shape: "^csk-[a-z0-9]{40,}$" },
  },
  base_url: "https://api.cerebras.ai/v1",
  docs_url: "https://inference-docs.cerebras.ai/",
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
  negative_control: { fields: { api_key: `csk-${"0".repeat(48)}` }, verdict: "invalid" },
});
