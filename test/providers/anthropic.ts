/** Anthropic: https://platform.claude.com/docs/en/api/errors — the type of the error tells, not the status alone. */
import type { PlayedExchange, PlayedProvider } from "./played-provider.ts";

const key = "sk-ant-api03-fixture-anthropic-0001";
const fields = { api_key: key };

function models(status: number, body: unknown, headers: Record<string, string> = {}): PlayedExchange[] {
  return [
    {
      method: "GET",
      origin: "https://api.anthropic.com",
      path: "/v1/models?limit=1",
      headers: { "x-api-key": key, "anthropic-version": "2023-06-01", authorization: undefined },
      answer: { status, headers, body },
    },
  ];
}

function error(type: string, message: string) {
  return { type: "error", error: { type, message }, request_id: "req_011CSHoEeqs5C35K2UUqR7Fy" };
}

export const anthropic: PlayedProvider = {
  provider: "anthropic",
  cases: [
    {
      name: "a key",
      fields,
      exchanges: models(
        200,
        {
          data: [
            {
              type: "model",
              id: "claude-sonnet-4-5-20250929",
              display_name: "Claude Sonnet 4.5",
              created_at: "2025-09-29T00:00:00Z",
            },
          ],
          first_id: "claude-sonnet-4-5-20250929",
          last_id: "claude-sonnet-4-5-20250929",
          has_more: true,
        },
        { "anthropic-organization-id": "9b1f1a52-6c0e-4d6a-9a6b-2f3d5f1c7e10" },
      ),
      verdict: "valid",
      identity: "9b1f1a52-6c0e-4d6a-9a6b-2f3d5f1c7e10",
    },
    {
      name: "a key that does not exist",
      fields,
      exchanges: models(401, error("authentication_error", "invalid x-api-key")),
      verdict: "invalid",
    },
    {
      name: "a 401 that is not about the key",
      fields,
      exchanges: models(401, error("invalid_request_error", "the gateway requires a session")),
      verdict: "unknown",
    },
    {
      name: "a key without the permission",
      fields,
      exchanges: models(
        403,
        error("permission_error", "Your API key does not have permission to use the specified resource."),
      ),
      verdict: "insufficient_scope",
    },
    {
      name: "a country that is not served",
      fields,
      exchanges: models(403, { error: { type: "forbidden", message: "Request not allowed" } }),
      verdict: "unknown",
    },
    {
      name: "a bill that is not paid",
      fields,
      exchanges: models(402, error("billing_error", "There is an issue with your billing or payment information.")),
      verdict: "unknown",
    },
    {
      name: "a request that is refused for its form",
      fields,
      exchanges: models(400, error("invalid_request_error", "limit: Input should be a valid integer")),
      verdict: "unknown",
    },
    {
      name: "an endpoint that is gone",
      fields,
      exchanges: models(404, error("not_found_error", "Not found")),
      verdict: "unknown",
    },
    {
      name: "an overloaded service",
      fields,
      exchanges: models(529, error("overloaded_error", "Overloaded")),
      verdict: "provider_down",
    },
  ],
};
