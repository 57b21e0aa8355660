import { provider, type Rule } from "./provider.ts";

const rules = [
  { status: [200], verdict: "valid" },
  { status: [401], verdict: "invalid" },
  { status: [403], verdict: "insufficient_scope" },
] satisfies Rule[];

export const bitbucket = provider({
  name: "bitbucket",
  title: "Bitbucket Cloud",
  category: "developer",
  type: "basic",
  fields: {
    email: { type: "string", required: false, note: "of an API token; an access token (ATCTT…) has none" },
    api_token: {
      type: "secret",
      required: true,
      shape: "^(?:ATATT|ATBB|ATCTT)[A-Za-z0-9+/=_.-]+$",
      note: "it expires within a year, and nothing tells when: declare the date",
    },
  },
  base_url: "https://api.bitbucket.org",
  docs_url: "https://support.atlassian.com/bitbucket-cloud/docs/api-tokens/",
  check: {
    kind: "http",
    steps: [
      {
        when: [{ field: "api_token", not_starts_with: "ATCTT" }],
        method: "GET",
        path: "/2.0/user",
        auth: { kind: "basic", user: "{email}", password: "{api_token}" },
        rules,
        scopes: { from: { header: "x-oauth-scopes" }, separator: "," },
        identity: { from: { path: "account_id" } },
      },
      // The token of a repository, a project or a workspace: there is no user behind it.
      {
        when: [{ field: "api_token", starts_with: "ATCTT" }],
        method: "GET",
        path: "/2.0/workspaces",
        headers: { authorization: "Bearer {api_token}" },
        rules,
        scopes: { from: { header: "x-oauth-scopes" }, separator: "," },
      },
    ],
  },
  negative_control: {
    fields: { email: "nobody@example.com", api_token: `ATATT${"0".repeat(60)}` },
    verdict: "invalid",
  },
});
