import type { PlayedProvider } from "./played-provider.ts";

const fields = { token: "nfp_fixture_netlify_0001_Kd4z" };
const user = {
  method: "GET",
  origin: "https://api.netlify.com",
  path: "/api/v1/user",
  headers: { authorization: "Bearer nfp_fixture_netlify_0001_Kd4z" },
} as const;

/** Netlify's user behind a token. */
export const netlify: PlayedProvider = {
  provider: "netlify",
  cases: [
    {
      name: "a token of a person",
      fields,
      exchanges: [
        {
          ...user,
          answer: {
            status: 200,
            body: {
              id: "5f1c9a1e8d0b4d6e9d3f2a8f",
              uid: null,
              full_name: "Ada Harbour",
              email: "ada@harbour.example",
              site_count: 3,
              created_at: "2024-05-02T08:00:00.000Z",
              login_providers: ["github"],
            },
          },
        },
      ],
      verdict: "valid",
    },
    {
      name: "a wrong token",
      fields,
      exchanges: [{ ...user, answer: { status: 401, body: { code: 401, message: "Access Denied" } } }],
      verdict: "invalid",
    },
    {
      name: "a token that may not read its user",
      fields,
      exchanges: [{ ...user, answer: { status: 403, body: { code: 403, message: "Forbidden" } } }],
      verdict: "insufficient_scope",
    },
  ],
};
