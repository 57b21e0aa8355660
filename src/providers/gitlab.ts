import { provider } from "./provider.ts";

export const gitlab = provider({
  name: "gitlab",
  title: "GitLab access token",
  category: "developer",
  type: "api_key",
  fields: {
    token: {
      type: "secret",
      required: true,
      shape: "^glpat-[A-Za-z0-9_=-]{20,300}(?:\\.[0-9a-z]{2}\\.?[0-9a-z]{7,9})?$",
    },
    base_url: { type: "string", required: false, shape: "^https?://", default: "https://gitlab.com" },
  },
  base_url: "{base_url}",
  docs_url: "https://docs.gitlab.com/api/personal_access_tokens/",
  check: {
    kind: "http",
    steps: [
      {
        method: "GET",
        path: "/api/v4/personal_access_tokens/self",
        headers: { "private-token": "{token}" },
        rules: [
          { status: [200], body: { path: "active", equals: true }, verdict: "valid" },
          { status: [200], body: { path: "revoked", equals: true }, verdict: "revoked" },
          {
            status: [401],
            body: { all: [{ path: "error", equals: "invalid_token" }, { contains: "expired" }] },
            verdict: "expired",
          },
          {
            status: [401],
            body: { all: [{ path: "error", equals: "invalid_token" }, { contains: "revoked" }] },
            verdict: "revoked",
          },
          { status: [401], verdict: "invalid" },
          { status: [403], verdict: "insufficient_scope" },
        ],
        expires_at: { from: { path: "expires_at" }, format: "date" },
        scopes: { from: { path: "scopes" } },
        identity: { from: { path: "user_id" } },
      },
    ],
  },
  rotation: {
    mode: "in_place",
    how: "with the scope api or self_rotate: POST personal_access_tokens/self/rotate; the old one ends at once",
  },
  negative_control: { fields: { token: `glpat-${"0".repeat(20)}` }, verdict: "invalid" },
});
