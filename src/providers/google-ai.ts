import { provider } from "./provider.ts";

export const googleAi = provider({
  name: "google_ai",
  title: "Google AI (Gemini API)",
  category: "llm",
  type: "api_key",
  fields: {
    api_key: { type: "secret", required: true, shape: "^(?:AIza[A-Za-z0-9_-]{35}|AQ\\.[A-Za-z0-9_-]{20,})$" },
  },
  base_url: "https://generativelanguage.googleapis.com/v1beta",
  docs_url: "https://ai.google.dev/gemini-api/docs/api-key",
  check: {
    kind: "http",
    steps: [
      {
        method: "GET",
        path: "/models?pageSize=1",
        headers: { "x-goog-api-key": "{api_key}" },
        rules: [
          { status: [200], verdict: "valid" },
          {
            status: [400],
            body: {
              all: [{ path: "error.details[].reason", equals: "API_KEY_INVALID" }, { contains: "api key expired" }],
            },
            verdict: "expired",
          },
          {
            status: [400],
            body: { path: "error.details[].reason", equals: "API_KEY_INVALID" },
            verdict: "invalid",
          },
          {
            status: [403],
            body: {
              any: [
                { contains: "reported as leaked" },
                { path: "error.details[].reason", equals: "CONSUMER_SUSPENDED" },
              ],
            },
            verdict: "revoked",
            note: "reported as leaked, or its project is suspended",
          },
          // A real key that is restricted to other APIs, applications or addresses.
          {
            status: [403],
            body: {
              path: "error.details[].reason",
              in: [
                "API_KEY_SERVICE_BLOCKED",
                "SERVICE_DISABLED",
                "API_KEY_HTTP_REFERRER_BLOCKED",
                "API_KEY_IP_ADDRESS_BLOCKED",
                "API_KEY_ANDROID_APP_BLOCKED",
                "API_KEY_IOS_APP_BLOCKED",
              ],
            },
            verdict: "insufficient_scope",
          },
          // No rule for 401: keys of the newer form get it when they are sent the wrong way.
        ],
        identity: { from: { path: "error.details[].metadata.consumer" } },
      },
    ],
  },
  rotation: {
    mode: "dual_phase",
    how: "with a service account: POST the project's keys at apikeys.googleapis.com, then DELETE the old one",
  },
  negative_control: { fields: { api_key: `AIza${"0".repeat(35)}` }, verdict: "invalid" },
});
