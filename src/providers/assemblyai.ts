import { provider } from "./provider.ts";

export const assemblyai = provider({
  name: "assemblyai",
  title: "AssemblyAI",
  category: "media",
  type: "api_key",
  fields: {
    api_key: { type: "secret", required: true, shape: "^[0-9a-f]{32}$" },
  },
  base_url: "https://api.assemblyai.com",
  docs_url: "https://www.assemblyai.com/docs/api-reference/transcripts/list",
  check: {
    kind: "http",
    steps: [
      {
        method: "GET",
        path: "/v2/transcript?limit=1",
        headers: { authorization: "{api_key}" },
        rules: [
          { status: [200], verdict: "valid" },
          { status: [401], verdict: "invalid" },
          { status: [403], verdict: "insufficient_scope" },
        ],
      },
    ],
  },
  negative_control: { fields: { api_key: "0".repeat(32) }, verdict: "invalid" },
});
