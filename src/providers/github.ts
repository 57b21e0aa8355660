import { provider } from "./provider.ts";

export const github = provider({
  name: "github",
  title: "GitHub",
  category: "developer",
  type: "api_key",
  fields: {
    personal_access_token: {
      type: "secret",
      required: true,
      shape: "^(?:gh[pousr]_[A-Za-z0-9_]{36,255}|github_pat_[A-Za-z0-9_]{36,255}|[0-9a-f]{40})$",
    },
    base_url: {
      type: "string",
      required: false,
      default: "https://api.github.com",
      note: "GitHub Enterprise Server: https://HOST/api/v3",
    },
  },
  base_url: "https://api.github.com",
  docs_url: "https://docs.github.com/en/rest/users/users#get-the-authenticated-user",
  check: {
    kind: "http",
    steps: [
      {
        when: [{ field: "personal_access_token", not_starts_with: "ghs_" }],
        method: "GET",
        base_url: "{base_url}",
        path: "/user",
        headers: {
          authorization: "Bearer {personal_access_token}",
          accept: "application/vnd.github+json",
          "x-github-api-version": "2022-11-28",
        },
        rules: [
          // An address that is not the API's may answer 200, too.
          { status: [200], body: { path: "login", exists: true }, verdict: "valid" },
          { status: [401], verdict: "invalid" },
          { status: [403], body: { contains: "resource not accessible" }, verdict: "insufficient_scope" },
          // Both the hourly and the secondary limit; a 403 may also ask for single sign-on.
          { status: [403], body: { contains: "rate limit" }, verdict: "rate_limited" },
        ],
        expires_at: { from: { header: "github-authentication-token-expiration" }, format: "date" },
        scopes: { from: { header: "x-oauth-scopes" }, separator: "," },
        identity: { from: { path: "login" } },
      },
      // The token of an installed application is nobody's, so it has no user to read.
      {
        when: [{ field: "personal_access_token", starts_with: "ghs_" }],
        method: "GET",
        base_url: "{base_url}",
        path: "/installation/repositories?per_page=1",
        headers: {
          authorization: "Bearer {personal_access_token}",
          accept: "application/vnd.github+json",
          "x-github-api-version": "2022-11-28",
        },
        rules: [
          { status: [200], body: { path: "repositories", exists: true }, verdict: "valid" },
          { status: [401], verdict: "invalid" },
          { status: [403], body: { contains: "resource not accessible" }, verdict: "insufficient_scope" },
          { status: [403], body: { contains: "rate limit" }, verdict: "rate_limited" },
        ],
      },
    ],
  },
  rotation: {
    mode: "manual",
    how: "make a new one by hand, then POST /credentials/revoke with the old one",
  },
  negative_control: { fields: { personal_access_token: `ghp_${"0".repeat(36)}` }, verdict: "invalid" },
});
