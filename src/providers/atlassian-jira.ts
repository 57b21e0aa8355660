import { provider } from "./provider.ts";

export const atlassianJira = provider({
  name: "atlassian_jira",
  title: "Atlassian Jira / Confluence Cloud",
  category: "developer",
  type: "basic",
  fields: {
    email: { type: "string", required: true },
    api_token: {
      type: "secret",
      required: true,
      shape: "^(?:ATATT[A-Za-z0-9+/=_-]+=[A-Za-z0-9]{8}|[A-Za-z0-9]{24})$",
      note: "it expires within a year, and nothing tells when: declare the date",
    },
    site_url: { type: "string", required: true, shape: "^https://[a-z0-9-]+\\.atlassian\\.net/?$" },
  },
  base_url: "{site_url}",
  docs_url: "https://support.atlassian.com/atlassian-account/docs/manage-api-tokens-for-your-atlassian-account/",
  check: {
    kind: "http",
    // A token with scopes looks like any other and is taken by Atlassian's gateway alone:
    // what the site refuses is asked there before it is called invalid.
    steps: [
      {
        method: "GET",
        // Other paths are served to everybody.
        path: "/rest/api/3/myself",
        auth: { kind: "basic", user: "{email}", password: "{api_token}" },
        rules: [
          { status: [200], verdict: "valid" },
          {
            status: [401, 403],
            header: { "x-seraph-loginreason": "AUTHENTICATION_DENIED" },
            verdict: "unknown",
            note: "locked until somebody solves a captcha in the browser",
          },
          { status: [401], verdict: "next" },
          { status: [403], verdict: "insufficient_scope" },
        ],
        identity: { from: { path: "accountId" } },
      },
      {
        method: "GET",
        path: "/_edge/tenant_info",
        capture: { cloud_id: "cloudId" },
        rules: [{ status: [200], body: { path: "cloudId", exists: true }, verdict: "next" }],
      },
      {
        method: "GET",
        base_url: "https://api.atlassian.com",
        path: "/ex/jira/{cloud_id}/rest/api/3/myself",
        auth: { kind: "basic", user: "{email}", password: "{api_token}" },
        rules: [
          { status: [200], verdict: "valid" },
          { status: [401], body: { contains: "scope does not match" }, verdict: "insufficient_scope" },
          { status: [401], verdict: "invalid" },
          { status: [403], verdict: "insufficient_scope" },
        ],
        identity: { from: { path: "accountId" } },
      },
    ],
  },
  rotation: { mode: "manual", how: "create another token at id.atlassian.com, then revoke the old one there" },
});
