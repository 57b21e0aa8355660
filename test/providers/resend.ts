import type { PlayedProvider } from "./played-provider.ts";

const fields = { api_key: "re_fixture_resend_0001_Tn4kLw" };
const domains = {
  method: "GET",
  origin: "https://api.resend.com",
  path: "/domains",
  headers: { authorization: "Bearer re_fixture_resend_0001_Tn4kLw" },
} as const;

/** Resend's list of domains: 401 may be a living key, 403 and 400 a dead one. */
export const resend: PlayedProvider = {
  provider: "resend",
  cases: [
    {
      name: "a key with full access",
      fields,
      exchanges: [
        {
          ...domains,
          answer: {
            status: 200,
            body: {
              object: "list",
              has_more: false,
              data: [
                {
                  id: "d91cd9bd-1176-453e-8fc1-35364d380206",
                  name: "harbour.example",
                  status: "verified",
                  created_at: "2026-04-26T20:21:26.347412+00:00",
                  region: "eu-west-1",
                },
              ],
            },
          },
        },
      ],
      verdict: "valid",
    },
    {
      name: "a key that may only send",
      fields,
      exchanges: [
        {
          ...domains,
          answer: {
            status: 401,
            body: {
              statusCode: 401,
              name: "restricted_api_key",
              message: "This API key is restricted to only send emails",
            },
          },
        },
      ],
      verdict: "insufficient_scope",
    },
    {
      name: "a request that lost its key",
      fields,
      exchanges: [
        {
          ...domains,
          answer: {
            status: 401,
            body: { statusCode: 401, name: "missing_api_key", message: "Missing API key in the authorization header" },
          },
        },
      ],
      verdict: "unknown",
    },
    {
      name: "a deleted key",
      fields,
      exchanges: [
        {
          ...domains,
          answer: { status: 403, body: { statusCode: 403, name: "invalid_api_key", message: "API key is invalid" } },
        },
      ],
      verdict: "invalid",
    },
    {
      name: "the wall in front, which wants a User-Agent",
      fields,
      exchanges: [
        {
          ...domains,
          answer: { status: 403, headers: { "content-type": "text/plain" }, body: "error code: 1010" },
        },
      ],
      verdict: "unknown",
    },
    {
      name: "a wrong key, called a validation error",
      fields,
      exchanges: [
        {
          ...domains,
          answer: { status: 400, body: { statusCode: 400, name: "validation_error", message: "API key is invalid" } },
        },
      ],
      verdict: "invalid",
    },
    {
      name: "another validation error",
      fields,
      exchanges: [
        {
          ...domains,
          answer: {
            status: 400,
            body: { statusCode: 400, name: "validation_error", message: "The `limit` must be a number" },
          },
        },
      ],
      verdict: "unknown",
    },
  ],
};
