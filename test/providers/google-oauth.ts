/** Google OAuth2: a refresh, then what the access token is good for. */
import { googleRefresh } from "./google-refresh.ts";
import type { PlayedExchange, PlayedProvider } from "./played-provider.ts";

const scopes = ["openid", "https://www.googleapis.com/auth/userinfo.email"];
const { fields, accessToken, refreshed, refusals } = googleRefresh("google-oauth", scopes.join(" "));

function tokenInfo(status: number, body: unknown): PlayedExchange {
  return {
    method: "POST",
    origin: "https://oauth2.googleapis.com",
    path: "/tokeninfo",
    headers: { authorization: undefined },
    form: { access_token: accessToken },
    answer: { status, body },
  };
}

export const googleOauth: PlayedProvider = {
  provider: "google_oauth",
  cases: [
    {
      name: "a refresh token",
      fields,
      exchanges: [
        refreshed,
        tokenInfo(200, {
          azp: fields.client_id,
          aud: fields.client_id,
          sub: "110248495921238986420",
          scope: scopes.join(" "),
          exp: "1795404599",
          expires_in: "3599",
          email: "ada@fixture-lab.example",
          email_verified: "true",
          access_type: "offline",
        }),
      ],
      verdict: "valid",
      scopes,
      identity: "ada@fixture-lab.example",
    },
    ...refusals,
    {
      name: "a new access token that is not known yet",
      fields,
      exchanges: [refreshed, tokenInfo(400, { error: "invalid_token", error_description: "Invalid Value" })],
      verdict: "unknown",
    },
  ],
};
