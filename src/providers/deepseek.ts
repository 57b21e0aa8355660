import { provider } from "./provider.ts";

export const deepseek = provider({
  name: "deepseek",
  title: "DeepSeek",
  category: "llm",
  type: "api_key",
  fields: {
    api_key: { type: "secret", required: true, shape: "^sk-[a-z0-9]{32}$" },
  },
  base_url: "https://api.deepseek.com",
  docs_url: "https://api-docs.deepseek.com/api/get-user-balance",
  check: {
    kind: "http",
    steps: [
      {
        method: "GET",
        path: "/user/balance",
        headers: { authorization: "Bearer {api_key}" },
        rules: [
          { status: [200], verdict: "valid" },
          // Recognised, out of credit.
          { status: [402], verdict: "valid" },
          { status: [401], verdict: "invalid" },
        ],
      },
    ],
  },
  negative_control: { fields: { api_key: `sk-${"0".repeat(32)}` }, verdict: "invalid" },
});
