/** Google Drive: https://developers.google.com/workspace/drive/api/reference/rest/v3/about/get */
import { googleApiRefusals, googleRefresh } from "./google-refresh.ts";
import type { PlayedExchange, PlayedProvider } from "./played-provider.ts";

const scopes = ["https://www.googleapis.com/auth/drive.readonly"];
const { fields, accessToken, refreshed, refusals } = googleRefresh("google-drive", scopes.join(" "));

function about(status: number, body: unknown): PlayedExchange {
  return {
    method: "GET",
    origin: "https://www.googleapis.com",
    path: "/drive/v3/about?fields=user",
    headers: { authorization: `Bearer ${accessToken}` },
    answer: { status, body },
  };
}

export const googleDrive: PlayedProvider = {
  provider: "google_drive",
  cases: [
    {
      name: "a refresh token",
      fields,
      exchanges: [
        refreshed,
        about(200, {
          user: {
            kind: "drive#user",
            displayName: "Ada",
            me: true,
            permissionId: "06446573201234567890",
            emailAddress: "ada@fixture-lab.example",
          },
        }),
      ],
      verdict: "valid",
      scopes,
      identity: "ada@fixture-lab.example",
    },
    ...refusals,
    ...googleApiRefusals({ fields, refreshed }, about),
  ],
};
