import { provider } from "./provider.ts";

export const dockerhub = provider({
  name: "dockerhub",
  title: "Docker Hub",
  category: "developer",
  type: "basic",
  fields: {
    username: { type: "string", required: true },
    token: {
      type: "secret",
      required: true,
      shape: "^(?:dckr_pat_[A-Za-z0-9_-]{27}|dckr_oat_[A-Za-z0-9_-]{32}|[0-9a-f-]{36})$",
    },
  },
  base_url: "https://hub.docker.com",
  docs_url: "https://docs.docker.com/reference/api/hub/latest/",
  check: {
    kind: "http",
    steps: [
      {
        method: "POST",
        path: "/v2/auth/token",
        json: { identifier: "{username}", secret: "{token}" },
        rules: [
          { status: [200], verdict: "valid" },
          // The password of an account with a second factor: right, as far as it goes.
          { status: [401], body: { path: "mfa_token", exists: true }, verdict: "valid" },
          { status: [401], verdict: "invalid" },
        ],
      },
    ],
  },
  // It is a login: too many that fail lock the account.
  min_interval_s: 21_600,
  rotation: {
    mode: "dual_phase",
    how: "with a bearer of /v2/auth/token: POST /v2/access-tokens, then DELETE /v2/access-tokens/{uuid} of the old one",
  },
  negative_control: {
    fields: { username: "leveredge-negative-control", token: `dckr_pat_${"0".repeat(27)}` },
    verdict: "invalid",
  },
});
