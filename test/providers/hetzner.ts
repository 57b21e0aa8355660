import type { PlayedProvider } from "./played-provider.ts";

const fields = { token: "fixture-hetzner-0001-Uq8nLr2Vd5" };
const servers = {
  method: "GET",
  origin: "https://api.hetzner.cloud",
  path: "/v1/servers?per_page=1",
  headers: { authorization: "Bearer fixture-hetzner-0001-Uq8nLr2Vd5" },
} as const;

const error = (status: number, code: string, message: string) => ({
  status,
  body: { error: { code, message, details: null } },
});

/** Hetzner Cloud's list of servers in the token's project. */
export const hetzner: PlayedProvider = {
  provider: "hetzner",
  cases: [
    {
      name: "a token of a project without servers",
      fields,
      exchanges: [
        {
          ...servers,
          answer: {
            status: 200,
            body: {
              servers: [],
              meta: {
                pagination: {
                  page: 1,
                  per_page: 1,
                  previous_page: null,
                  next_page: null,
                  last_page: 1,
                  total_entries: 0,
                },
              },
            },
          },
        },
      ],
      verdict: "valid",
    },
    {
      name: "a wrong token",
      fields,
      exchanges: [{ ...servers, answer: error(401, "unauthorized", "the token you provided is invalid") }],
      verdict: "invalid",
    },
    {
      name: "a refusal with another code",
      fields,
      exchanges: [{ ...servers, answer: error(401, "service_error", "the login service did not answer") }],
      verdict: "unknown",
    },
    {
      name: "a token without the permission",
      fields,
      exchanges: [{ ...servers, answer: error(403, "forbidden", "insufficient permissions for this request") }],
      verdict: "insufficient_scope",
    },
    {
      name: "a prohibition with another code",
      fields,
      exchanges: [{ ...servers, answer: error(403, "protected", "the action is protected") }],
      verdict: "unknown",
    },
    {
      name: "too many requests in an hour",
      fields,
      exchanges: [{ ...servers, answer: error(429, "rate_limit_exceeded", "limit of 3600 requests per hour reached") }],
      verdict: "rate_limited",
    },
  ],
};
