/** Stripe: https://docs.stripe.com/api/errors — a restricted key gets a 403 and lives. */
import type { PlayedExchange, PlayedProvider } from "./played-provider.ts";

const key = "sk_test_fixture_stripe_0001";
const restrictedKey = "rk_test_fixture_stripe_0002";
const fields = { secret_key: key, publishable_key: "pk_test_fixture_stripe_0003" };
const restrictedFields = { ...fields, secret_key: restrictedKey };

function balance(status: number, body: unknown, secret = key): PlayedExchange[] {
  return [
    {
      method: "GET",
      origin: "https://api.stripe.com",
      path: "/v1/balance",
      headers: { authorization: `Bearer ${secret}` },
      answer: { status, body },
    },
  ];
}

function error(message: string, code?: string) {
  return { error: { message, code, type: "invalid_request_error" } };
}

export const stripe: PlayedProvider = {
  provider: "stripe",
  cases: [
    {
      name: "a secret key",
      fields,
      exchanges: balance(200, {
        object: "balance",
        available: [{ amount: 0, currency: "eur", source_types: { card: 0 } }],
        livemode: false,
        pending: [{ amount: 7340, currency: "eur", source_types: { card: 7340 } }],
      }),
      verdict: "valid",
    },
    {
      name: "a key that was rolled",
      fields,
      exchanges: balance(401, error("Expired API Key provided: sk_test_***0001", "api_key_expired")),
      verdict: "expired",
    },
    {
      name: "a key that does not exist",
      fields,
      exchanges: balance(401, error("Invalid API Key provided: sk_test_***0001")),
      verdict: "invalid",
    },
    {
      name: "a 401 in other words",
      fields,
      exchanges: balance(401, error("This API key is not accepted any more.", "platform_api_key_expired")),
      verdict: "invalid",
    },
    {
      name: "a restricted key",
      fields: restrictedFields,
      exchanges: balance(
        403,
        error(
          "The provided key 'rk_test_***0002' does not have the required permissions for this endpoint on account 'acct_1032D82eZvKYlo2C'. Having the 'rak_balance_read' permission would allow this request to continue.",
          "more_permissions_required_for_application",
        ),
        restrictedKey,
      ),
      verdict: "insufficient_scope",
    },
    {
      name: "a restricted key, told with the letters ip inside of a word",
      fields: restrictedFields,
      exchanges: balance(
        403,
        error(
          "The provided key 'rk_test_***0002' does not have the required permissions for this endpoint. Having 'rak_balance_read' or 'rak_subscription_read' would allow this request to continue.",
        ),
        restrictedKey,
      ),
      verdict: "insufficient_scope",
    },
    {
      name: "an address that the key does not allow",
      fields,
      exchanges: balance(403, error("The API key provided does not allow requests from your IP address: 203.0.113.7.")),
      verdict: "unknown",
    },
  ],
};
