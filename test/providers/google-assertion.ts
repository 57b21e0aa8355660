/** Google's token endpoint for service accounts: https://developers.google.com/identity/protocols/oauth2/service-account */
import type { PlayedCase, PlayedExchange } from "./played-provider.ts";

function token(status: number, body: unknown): PlayedExchange {
  return {
    method: "POST",
    origin: "https://oauth2.googleapis.com",
    path: "/token",
    headers: { authorization: undefined },
    form: { grant_type: "urn:ietf:params:oauth:grant-type:jwt-bearer" },
    answer: { status, body },
  };
}

/** The answer to a good assertion. */
export function assertionAccepted(accessToken: string): PlayedExchange {
  return token(200, { access_token: accessToken, expires_in: 3599, token_type: "Bearer" });
}

/** The answers to the others, and what each means. */
export function assertionRefusals(fields: Record<string, string>): PlayedCase[] {
  function refused(
    name: string,
    verdict: PlayedCase["verdict"],
    status: number,
    body: Record<string, string>,
  ): PlayedCase {
    return { name, fields, exchanges: [token(status, body)], verdict };
  }

  return [
    refused("a key that was deleted", "revoked", 400, {
      error: "invalid_grant",
      error_description: "Invalid JWT Signature.",
    }),
    refused("a service account that was deleted", "revoked", 400, {
      error: "invalid_grant",
      error_description: "Invalid grant: account not found",
    }),
    refused("our clock", "unknown", 400, {
      error: "invalid_grant",
      error_description:
        "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your iat and exp values in the JWT claim.",
    }),
    refused("an assertion that is refused for another reason", "invalid", 400, {
      error: "invalid_grant",
      error_description: "Invalid email or User ID",
    }),
    refused("a scope that does not exist", "unknown", 400, {
      error: "invalid_scope",
      error_description: "Invalid OAuth scope or ID token audience provided.",
    }),
    refused("a service account without the delegation", "insufficient_scope", 401, {
      error: "unauthorized_client",
      error_description:
        "Client is unauthorized to retrieve access tokens using this method, or client not authorized for any of the scopes requested.",
    }),
    refused("a 401 for another reason", "unknown", 401, { error: "access_denied" }),
  ];
}
