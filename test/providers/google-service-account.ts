/** A service account of Google: a signed assertion for an access token. */
import { assertionAccepted, assertionRefusals } from "./google-assertion.ts";
import type { PlayedProvider } from "./played-provider.ts";

const fields = { service_account_json: "{service_account_json}" };

export const googleServiceAccount: PlayedProvider = {
  provider: "google_service_account",
  cases: [
    {
      name: "a service account",
      fields,
      exchanges: [assertionAccepted("ya29.c.fixture-google-service-account-0001")],
      verdict: "valid",
    },
    ...assertionRefusals(fields),
  ],
};
