/** Google's token endpoint, which four providers ask first: https://developers.google.com/identity/protocols/oauth2 */
import type { PlayedCase, PlayedExchange } from "./played-provider.ts";

/** A credential of a provider, its access token, and the answers of the token endpoint to it. */
export function googleRefresh(provider: string, scope: string) {
  const fields = {
    client_id: "482913374501-k3b6v0q8d2m1t5r7w9y4z6c8e0g2i4l6.apps.googleusercontent.com",
    client_secret: `GOCSPX-fixture-${provider}-client-0001`,
    refresh_token: `1//fixture-${provider}-refresh-0001`,
  };
  const accessToken = `ya29.fixture-${provider}-access-0001`;

  function token(status: number, body: unknown): PlayedExchange {
    return {
      method: "POST",
      origin: "https://oauth2.googleapis.com",
      path: "/token",
      headers: { authorization: undefined },
      form: { grant_type: "refresh_token", ...fields },
      answer: { status, body },
    };
  }

  const refreshed = token(200, { access_token: accessToken, expires_in: 3599, scope, token_type: "Bearer" });

  function refusedToken(
    name: string,
    verdict: PlayedCase["verdict"],
    status: number,
    body: Record<string, string>,
  ): PlayedCase {
    return { name, fields, exchanges: [token(status, body)], verdict };
  }

  const refusals: PlayedCase[] = [
    refusedToken("a refresh token that expired or was revoked", "expired", 400, {
      error: "invalid_grant",
      error_description: "Token has been expired or revoked.",
    }),
    refusedToken("a deleted account", "revoked", 400, {
      error: "invalid_grant",
      error_description: "Account has been deleted",
    }),
    refusedToken("a Workspace that asks for a new login", "expired", 400, {
      error: "invalid_grant",
      error_description: "reauth related error (invalid_rapt)",
      error_uri: "https://support.google.com/a/answer/9368756",
      error_subtype: "invalid_rapt",
    }),
    refusedToken("a refresh token that does not exist", "invalid", 400, {
      error: "invalid_grant",
      error_description: "Bad Request",
    }),
    refusedToken("a wrong client secret", "invalid", 401, {
      error: "invalid_client",
      error_description: "The provided client secret is invalid.",
    }),
    refusedToken("a refresh token of another client", "invalid", 401, {
      error: "unauthorized_client",
      error_description: "Unauthorized",
    }),
    refusedToken("a refresh token of another client, told as a bad request", "invalid", 400, {
      error: "unauthorized_client",
      error_description: "Unauthorized",
    }),
    refusedToken("a policy of the Workspace", "unknown", 400, {
      error: "admin_policy_enforced",
      error_description: "Access to this account is restricted by policies of its administrator.",
    }),
    refusedToken("a policy of the Workspace, told as forbidden", "unknown", 403, {
      error: "admin_policy_enforced",
      error_description: "Access to this account is restricted by policies of its administrator.",
    }),
    refusedToken("a request that lacks something", "unknown", 400, {
      error: "invalid_request",
      error_description: "Missing required parameter: grant_type",
    }),
    refusedToken("a 401 that names no cause", "unknown", 401, { error: "access_denied" }),
  ];

  return { fields, accessToken, refreshed, refusals };
}

/** What Google's APIs answer to an access token whose refresh token works, and what each answer means. */
export function googleApiRefusals(
  credential: Pick<ReturnType<typeof googleRefresh>, "fields" | "refreshed">,
  ask: (status: number, body: unknown) => PlayedExchange,
): PlayedCase[] {
  const { fields, refreshed } = credential;

  function refused(name: string, verdict: PlayedCase["verdict"], status: number, body: unknown): PlayedCase {
    return { name, fields, exchanges: [refreshed, ask(status, body)], verdict };
  }

  const quotas = ["rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded"].map((reason) =>
    refused(`a quota that is used up: ${reason}`, "rate_limited", 403, {
      error: {
        code: 403,
        message: "Quota exceeded for quota metric 'Queries'.",
        errors: [{ message: "Quota exceeded for quota metric 'Queries'.", domain: "usageLimits", reason }],
      },
    }),
  );

  return [
    refused("a grant without the scope", "insufficient_scope", 403, {
      error: {
        code: 403,
        message: "Request had insufficient authentication scopes.",
        errors: [{ message: "Insufficient Permission", domain: "global", reason: "insufficientPermissions" }],
        status: "PERMISSION_DENIED",
        details: [errorInfo("ACCESS_TOKEN_SCOPE_INSUFFICIENT")],
      },
    }),
    refused("a project without this API", "insufficient_scope", 403, {
      error: {
        code: 403,
        message: "This API has not been used in project 482913374501 before or it is disabled.",
        errors: [{ message: "It is disabled.", domain: "usageLimits", reason: "accessNotConfigured" }],
        status: "PERMISSION_DENIED",
        details: [errorInfo("SERVICE_DISABLED")],
      },
    }),
    ...quotas,
    refused("a 403 for another reason", "unknown", 403, {
      error: {
        code: 403,
        message: "The domain administrators have disabled apps.",
        errors: [
          { message: "The domain administrators have disabled apps.", domain: "global", reason: "domainPolicy" },
        ],
      },
    }),
    refused("a new access token that is refused", "unknown", 401, {
      error: { code: 401, message: "Invalid Credentials", status: "UNAUTHENTICATED" },
    }),
  ];
}

function errorInfo(reason: string) {
  return {
    "@type": "type.googleapis.com/google.rpc.ErrorInfo",
    reason,
    domain: "googleapis.com",
    metadata: { consumer: "projects/482913374501" },
  };
}
