import {
  googleCallRules,
  googleClientFields,
  googleConsent,
  madeUpGoogleClient,
  refreshGoogleToken,
} from "./google-token.ts";
import { provider } from "./provider.ts";

export const gmail = provider({
  name: "gmail",
  title: "Gmail",
  category: "google",
  type: "oauth2",
  fields: googleClientFields,
  base_url: "https://gmail.googleapis.com/gmail/v1",
  auth_endpoint: "https://accounts.google.com/o/oauth2/v2/auth",
  token_endpoint: "https://oauth2.googleapis.com/token",
  docs_url: "https://developers.google.com/identity/protocols/oauth2",
  check: {
    kind: "http",
    steps: [
      refreshGoogleToken,
      {
        method: "GET",
        path: "/users/me/profile",
        headers: { authorization: "Bearer {access_token}" },
        rules: googleCallRules,
        identity: { from: { path: "emailAddress" } },
      },
    ],
  },
  min_interval_s: 1800,
  rotation: googleConsent,
  negative_control: { fields: madeUpGoogleClient, verdict: "invalid" },
});
