import { assertionRefusals } from "./google-token.ts";
import { provider } from "./provider.ts";

// No negative control: a made-up private key that can sign looks like a leaked one.
export const googleServiceAccount = provider({
  name: "google_service_account",
  title: "Google service account",
  category: "google",
  type: "service_account",
  fields: {
    service_account_json: { type: "secret", required: true, note: "the whole key file" },
  },
  base_url: "https://oauth2.googleapis.com",
  token_endpoint: "https://oauth2.googleapis.com/token",
  docs_url: "https://developers.google.com/identity/protocols/oauth2/service-account",
  check: {
    kind: "http",
    steps: [
      {
        method: "POST",
        path: "/token",
        auth: {
          kind: "google_jwt",
          service_account: "service_account_json",
          // Every account may have it, and the token can do nothing else.
          scope: "https://www.googleapis.com/auth/userinfo.email",
        },
        rules: [{ status: [200], verdict: "valid" }, ...assertionRefusals],
      },
    ],
  },
  rotation: {
    mode: "dual_phase",
    how: "POST the service account's keys at iam.googleapis.com, then DELETE the old one; ten at most",
  },
});
