import { provider } from "./provider.ts";

export const discordBot = provider({
  name: "discord_bot",
  title: "Discord bot",
  category: "communication",
  type: "api_key",
  fields: {
    bot_token: {
      type: "secret",
      required: true,
      shape: "^[A-Za-z0-9_-]{24,28}\\.[A-Za-z0-9_-]{6}\\.[A-Za-z0-9_-]{27,38}$",
    },
  },
  base_url: "https://discord.com/api/v10",
  docs_url: "https://docs.discord.com/developers/topics/rate-limits",
  check: {
    kind: "http",
    steps: [
      {
        method: "GET",
        path: "/users/@me",
        headers: {
          authorization: "Bot {bot_token}",
          // Discord blocks bots whose agent has another form.
          "user-agent": "DiscordBot (https://leveredge.invalid, 1)",
        },
        rules: [
          { status: [200], verdict: "valid" },
          { status: [401], verdict: "invalid" },
        ],
        identity: { from: { path: "id" } },
      },
    ],
  },
  // Many refused requests from one address get the whole address banned.
  min_interval_s: 21_600,
  rotation: { mode: "manual", how: "Reset Token in the Developer Portal; the old one ends at once" },
  negative_control: {
    fields: { bot_token: `${"0".repeat(24)}.${"0".repeat(6)}.${"0".repeat(27)}` },
    verdict: "invalid",
  },
});
