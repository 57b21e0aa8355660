/** OpenRouter: https://openrouter.ai/docs/api-reference/get-current-key */
import type { PlayedExchange, PlayedProvider } from "./played-provider.ts";

const key = "sk-or-v1-fixture-openrouter-0001";
const fields = { api_key: key };

function ownKey(status: number, body: unknown): PlayedExchange[] {
  return [
    {
      method: "GET",
      origin: "https://openrouter.ai",
      path: "/api/v1/key",
      headers: { authorization: `Bearer ${key}` },
      answer: { status, body },
    },
  ];
}

export const openrouter: PlayedProvider = {
  provider: "openrouter",
  cases: [
    {
      name: "a key with an end",
      fields,
      exchanges: ownKey(200, {
        data: {
          label: "sk-or-v1-fix...001",
          creator_user_id: "user_2dHFtVWx2n56w6HkM0000000000",
          is_management_key: false,
          is_provisioning_key: false,
          is_free_tier: false,
          limit: 100,
          limit_remaining: 74.5,
          limit_reset: "monthly",
          usage: 25.5,
          expires_at: "2027-12-31T23:59:59Z",
        },
      }),
      verdict: "valid",
      expiresAt: "2027-12-31T23:59:59.000Z",
    },
    {
      name: "a key without an end",
      fields,
      exchanges: ownKey(200, {
        data: {
          label: "sk-or-v1-fix...001",
          creator_user_id: "user_2dHFtVWx2n56w6HkM0000000000",
          is_management_key: false,
          is_provisioning_key: false,
          is_free_tier: true,
          limit: null,
          limit_remaining: null,
          limit_reset: null,
          usage: 0,
        },
      }),
      verdict: "valid",
    },
    {
      name: "a key that does not exist",
      fields,
      exchanges: ownKey(401, { error: { message: "User not found.", code: 401 } }),
      verdict: "invalid",
    },
    {
      name: "a key without the permission",
      fields,
      exchanges: ownKey(403, { error: { message: "Only management keys can do this", code: 403 } }),
      verdict: "insufficient_scope",
    },
  ],
};
