import { provider } from "./provider.ts";

export const deepgram = provider({
  name: "deepgram",
  title: "Deepgram",
  category: "media",
  type: "api_key",
  fields: {
    api_key: { type: "secret", required: true, shape: "^[0-9a-f]{40}$" },
  },
  base_url: "https://api.deepgram.com",
  docs_url: "https://developers.deepgram.com/reference/manage/keys/list",
  check: {
    kind: "http",
    steps: [
      {
        method: "GET",
        path: "/v1/projects",
        headers: { authorization: "Token {api_key}" },
        rules: [
          { status: [200], verdict: "valid" },
          { status: [401], verdict: "invalid" },
          { status: [403], verdict: "insufficient_scope" },
        ],
        identity: { from: { path: "projects[].name" } },
      },
    ],
  },
  rotation: {
    mode: "dual_phase",
    how: "with a key that has keys:write: POST /v1/projects/{project_id}/keys, then DELETE the old one",
  },
  negative_control: { fields: { api_key: "0".repeat(40) }, verdict: "invalid" },
});
