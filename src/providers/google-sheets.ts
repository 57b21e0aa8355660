import { googleClientFields, googleConsent, madeUpGoogleClient, refreshGoogleToken } from "./google-token.ts";
import { provider } from "./provider.ts";

export const googleSheets = provider({
  name: "google_sheets",
  title: "Google Sheets",
  category: "google",
  type: "oauth2",
  fields: googleClientFields,
  base_url: "https://sheets.googleapis.com/v4",
  auth_endpoint: "https://accounts.google.com/o/oauth2/v2/auth",
  token_endpoint: "https://oauth2.googleapis.com/token",
  docs_url: "https://developers.google.com/identity/protocols/oauth2",
  check: {
    kind: "http",
    steps: [
      refreshGoogleToken,
      // Sheets has nothing to read without the id of a spreadsheet: the token's own scopes answer.
      {
        method: "POST",
        base_url: "https://oauth2.googleapis.com",
        path: "/tokeninfo",
        form: { access_token: "{access_token}" },
        rules: [
          {
            status: [200],
            body: { any: [{ contains: "/auth/spreadsheets" }, { contains: "/auth/drive" }] },
            verdict: "valid",
          },
          { status: [200], verdict: "insufficient_scope" },
        ],
        identity: { from: { path: "email" } },
      },
    ],
  },
  min_interval_s: 1800,
  rotation: googleConsent,
  negative_control: { fields: madeUpGoogleClient, verdict: "invalid" },
});
