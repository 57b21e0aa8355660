/** OpenAI: https://platform.openai.com/docs/guides/error-codes — four causes of a 401, of which one is a bad key. */
import type { PlayedExchange, PlayedProvider } from "./played-provider.ts";

const key = "sk-proj-fixture-openai-0001";
const adminKey = "sk-admin-fixture-openai-0002";
const fields = { api_key: key };

function models(status: number, body: unknown, headers: Record<string, string> = {}): PlayedExchange[] {
  return [
    {
      method: "GET",
      origin: "https://api.openai.com",
      path: "/v1/models",
      headers: {
        authorization: `Bearer ${key}`,
        "openai-organization": undefined,
        "openai-project": undefined,
      },
      answer: { status, headers, body },
    },
  ];
}

function adminKeys(status: number, body: unknown): PlayedExchange[] {
  return [
    {
      method: "GET",
      origin: "https://api.openai.com",
      path: "/v1/organization/admin_api_keys?limit=1",
      headers: { authorization: `Bearer ${adminKey}` },
      answer: { status, body },
    },
  ];
}

function error(code: string | null, message: string, type = "invalid_request_error") {
  return { error: { message, type, param: null, code } };
}

const list = {
  object: "list",
  data: [{ id: "gpt-5-mini", object: "model", created: 1754425777, owned_by: "system" }],
};

export const openai: PlayedProvider = {
  provider: "openai",
  cases: [
    {
      name: "a project key",
      fields,
      exchanges: models(200, list, { "openai-organization": "fixture-lab" }),
      verdict: "valid",
      identity: "fixture-lab",
    },
    {
      name: "a key with its organization and project",
      fields: { ...fields, organization_id: "org-AbCdEfGh12345678", project_id: "proj_AbCdEfGh12345678" },
      exchanges: [
        {
          method: "GET",
          origin: "https://api.openai.com",
          path: "/v1/models",
          headers: {
            authorization: `Bearer ${key}`,
            "openai-organization": "org-AbCdEfGh12345678",
            "openai-project": "proj_AbCdEfGh12345678",
          },
          answer: { status: 200, body: list },
        },
      ],
      verdict: "valid",
    },
    {
      name: "an admin key, which lists no models",
      fields: { api_key: adminKey },
      exchanges: adminKeys(200, { object: "list", data: [], has_more: false }),
      verdict: "valid",
    },
    {
      name: "an admin key that does not exist",
      fields: { api_key: adminKey },
      exchanges: adminKeys(401, error("invalid_api_key", "Incorrect API key provided: sk-admin-****0002.")),
      verdict: "invalid",
    },
    {
      name: "an admin key from an address that the organization does not allow",
      fields: { api_key: adminKey },
      exchanges: adminKeys(401, error("ip_not_authorized", "Your request IP is not authorized.")),
      verdict: "unknown",
    },
    {
      name: "an admin key without the right to list admin keys",
      fields: { api_key: adminKey },
      exchanges: adminKeys(
        403,
        error(null, "You have insufficient permissions for this operation. Missing scopes: api.management.read."),
      ),
      verdict: "insufficient_scope",
    },
    {
      name: "a key that does not exist",
      fields,
      exchanges: models(
        401,
        error(
          "invalid_api_key",
          "Incorrect API key provided: sk-proj-****0001. You can find your API key in settings.",
        ),
      ),
      verdict: "invalid",
    },
    {
      name: "an account outside of the organization",
      fields,
      exchanges: models(401, error(null, "You must be a member of an organization to use the API.")),
      verdict: "unknown",
    },
    {
      name: "an organization header that does not fit the key",
      fields,
      exchanges: models(
        401,
        error("mismatched_organization", "OpenAI-Organization header should match organization for API key."),
      ),
      verdict: "unknown",
    },
    {
      name: "an address that the project does not allow",
      fields,
      exchanges: models(401, error("ip_not_authorized", "Your request IP is not authorized for this project.")),
      verdict: "unknown",
    },
    {
      name: "a restricted key",
      fields,
      exchanges: models(
        403,
        error(
          null,
          "You have insufficient permissions for this operation. Missing scopes: api.model.read. Check that you have the correct role in your organization.",
        ),
      ),
      verdict: "insufficient_scope",
    },
    {
      name: "a country that is not served",
      fields,
      exchanges: models(
        403,
        error(
          "unsupported_country_region_territory",
          "Country, region, or territory not supported",
          "request_forbidden",
        ),
      ),
      verdict: "unknown",
    },
    {
      name: "an organization that was shut down",
      fields,
      exchanges: models(403, error("account_deactivated", "Your access was terminated.", "request_forbidden")),
      verdict: "unknown",
    },
    {
      name: "an account out of credit",
      fields,
      exchanges: models(
        429,
        error(
          "insufficient_quota",
          "You exceeded your current quota, please check your plan and billing details.",
          "insufficient_quota",
        ),
      ),
      verdict: "valid",
    },
    {
      name: "too many requests",
      fields,
      exchanges: models(429, error("rate_limit_exceeded", "Rate limit reached for requests", "requests"), {
        "retry-after": "7",
      }),
      verdict: "rate_limited",
    },
  ],
};
