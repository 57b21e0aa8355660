/** Gmail: https://developers.google.com/workspace/gmail/api/reference/rest/v1/users/getProfile */
import { googleApiRefusals, googleRefresh } from "./google-refresh.ts";
import type { PlayedExchange, PlayedProvider } from "./played-provider.ts";

const scopes = ["https://www.googleapis.com/auth/gmail.readonly"];
const { fields, accessToken, refreshed, refusals } = googleRefresh("gmail", scopes.join(" "));

function profile(status: number, body: unknown): PlayedExchange {
  return {
    method: "GET",
    origin: "https://gmail.googleapis.com",
    path: "/gmail/v1/users/me/profile",
    headers: { authorization: `Bearer ${accessToken}` },
    answer: { status, body },
  };
}

export const gmail: PlayedProvider = {
  provider: "gmail",
  cases: [
    {
      name: "a refresh token",
      fields,
      exchanges: [
        refreshed,
        profile(200, {
          emailAddress: "ada@fixture-lab.example",
          messagesTotal: 8123,
          threadsTotal: 4021,
          historyId: "1928374",
        }),
      ],
      verdict: "valid",
      scopes,
      identity: "ada@fixture-lab.example",
    },
    ...refusals,
    ...googleApiRefusals({ fields, refreshed }, profile),
  ],
};
