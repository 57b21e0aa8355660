import { provider } from "./provider.ts";

export const netlify = provider({
  name: "netlify",
  title: "Netlify",
  category: "infrastructure",
  type: "api_key",
  fields: {
    token: { type: "secret", required: true, shape: "^(?:nfp_[A-Za-z0-9_]{36}|[A-Za-z0-9_-]{43,45})$" },
  },
  base_url: "https://api.netlify.com",
  docs_url: "https://open-api.netlify.com/",
  check: {
    kind: "http",
    steps: [
      {
        method: "GET",
        path: "/api/v1/user",
        headers: { authorization: "Bearer {token}" },
        rules: [
          { status: [200], verdict: "valid" },
          { status: [401], verdict: "invalid" },
          { status: [403], verdict: "insufficient_scope" },
        ],
        identity: { from: { path: "email" } },
      },
    ],
  },
  negative_control: { fields: { token: `nfp_${"0".repeat(36)}` }, verdict: "invalid" },
});
