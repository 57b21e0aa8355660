import { provider } from "./provider.ts";

export const groq = provider({
  name: "groq",
  title: "Groq",
  category: "llm",
  type: "api_key",
  fields: {
    api_key: { type: "secret", required: true, shape: "^gsk_[A-Za-z0-9]{52}$" },
  },
  base_url: "https://api.groq.com/openai/v1",
  docs_url: "https://console.groq.com/docs/models",
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
          // No rule for 403: an organization or network that is shut out says nothing about the key.
        ],
      },
    ],
  },
  negative_control: { fields: { api_key: `gsk_${"0".repeat(52)}` }, verdict: "invalid" },
});
