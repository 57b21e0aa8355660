import { provider } from "./provider.ts";

export const hetzner = provider({
  name: "hetzner",
  title: "Hetzner Cloud",
  category: "infrastructure",
  type: "api_key",
  fields: {
    token: { type: "secret", required: true, shape: "^[A-Za-z0-9]{64}$" },
  },
  base_url: "https://api.hetzner.cloud/v1",
  docs_url: "https://docs.hetzner.cloud/",
  check: {
    kind: "http",
    steps: [
      {
        method: "GET",
        path: "/servers?per_page=1",
        headers: { authorization: "Bearer {token}" },
        rules: [
          { status: [200], verdict: "valid" },
          { status: [401], body: { path: "error.code", equals: "unauthorized" }, verdict: "invalid" },
          { status: [403], body: { path: "error.code", equals: "forbidden" }, verdict: "insufficient_scope" },
        ],
      },
    ],
  },
  negative_control: { fields: { token: "0".repeat(64) }, verdict: "invalid" },
  unproven: true,
});
