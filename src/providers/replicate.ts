import { provider } from "./provider.ts";

export const replicate = provider({
  name: "replicate",
  title: "Replicate",
  category: "media",
  type: "api_key",
  fields: {
    api_token: { type: "secret", required: true, shape: "^r8_[0-9A-Za-z_-]{37}$" },
  },
  base_url: "https://api.replicate.com/v1",
  docs_url: "https://replicate.com/docs/reference/http#account.get",
  check: {
    kind: "http",
    steps: [
      {
        method: "GET",
        path: "/account",
        headers: { authorization: "Bearer {api_token}" },
        rules: [
          { status: [200], verdict: "valid" },
          { status: [401], verdict: "invalid" },
          { status: [403], verdict: "insufficient_scope" },
        ],
        identity: { from: { path: "username" } },
      },
    ],
  },
  negative_control: { fields: { api_token: `r8_${"0".repeat(37)}` }, verdict: "invalid" },
});
