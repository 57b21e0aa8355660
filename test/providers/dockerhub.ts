import type { PlayedProvider } from "./played-provider.ts";

const fields = { username: "harbourbuilds", token: "dckr_pat_fixture_dockerhub_0001" };
const login = {
  method: "POST",
  origin: "https://hub.docker.com",
  path: "/v2/auth/token",
  headers: { authorization: undefined },
  json: { identifier: "harbourbuilds", secret: "dckr_pat_fixture_dockerhub_0001" },
} as const;

/** Docker Hub's login, which has no question that costs less. */
export const dockerhub: PlayedProvider = {
  provider: "dockerhub",
  cases: [
    {
      name: "a token of a user",
      fields,
      exchanges: [
        { ...login, answer: { status: 200, body: { access_token: "eyJhbGciOiJSUzI1NiJ9.e30.fixture-session-0001" } } },
      ],
      verdict: "valid",
    },
    {
      name: "a password with a second factor",
      fields,
      exchanges: [
        {
          ...login,
          answer: {
            status: 401,
            body: {
              detail: "Require secondary authentication on MFA enabled account",
              mfa_token: "fixture-second-factor-0001",
            },
          },
        },
      ],
      verdict: "valid",
    },
    {
      name: "a deleted token",
      fields,
      exchanges: [{ ...login, answer: { status: 401, body: { detail: "Incorrect authentication credentials" } } }],
      verdict: "invalid",
    },
    {
      name: "too many logins, with an hour of its own",
      fields,
      exchanges: [
        {
          ...login,
          answer: { status: 429, headers: { "x-retry-after": "1795402800" }, body: { detail: "Rate limit exceeded" } },
        },
      ],
      verdict: "rate_limited",
    },
  ],
};
