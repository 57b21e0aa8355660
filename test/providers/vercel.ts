import type { PlayedProvider } from "./played-provider.ts";

const fields = { token: "vcp_fixture_vercel_0001_Nb7x" };
const current = {
  method: "GET",
  origin: "https://api.vercel.com",
  path: "/v5/user/tokens/current",
  headers: { authorization: "Bearer vcp_fixture_vercel_0001_Nb7x" },
} as const;

const token = {
  id: "5d9f2ebd38ddca62e5d51e9c1704c72530bdc8bfdd41e782a6687c48399e8391",
  name: "harbour deploys",
  type: "token",
  origin: "manual",
  scopes: [{ type: "user", origin: "manual", createdAt: 1_780_000_000_000 }],
  activeAt: 1_795_000_000_000,
  createdAt: 1_780_000_000_000,
};

/** What Vercel says of the token that asks; a wrong one is forbidden and not unauthorised. */
export const vercel: PlayedProvider = {
  provider: "vercel",
  cases: [
    {
      name: "a token with an end",
      fields,
      exchanges: [{ ...current, answer: { status: 200, body: { token: { ...token, expiresAt: 1_830_297_600_000 } } } }],
      verdict: "valid",
      expiresAt: "2028-01-01T00:00:00.000Z",
    },
    {
      name: "a token without an end",
      fields,
      exchanges: [{ ...current, answer: { status: 200, body: { token } } }],
      verdict: "valid",
    },
    {
      name: "a wrong token",
      fields,
      exchanges: [
        {
          ...current,
          answer: {
            status: 403,
            body: {
              error: {
                code: "forbidden",
                message: "The request is missing an authentication token",
                invalidToken: true,
              },
            },
          },
        },
      ],
      verdict: "invalid",
    },
    {
      name: "a wrong token, with the usual status",
      fields,
      exchanges: [
        { ...current, answer: { status: 401, body: { error: { code: "unauthorized", message: "Unauthorized" } } } },
      ],
      verdict: "invalid",
    },
    {
      name: "a token of another team",
      fields,
      exchanges: [
        {
          ...current,
          answer: {
            status: 403,
            body: { error: { code: "forbidden", message: "You don't have permission to access this resource." } },
          },
        },
      ],
      verdict: "insufficient_scope",
    },
  ],
};
