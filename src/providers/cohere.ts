import { provider } from "./provider.ts";

export const cohere = provider({
  name: "cohere",
  title: "Cohere",
  category: "llm",
  type: "api_key",
  fields: {
    api_key: { type: "secret", required: true, shape: "^[A-Za-z0-9]{40}$" },
  },
  base_url: "https://api.cohere.com/v1",
  docs_url: "https://docs.cohere.com/reference/list-models",
  check: {
    kind: "http",
    steps: [
      {
        method: "GET",
        path: "/models?page_size=1",
        headers: { authorization: "Bearer {api_key}" },
        rules: [
          { status: [200], verdict: "valid" },
          { status: [401], verdict: "invalid" },
          { status: [403], verdict: "insufficient_scope" },
        ],
      },
    ],
  },
  negative_control: { fields: { api_key: "0".repeat(40) }, verdict: "invalid" },
});
