import { provider } from "./provider.ts";

export const npm = provider({
  name: "npm",
  title: "npm registry",
  category: "developer",
  type: "api_key",
  fields: {
    token: { type: "secret", required: true, shape: "^npm_[0-9A-Za-z]{36}$" },
  },
  base_url: "https://registry.npmjs.org",
  docs_url: "https://docs.npmjs.com/about-access-tokens",
  check: {
    kind: "http",
    steps: [
      {
        method: "GET",
        path: "/-/whoami",
        headers: { authorization: "Bearer {token}" },
        rules: [
          { status: [200], verdict: "valid" },
          { status: [401], verdict: "invalid" },
          // No rule for 403: an address range or a two-factor policy, not the token.
        ],
        identity: { from: { path: "username" } },
      },
    ],
  },
  rotation: {
    mode: "manual",
    how: "a new token needs the password and a one-time code; publishing from CI needs none with trusted publishing",
  },
  negative_control: { fields: { token: `npm_${"0".repeat(36)}` }, verdict: "invalid" },
});
