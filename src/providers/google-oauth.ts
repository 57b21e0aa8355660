import { googleClientFields, googleConsent, madeUpGoogleClient, refreshGoogleToken } from "./google-token.ts";
import { provider } from "./provider.ts";

export const googleOauth = provider({
  name: "google_oauth",
  title: "Google OAuth2",
  category: "google",
  type: "oauth2",
  fields: googleClientFields,
  base_url: "https://oauth2.googleapis.com",
  auth_endpoint: "https://accounts.google.com/o/oauth2/v2/auth",
  token_endpoint: "https://oauth2.googleapis.com/token",
  docs_url: "https://developers.google.com/identity/protocols/oauth2",
  check: {
    kind: "http",
    steps: [
      refreshGoogleToken,
      {
        method: "POST",
        path: "/tokeninfo",
        form: { access_token: "{access_token}" },
        rules: [{ status: [200], verdict: "valid" }],
        identity: { from: { path: "email" } },
      },
    ],
  },
  min_interval_s: 1800,
  rotation: googleConsent,
  negative_control: { fields: madeUpGoogleClient, verdict: "invalid" },
});
