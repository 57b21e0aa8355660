import type { PlayedProvider } from "./played-provider.ts";

const fields = { api_key: "sk-fixture-stability-0001-Qm4vZ0" };
const account = {
  method: "GET",
  origin: "https://api.stability.ai",
  path: "/v1/user/account",
  headers: { authorization: "Bearer sk-fixture-stability-0001-Qm4vZ0" },
} as const;

/** Stability AI's account of a key. */
export const stability: PlayedProvider = {
  provider: "stability",
  cases: [
    {
      name: "a key of an account",
      fields,
      exchanges: [
        {
          ...account,
          answer: {
            status: 200,
            body: {
              email: "studio@harbour.example",
              id: "user-1a2b3c4d5e6f7a8b9c0d",
              organizations: [
                { id: "org-5e4d3c2b1a0f9e8d7c6b", is_default: true, name: "Harbour Studio", role: "ADMIN" },
              ],
            },
          },
        },
      ],
      verdict: "valid",
    },
    {
      name: "a key that does not exist",
      fields,
      exchanges: [
        {
          ...account,
          answer: {
            status: 401,
            body: {
              id: "9160aa70222f10bcd3b2a4b1bd3a1c2e",
              name: "unauthorized",
              message: "Incorrect API key provided",
            },
          },
        },
      ],
      verdict: "invalid",
    },
    {
      name: "a key without the permission",
      fields,
      exchanges: [
        {
          ...account,
          answer: {
            status: 403,
            body: {
              id: "2c5b1d7e9f3a4c6b8d0e1f2a3b4c5d6e",
              name: "permission_denied",
              message: "You lack the necessary permissions to perform this action",
            },
          },
        },
      ],
      verdict: "insufficient_scope",
    },
  ],
};
