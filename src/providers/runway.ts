import { provider } from "./provider.ts";

export const runway = provider({
  name: "runway",
  title: "Runway",
  category: "media",
  type: "api_key",
  fields: {
    api_key: { type: "secret", required: true, shape: "^key_[a-f0-9]{128}$" },
  },
  base_url: "https://api.dev.runwayml.com/v1",
  docs_url: "https://docs.dev.runwayml.com/guides/setup",
  check: {
    kind: "http",
    steps: [
      {
        method: "GET",
        path: "/organization",
        headers: { authorization: "Bearer {api_key}", "x-runway-version": "2024-11-06" },
        rules: [
          { status: [200], verdict: "valid" },
          { status: [401], verdict: "invalid" },
          { status: [403], verdict: "insufficient_scope" },
        ],
      },
    ],
  },
  negative_control: { fields: { api_key: `key_${"0".repeat(128)}` }, verdict: "invalid" },
});
