import { provider } from "./provider.ts";

export const linear = provider({
  name: "linear",
  title: "Linear",
  category: "developer",
  type: "api_key",
  fields: {
    api_key: { type: "secret", required: true, shape: "^lin_api_[0-9A-Za-z]{40}$" },
  },
  base_url: "https://api.linear.app",
  docs_url: "https://linear.app/developers/rate-limiting",
  check: {
    kind: "http",
    steps: [
      {
        method: "POST",
        path: "/graphql",
        // A personal key goes without "Bearer".
        headers: { authorization: "{api_key}" },
        json: { query: "{ viewer { id name email organization { name urlKey } } }" },
        rules: [
          { status: [200], body: { path: "data.viewer.id", exists: true }, verdict: "valid" },
          { status: [400], body: { path: "errors[].extensions.code", equals: "RATELIMITED" }, verdict: "rate_limited" },
          // GraphQL may refuse in a 200 as well.
          {
            status: [200, 400],
            body: { path: "errors[].extensions.code", equals: "AUTHENTICATION_ERROR" },
            verdict: "invalid",
          },
          { status: [401], verdict: "invalid" },
          {
            status: [200, 403],
            body: { path: "errors[].extensions.code", equals: "FORBIDDEN" },
            verdict: "insufficient_scope",
          },
        ],
        identity: { from: { path: "data.viewer.email" } },
      },
    ],
  },
  negative_control: { fields: { api_key: `lin_api_${"0".repeat(40)}` }, verdict: "invalid" },
});
