/** Telegram: https://core.telegram.org/bots/api#making-requests — the token is in the path, and `ok` tells. */
import type { PlayedExchange, PlayedProvider } from "./played-provider.ts";

const token = "700000001:fixture_telegram_bot_token_00000001";
const fields = { bot_token: token };

function getMe(status: number, body: unknown, headers: Record<string, string> = {}): PlayedExchange[] {
  return [
    {
      method: "GET",
      origin: "https://api.telegram.org",
      path: `/bot${token}/getMe`,
      headers: { authorization: undefined },
      answer: { status, headers, body },
    },
  ];
}

export const telegram: PlayedProvider = {
  provider: "telegram",
  cases: [
    {
      name: "a bot",
      fields,
      exchanges: getMe(200, {
        ok: true,
        result: {
          id: 700000001,
          is_bot: true,
          first_name: "Fixture",
          username: "fixture_lab_bot",
          can_join_groups: true,
          can_read_all_group_messages: false,
          supports_inline_queries: false,
        },
      }),
      verdict: "valid",
      identity: "fixture_lab_bot",
    },
    {
      name: "a 200 that is not ok",
      fields,
      exchanges: getMe(200, { ok: false, description: "Temporarily unavailable" }),
      verdict: "unknown",
    },
    {
      name: "a revoked token",
      fields,
      exchanges: getMe(401, { ok: false, error_code: 401, description: "Unauthorized" }),
      verdict: "invalid",
    },
    {
      name: "a malformed token",
      fields,
      exchanges: getMe(404, { ok: false, error_code: 404, description: "Not Found" }),
      verdict: "invalid",
    },
    {
      name: "a proxy that does not know the path",
      fields,
      exchanges: getMe(404, "404 page not found", { "content-type": "text/plain; charset=utf-8" }),
      verdict: "unknown",
    },
    {
      name: "too many requests",
      fields,
      exchanges: getMe(429, {
        ok: false,
        error_code: 429,
        description: "Too Many Requests: retry after 35",
        parameters: { retry_after: 35 },
      }),
      verdict: "rate_limited",
    },
  ],
};
