import { provider } from "./provider.ts";

export const voyageai = provider({
  name: "voyageai",
  title: "Voyage AI",
  category: "llm",
  type: "api_key",
  fields: {
    api_key: { type: "secret", required: true, shape: "^pa-[A-Za-z0-9_-]{40,}$" },
  },
  base_url: "https://api.voyageai.com/v1",
  docs_url: "https://docs.voyageai.com/",
  check: {
    kind: "http",
    steps: [
      {
        method: "GET",
        path: "/files",
        headers: { authorization: "Bearer {api_key}" },
        rules: [
          { status: [200], verdict: "valid" },
          { status: [401], verdict: "invalid" },
          { status: [403], verdict: "insufficient_scope" },
        ],
      },
    ],
  },
  negative_control: { fields: { api_key: `pa-${"0".repeat(43)}` }, verdict: "invalid" },
});
