/** Gemini API: https://ai.google.dev/gemini-api/docs/api-key — the ErrorInfo's reason tells, statuses do not. */
import type { PlayedCase, PlayedExchange, PlayedProvider } from "./played-provider.ts";

const key = "AIza-fixture-google-ai-0001";
const authKey = "AQ.fixture-google-ai-0002";
const fields = { api_key: key };

function models(status: number, body: unknown, apiKey = key): PlayedExchange[] {
  return [
    {
      method: "GET",
      origin: "https://generativelanguage.googleapis.com",
      path: "/v1beta/models?pageSize=1",
      headers: { "x-goog-api-key": apiKey, authorization: undefined },
      answer: { status, body },
    },
  ];
}

function error(code: number, status: string, message: string, reason?: string) {
  const info = {
    "@type": "type.googleapis.com/google.rpc.ErrorInfo",
    reason,
    domain: "googleapis.com",
    metadata: { service: "generativelanguage.googleapis.com", consumer: "projects/482913374501" },
  };
  const localized = { "@type": "type.googleapis.com/google.rpc.LocalizedMessage", locale: "en-US", message };
  return { error: { code, message, status, details: reason === undefined ? [] : [info, localized] } };
}

const list = {
  models: [{ name: "models/gemini-2.5-flash", version: "001", displayName: "Gemini 2.5 Flash" }],
  nextPageToken: "CjRtb2RlbHMvZ2VtaW5p",
};

const restrictions: PlayedCase[] = [
  "API_KEY_SERVICE_BLOCKED",
  "SERVICE_DISABLED",
  "API_KEY_HTTP_REFERRER_BLOCKED",
  "API_KEY_IP_ADDRESS_BLOCKED",
  "API_KEY_ANDROID_APP_BLOCKED",
  "API_KEY_IOS_APP_BLOCKED",
].map((reason) => ({
  name: `a key whose restrictions exclude this request: ${reason}`,
  fields,
  exchanges: models(403, error(403, "PERMISSION_DENIED", "Requests to this API are blocked.", reason)),
  verdict: "insufficient_scope",
}));

export const googleAi: PlayedProvider = {
  provider: "google_ai",
  cases: [
    { name: "a standard key", fields, exchanges: models(200, list), verdict: "valid" },
    {
      name: "an auth key",
      fields: { api_key: authKey },
      exchanges: models(200, list, authKey),
      verdict: "valid",
    },
    {
      name: "a key that does not exist",
      fields,
      exchanges: models(
        400,
        error(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.", "API_KEY_INVALID"),
      ),
      verdict: "invalid",
    },
    {
      name: "an expired key",
      fields,
      exchanges: models(
        400,
        error(400, "INVALID_ARGUMENT", "API key expired. Please renew the API key.", "API_KEY_INVALID"),
      ),
      verdict: "expired",
    },
    {
      name: "a region that is not served",
      fields,
      exchanges: models(
        400,
        error(400, "FAILED_PRECONDITION", "User location is not supported for the API use without a billing account."),
      ),
      verdict: "unknown",
    },
    {
      name: "a key that leaked",
      fields,
      exchanges: models(
        403,
        error(403, "PERMISSION_DENIED", "Your API key was reported as leaked. Please use another API key."),
      ),
      verdict: "revoked",
    },
    {
      name: "a suspended project",
      fields,
      exchanges: models(
        403,
        error(
          403,
          "PERMISSION_DENIED",
          "Permission denied: Consumer 'projects/482913374501' has been suspended.",
          "CONSUMER_SUSPENDED",
        ),
      ),
      verdict: "revoked",
    },
    ...restrictions,
    {
      name: "a project without access",
      fields,
      exchanges: models(
        403,
        error(403, "PERMISSION_DENIED", "Your project has been denied access. Please contact support."),
      ),
      verdict: "unknown",
    },
    {
      name: "an auth key at a door that takes it for a token",
      fields: { api_key: authKey },
      exchanges: models(
        401,
        error(
          401,
          "UNAUTHENTICATED",
          "Request had invalid authentication credentials. Expected OAuth 2 access token.",
          "ACCESS_TOKEN_TYPE_UNSUPPORTED",
        ),
        authKey,
      ),
      verdict: "unknown",
    },
  ],
};
