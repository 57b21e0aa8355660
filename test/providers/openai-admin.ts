/** OpenAI's Admin API: https://platform.openai.com/docs/api-reference/admin-api-keys */
import type { PlayedExchange, PlayedProvider } from "./played-provider.ts";

const key = "sk-admin-fixture-openai-admin-0001";
const fields = { admin_api_key: key };

function adminKeys(status: number, body: unknown): PlayedExchange[] {
  return [
    {
      method: "GET",
      origin: "https://api.openai.com",
      path: "/v1/organization/admin_api_keys?limit=1",
      headers: { authorization: `Bearer ${key}` },
      answer: { status, body },
    },
  ];
}

function error(code: string | null, message: string) {
  return { error: { message, type: "invalid_request_error", param: null, code } };
}

export const openaiAdmin: PlayedProvider = {
  provider: "openai_admin",
  cases: [
    {
      name: "an admin key",
      fields,
      exchanges: adminKeys(200, {
        object: "list",
        data: [
          {
            object: "organization.admin_api_key",
            id: "key_abc",
            name: "Main Admin Key",
            redacted_value: "sk-admin...def",
            created_at: 1711471533,
            last_used_at: 1711471534,
            expires_at: null,
            owner: { type: "user", object: "organization.user", id: "user_123", name: "Ada", role: "owner" },
          },
        ],
        first_id: "key_abc",
        last_id: "key_abc",
        has_more: false,
      }),
      verdict: "valid",
    },
    {
      name: "an admin key that does not exist",
      fields,
      exchanges: adminKeys(401, error("invalid_api_key", "Incorrect API key provided: sk-admin-****0001.")),
      verdict: "invalid",
    },
    {
      name: "an address that the organization does not allow",
      fields,
      exchanges: adminKeys(401, error("ip_not_authorized", "Your request IP is not authorized.")),
      verdict: "unknown",
    },
    {
      name: "a country that is not served",
      fields,
      exchanges: adminKeys(
        403,
        error("unsupported_country_region_territory", "Country, region, or territory not supported"),
      ),
      verdict: "unknown",
    },
    {
      name: "a key without the right to list admin keys",
      fields,
      exchanges: adminKeys(
        403,
        error(null, "You have insufficient permissions for this operation. Missing scopes: api.management.read."),
      ),
      verdict: "insufficient_scope",
    },
  ],
};
