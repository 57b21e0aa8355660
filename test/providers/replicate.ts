/** Replicate: https://replicate.com/docs/reference/http#account.get */
import type { PlayedExchange, PlayedProvider } from "./played-provider.ts";

const token = "r8_fixture_replicate_0001";
const fields = { api_token: token };

function account(status: number, body: unknown): PlayedExchange[] {
  return [
    {
      method: "GET",
      origin: "https://api.replicate.com",
      path: "/v1/account",
      headers: { authorization: `Bearer ${token}` },
      answer: { status, body },
    },
  ];
}

export const replicate: PlayedProvider = {
  provider: "replicate",
  cases: [
    {
      name: "a token",
      fields,
      exchanges: account(200, {
        type: "organization",
        username: "fixture-lab",
        name: "Fixture Lab Ltd.",
        github_url: "https://github.com/fixture-laboratory",
      }),
      verdict: "valid",
      identity: "fixture-lab",
    },
    {
      name: "a token that does not exist",
      fields,
      exchanges: account(401, {
        title: "Unauthenticated",
        detail: "You did not pass a valid authentication token",
        status: 401,
      }),
      verdict: "invalid",
    },
    {
      name: "a token without the permission",
      fields,
      exchanges: account(403, {
        title: "Permission denied",
        detail: "You do not have permission to perform this action.",
        status: 403,
      }),
      verdict: "insufficient_scope",
    },
  ],
};
