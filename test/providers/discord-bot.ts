import type { PlayedProvider } from "./played-provider.ts";

const fields = { bot_token: "fixture-discord-bot-0001.GpX3fa.w0-_s81kdPz" };
const me = {
  method: "GET",
  origin: "https://discord.com",
  path: "/api/v10/users/@me",
  headers: { authorization: "Bot fixture-discord-bot-0001.GpX3fa.w0-_s81kdPz" },
} as const;

/** Discord's user behind a bot's token. */
export const discordBot: PlayedProvider = {
  provider: "discord_bot",
  cases: [
    {
      name: "a bot",
      fields,
      exchanges: [
        {
          ...me,
          answer: {
            status: 200,
            body: {
              id: "1180000000000000001",
              username: "harbour-alerts",
              discriminator: "4021",
              avatar: null,
              bot: true,
              verified: true,
              mfa_enabled: false,
              flags: 0,
            },
          },
        },
      ],
      verdict: "valid",
    },
    {
      name: "a token that was reset",
      fields,
      exchanges: [{ ...me, answer: { status: 401, body: { message: "401: Unauthorized", code: 0 } } }],
      verdict: "invalid",
    },
    {
      name: "a block of the address or the User-Agent",
      fields,
      exchanges: [{ ...me, answer: { status: 403, body: { message: "internal network error", code: 40333 } } }],
      verdict: "unknown",
    },
    {
      name: "any other refusal",
      fields,
      exchanges: [{ ...me, answer: { status: 403, body: { message: "Missing Access", code: 50001 } } }],
      verdict: "unknown",
    },
  ],
};
