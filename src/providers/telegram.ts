import { provider } from "./provider.ts";

export const telegram = provider({
  name: "telegram",
  title: "Telegram bot",
  category: "communication",
  type: "api_key",
  fields: {
    bot_token: { type: "secret", required: true, shape: "^[0-9]{5,16}:[A-Za-z0-9_-]{35}$" },
  },
  base_url: "https://api.telegram.org",
  docs_url: "https://core.telegram.org/bots/api#getme",
  check: {
    kind: "http",
    steps: [
      {
        method: "GET",
        path: "/bot{bot_token}/getMe",
        rules: [
          { status: [200], body: { path: "ok", equals: true }, verdict: "valid" },
          { status: [401], verdict: "invalid" },
          // The token is part of the path, so a malformed one names no method; only Telegram itself says so in JSON.
          {
            status: [404],
            body: { all: [{ path: "ok", equals: false }, { contains: "not found" }] },
            verdict: "invalid",
          },
        ],
        identity: { from: { path: "result.username" } },
      },
    ],
  },
  rotation: { mode: "manual", how: "send /revoke to @BotFather: it gives a new token and ends the old one at once" },
  negative_control: { fields: { bot_token: `0000000000:${"0".repeat(35)}` }, verdict: "invalid" },
});
