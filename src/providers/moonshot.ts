import { provider } from "./provider.ts";

export const moonshot = provider({
  name: "moonshot",
  title: "Moonshot (Kimi)",
  category: "llm",
  type: "api_key",
  fields: {
    api_key: { type: "secret", required: true, shape: "^sk-" },
    region: {
      type: "string",
      required: false,
      shape: "^(?:ai|cn)$",
      default: "ai",
      note: "ai or cn, the end of the address; a key is known in its own region alone",
    },
  },
  base_url: "https://api.moonshot.ai/v1",
  docs_url: "https://platform.moonshot.ai/docs",
  check: {
    kind: "http",
    steps: [
      {
        when: [{ field: "region", equals: "ai" }],
        method: "GET",
        path: "/models",
        headers: { authorization: "Bearer {api_key}" },
        rules: [
          { status: [200], verdict: "valid" },
          { status: [401], verdict: "invalid", note: "or a key of region cn" },
          { status: [403], verdict: "insufficient_scope" },
        ],
      },
      {
        when: [{ field: "region", equals: "cn" }],
        method: "GET",
        base_url: "https://api.moonshot.cn/v1",
        path: "/models",
        headers: { authorization: "Bearer {api_key}" },
        rules: [
          { status: [200], verdict: "valid" },
          { status: [401], verdict: "invalid", note: "or a key of region ai" },
          { status: [403], verdict: "insufficient_scope" },
        ],
      },
    ],
  },
  negative_control: { fields: { api_key: `sk-${"0".repeat(48)}` }, verdict: "invalid" },
});
