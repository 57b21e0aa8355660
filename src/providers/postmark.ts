import { provider } from "./provider.ts";

export const postmark = provider({
  name: "postmark",
  title: "Postmark",
  category: "email",
  type: "api_key",
  fields: {
    server_token: { type: "secret", required: true, shape: "^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$" },
    account_token: { type: "secret", required: false },
  },
  base_url: "https://api.postmarkapp.com",
  docs_url: "https://postmarkapp.com/developer/api/server-api",
  check: {
    kind: "http",
    // Every token that is there has to live; the one that is always there decides last.
    steps: [
      {
        when: [{ field: "account_token", is: "present" }],
        method: "GET",
        path: "/servers?count=1&offset=0",
        headers: { "x-postmark-account-token": "{account_token}", accept: "application/json" },
        rules: [
          { status: [200], verdict: "next" },
          { status: [401], verdict: "invalid", note: "the account token" },
        ],
      },
      {
        method: "GET",
        path: "/server",
        headers: { "x-postmark-server-token": "{server_token}", accept: "application/json" },
        rules: [
          { status: [200], verdict: "valid" },
          { status: [401], verdict: "invalid" },
        ],
        identity: { from: { path: "ID" } },
      },
    ],
  },
  negative_control: { fields: { server_token: "00000000-0000-0000-0000-000000000000" }, verdict: "invalid" },
});
