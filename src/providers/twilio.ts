import { provider, type Rule } from "./provider.ts";

const notActive = {
  status: [401, 403],
  body: { path: "code", equals: 20005 },
  verdict: "unknown",
  note: "the account is not active",
} satisfies Rule;

export const twilio = provider({
  name: "twilio",
  title: "Twilio",
  category: "communication",
  type: "basic",
  fields: {
    account_sid: { type: "string", required: true, shape: "^AC[0-9a-f]{32}$" },
    auth_token: { type: "secret", required: false, shape: "^[0-9a-f]{32}$", note: "this, or an API key" },
    api_key_sid: { type: "string", required: false, shape: "^SK[0-9a-f]{32}$" },
    api_key_secret: { type: "secret", required: false, note: "asked about instead of the auth token" },
  },
  base_url: "https://api.twilio.com",
  docs_url: "https://www.twilio.com/docs/iam/api-keys",
  check: {
    kind: "http",
    steps: [
      {
        when: [{ field: "api_key_sid", is: "absent" }],
        method: "GET",
        path: "/2010-04-01/Accounts/{account_sid}.json",
        auth: { kind: "basic", user: "{account_sid}", password: "{auth_token}" },
        rules: [
          // A suspended or closed account: the token may come back to life with it.
          { status: [200], body: { path: "status", equals: "active" }, verdict: "valid" },
          notActive,
          { status: [401], verdict: "invalid" },
          { status: [403], verdict: "insufficient_scope" },
        ],
        identity: { from: { path: "sid" } },
      },
      {
        when: [{ field: "api_key_sid", is: "present" }],
        method: "GET",
        path: "/2010-04-01/Accounts/{account_sid}.json",
        auth: { kind: "basic", user: "{api_key_sid}", password: "{api_key_secret}" },
        rules: [
          { status: [200], body: { path: "status", equals: "active" }, verdict: "valid" },
          // A standard key may not read the account, and is told so as if it were a wrong one:
          // https://www.twilio.com/docs/api/errors/20003
          { status: [401, 403], verdict: "next" },
        ],
        identity: { from: { path: "sid" } },
      },
      {
        when: [{ field: "api_key_sid", is: "present" }],
        method: "GET",
        path: "/2010-04-01/Accounts/{account_sid}/IncomingPhoneNumbers.json?PageSize=1",
        auth: { kind: "basic", user: "{api_key_sid}", password: "{api_key_secret}" },
        rules: [
          { status: [200], verdict: "valid" },
          notActive,
          {
            status: [401],
            body: { path: "code", equals: 20003 },
            verdict: "invalid",
            note: "or the account is suspended or closed",
          },
          { status: [403], verdict: "insufficient_scope" },
        ],
      },
    ],
  },
  rotation: {
    mode: "dual_phase",
    how: "with the auth token: POST Keys.json, then DELETE the old key; the auth token itself: secondary, then promote",
  },
  negative_control: {
    fields: { account_sid: `AC${"0".repeat(32)}`, auth_token: "0".repeat(32) },
    verdict: "invalid",
  },
});
