import { provider } from "./provider.ts";

export const elevenlabs = provider({
  name: "elevenlabs",
  title: "ElevenLabs",
  category: "media",
  type: "api_key",
  fields: {
    api_key: { type: "secret", required: true, shape: "^(?:sk_[a-f0-9]{48}|[a-f0-9]{32})$" },
  },
  base_url: "https://api.elevenlabs.io/v1",
  docs_url: "https://elevenlabs.io/docs/api-reference/authentication",
  check: {
    kind: "http",
    steps: [
      {
        method: "GET",
        path: "/user",
        headers: { "xi-api-key": "{api_key}" },
        rules: [
          { status: [200], verdict: "valid" },
          { status: [401], body: { path: "detail.status", equals: "invalid_api_key" }, verdict: "invalid" },
          // A restricted key that may not read the user was recognised all the same.
          {
            status: [401],
            body: { path: "detail.status", equals: "missing_permissions" },
            verdict: "insufficient_scope",
          },
        ],
        identity: { from: { path: "user_id" } },
      },
    ],
  },
  rotation: {
    mode: "dual_phase",
    how: "with a workspace admin's key: POST a service account's api-keys, then DELETE the old one",
  },
  negative_control: { fields: { api_key: `sk_${"0".repeat(48)}` }, verdict: "invalid" },
});
