import type { Verdict } from "#providers/provider.ts";
import type { PlayedCase, PlayedProvider } from "./played-provider.ts";

const fields = { bot_token: "xoxb-fixture-slack-0001-Gp20smd" };
const authTest = {
  method: "POST",
  origin: "https://slack.com",
  path: "/api/auth.test",
  headers: { authorization: "Bearer xoxb-fixture-slack-0001-Gp20smd" },
} as const;

/** Slack answers 200 to nearly everything; the error's name decides. */
const errors: Record<string, Verdict> = {
  token_expired: "expired",
  token_revoked: "revoked",
  account_inactive: "revoked",
  invalid_auth: "invalid",
  not_allowed_token_type: "invalid",
  ratelimited: "rate_limited",
  missing_scope: "insufficient_scope",
  no_permission: "insufficient_scope",
  internal_error: "provider_down",
  fatal_error: "provider_down",
  service_unavailable: "provider_down",
  org_login_required: "provider_down",
  team_added_to_org: "provider_down",
  ekm_access_denied: "unknown",
  enterprise_is_restricted: "unknown",
  two_factor_setup_required: "unknown",
  accesslimited: "unknown",
  an_error_of_next_year: "unknown",
};

/** Slack's auth.test. */
export const slackBot: PlayedProvider = {
  provider: "slack_bot",
  cases: [
    {
      name: "a bot of a workspace",
      fields,
      exchanges: [
        {
          ...authTest,
          answer: {
            status: 200,
            headers: { "x-oauth-scopes": "chat:write,channels:read" },
            body: {
              ok: true,
              url: "https://harbour.slack.com/",
              team: "Harbour",
              user: "alerts",
              team_id: "T0123456789",
              user_id: "U0123456789",
              bot_id: "B0123456789",
              is_enterprise_install: false,
            },
          },
        },
      ],
      verdict: "valid",
      scopes: ["chat:write", "channels:read"],
    },
    {
      name: "an answer that contradicts itself, which is no documented success",
      fields,
      exchanges: [{ ...authTest, answer: { status: 200, body: { ok: true, error: "an_error_of_next_year" } } }],
      verdict: "unknown",
    },
    ...Object.entries(errors).map(([error, verdict]): PlayedCase => ({
      name: error,
      fields,
      exchanges: [{ ...authTest, answer: { status: 200, body: { ok: false, error } } }],
      verdict,
    })),
  ],
};
