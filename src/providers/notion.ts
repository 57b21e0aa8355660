import { provider } from "./provider.ts";

export const notion = provider({
  name: "notion",
  title: "Notion",
  category: "data",
  type: "api_key",
  fields: {
    integration_token: {
      type: "secret",
      required: true,
      shape: "^(?:ntn_[0-9]{11}[A-Za-z0-9]{35}|secret_[A-Za-z0-9]{43})$",
    },
  },
  base_url: "https://api.notion.com/v1",
  docs_url: "https://developers.notion.com/reference/get-self",
  check: {
    kind: "http",
    steps: [
      {
        method: "GET",
        path: "/users/me",
        headers: { authorization: "Bearer {integration_token}", "notion-version": "2022-06-28" },
        rules: [
          { status: [200], verdict: "valid" },
          { status: [401], body: { path: "code", equals: "unauthorized" }, verdict: "invalid" },
          { status: [403], body: { path: "code", equals: "restricted_resource" }, verdict: "insufficient_scope" },
        ],
        identity: { from: { path: "bot.workspace_name" } },
      },
    ],
  },
  negative_control: { fields: { integration_token: `ntn_${"0".repeat(46)}` }, verdict: "invalid" },
});
