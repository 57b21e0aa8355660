import { provider } from "./provider.ts";

export const slackBot = provider({
  name: "slack_bot",
  title: "Slack bot token",
  category: "communication",
  type: "api_key",
  fields: {
    bot_token: { type: "secret", required: true, shape: "^xox[bp]-[A-Za-z0-9-]{20,}$" },
    signing_secret: { type: "secret", required: false, note: "for what Slack sends; nothing can be asked about it" },
  },
  base_url: "https://slack.com/api",
  docs_url: "https://docs.slack.dev/reference/methods/auth.test",
  check: {
    kind: "http",
    steps: [
      {
        method: "POST",
        path: "/auth.test",
        headers: {
          authorization: "Bearer {bot_token}",
          "content-type": "application/json; charset=utf-8",
        },
        // Slack answers 200 to everything; the body decides.
        rules: [
          {
            status: [200],
            body: {
              all: [
                { path: "ok", equals: true },
                { path: "error", exists: true },
              ],
            },
            verdict: "unknown",
            note: "the answer contradicts itself",
          },
          { status: [200], body: { path: "ok", equals: true }, verdict: "valid" },
          { status: [200], body: { path: "error", equals: "token_expired" }, verdict: "expired" },
          { status: [200], body: { path: "error", in: ["token_revoked", "account_inactive"] }, verdict: "revoked" },
          {
            status: [200],
            body: { path: "error", in: ["invalid_auth", "not_allowed_token_type"] },
            verdict: "invalid",
            note: "or the app does not allow this address",
          },
          { status: [200], body: { path: "error", equals: "ratelimited" }, verdict: "rate_limited" },
          {
            status: [200],
            body: { path: "error", in: ["missing_scope", "no_permission"] },
            verdict: "insufficient_scope",
          },
          {
            status: [200],
            body: {
              path: "error",
              in: ["internal_error", "fatal_error", "service_unavailable", "org_login_required", "team_added_to_org"],
            },
            verdict: "provider_down",
          },
        ],
        scopes: { from: { header: "x-oauth-scopes" }, separator: "," },
        identity: { from: { path: "team_id" } },
      },
    ],
  },
  rotation: { mode: "manual", how: "reinstall the app to the workspace; auth.revoke ends the old token" },
  negative_control: { fields: { bot_token: `xoxb-${"0".repeat(12)}-${"0".repeat(24)}` }, verdict: "invalid" },
});
