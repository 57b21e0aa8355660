/** ElevenLabs: https://elevenlabs.io/docs/api-reference/authentication — a restricted key gets a 401 too. */
import type { PlayedExchange, PlayedProvider } from "./played-provider.ts";

const key = "sk_fixture_elevenlabs_0001";
const fields = { api_key: key };

function user(status: number, body: unknown): PlayedExchange[] {
  return [
    {
      method: "GET",
      origin: "https://api.elevenlabs.io",
      path: "/v1/user",
      headers: { "xi-api-key": key, authorization: undefined },
      answer: { status, body },
    },
  ];
}

function refusal(status: string, message: string) {
  return { detail: { status, message } };
}

export const elevenlabs: PlayedProvider = {
  provider: "elevenlabs",
  cases: [
    {
      name: "a key",
      fields,
      exchanges: user(200, {
        user_id: "mVyFixtureUser0123456789",
        first_name: "Ada",
        is_onboarding_completed: true,
        xi_api_key_preview: "****0001",
        subscription: { tier: "creator", character_count: 17231, character_limit: 100000, status: "active" },
      }),
      verdict: "valid",
      identity: "mVyFixtureUser0123456789",
    },
    {
      name: "a key that does not exist",
      fields,
      exchanges: user(401, refusal("invalid_api_key", "Invalid API key")),
      verdict: "invalid",
    },
    {
      name: "a restricted key",
      fields,
      exchanges: user(
        401,
        refusal(
          "missing_permissions",
          "The API key you used is missing the permission user_read to execute this operation.",
        ),
      ),
      verdict: "insufficient_scope",
    },
    {
      name: "an account under suspicion",
      fields,
      exchanges: user(
        401,
        refusal("detected_unusual_activity", "Unusual activity detected. Free Tier usage disabled."),
      ),
      verdict: "unknown",
    },
    {
      name: "a quota that is used up",
      fields,
      exchanges: user(401, refusal("quota_exceeded", "This request exceeds your quota.")),
      verdict: "unknown",
    },
    {
      name: "a header that is not understood",
      fields,
      exchanges: user(400, refusal("invalid_authorization_header", "Invalid authorization header received.")),
      verdict: "unknown",
    },
  ],
};
