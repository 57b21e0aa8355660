/** Anthropic's Admin API: https://platform.claude.com/docs/en/api/admin/api_keys */
import type { PlayedExchange, PlayedProvider } from "./played-provider.ts";

const key = "sk-ant-admin01-fixture-anthropic-admin-0001";
const fields = { admin_api_key: key };

function apiKeys(status: number, body: unknown): PlayedExchange[] {
  return [
    {
      method: "GET",
      origin: "https://api.anthropic.com",
      path: "/v1/organizations/api_keys?limit=1",
      headers: { "x-api-key": key, "anthropic-version": "2023-06-01", authorization: undefined },
      answer: { status, body },
    },
  ];
}

function error(type: string, message: string) {
  return { type: "error", error: { type, message }, request_id: "req_011CSHoEeqs5C35K2UUqR7Fz" };
}

export const anthropicAdmin: PlayedProvider = {
  provider: "anthropic_admin",
  cases: [
    {
      name: "an admin key",
      fields,
      exchanges: apiKeys(200, {
        data: [
          {
            id: "apikey_01Rj2N8SVvo6BePZj99NhmiT",
            type: "api_key",
            name: "worker",
            status: "active",
            partial_key_hint: "sk-ant-api03-R2D...igAA",
            workspace_id: null,
            created_at: "2026-02-28T23:58:27.427722Z",
            created_by: { id: "user_01WCz1FkmYMm4gnmykNKUu3Q", type: "user" },
            expires_at: null,
          },
        ],
        first_id: "apikey_01Rj2N8SVvo6BePZj99NhmiT",
        last_id: "apikey_01Rj2N8SVvo6BePZj99NhmiT",
        has_more: false,
      }),
      verdict: "valid",
    },
    {
      name: "an admin key that does not exist",
      fields,
      exchanges: apiKeys(401, error("authentication_error", "invalid x-api-key")),
      verdict: "invalid",
    },
    {
      name: "a 401 that is not about the key",
      fields,
      exchanges: apiKeys(401, error("invalid_request_error", "the gateway requires a session")),
      verdict: "unknown",
    },
    {
      name: "a key that is not an admin's",
      fields,
      exchanges: apiKeys(403, error("permission_error", "This endpoint requires an admin API key.")),
      verdict: "insufficient_scope",
    },
  ],
};
