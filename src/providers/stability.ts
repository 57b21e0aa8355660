import { provider } from "./provider.ts";

export const stability = provider({
  name: "stability",
  title: "Stability AI",
  category: "media",
  type: "api_key",
  fields: {
    api_key: { type: "secret", required: true, shape: "^sk-[A-Za-z0-9]{48}$" },
  },
  base_url: "https://api.stability.ai",
  docs_url: "https://platform.stability.ai/docs/api-reference",
  check: {
    kind: "http",
    steps: [
      {
        method: "GET",
        path: "/v1/user/account",
        headers: { authorization: "Bearer {api_key}" },
        rules: [
          { status: [200], verdict: "valid" },
          { status: [401], verdict: "invalid" },
          { status: [403], verdict: "insufficient_scope" },
        ],
        identity: { from: { path: "id" } },
      },
    ],
  },
  negative_control: { fields: { api_key: `sk-${"0".repeat(48)}` }, verdict: "invalid" },
});
