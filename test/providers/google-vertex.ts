/** Google Vertex AI: https://cloud.google.com/vertex-ai/docs/reference/rest — a signed assertion, then the list of models. */
import { assertionAccepted, assertionRefusals } from "./google-assertion.ts";
import type { PlayedCase, PlayedExchange, PlayedProvider } from "./played-provider.ts";

const fields = {
  service_account_json: "{service_account_json}",
  project_id: "fixture-lab-482913",
  location: "europe-west4",
};
const accessToken = "ya29.c.fixture-google-vertex-0001";

function models(status: number, body: unknown): PlayedExchange[] {
  return [
    assertionAccepted(accessToken),
    {
      method: "GET",
      origin: "https://aiplatform.googleapis.com",
      path: "/v1/projects/fixture-lab-482913/locations/europe-west4/publishers/google/models?pageSize=1",
      headers: { authorization: `Bearer ${accessToken}`, "x-goog-api-key": undefined },
      answer: { status, body },
    },
  ];
}

function refused(
  name: string,
  verdict: PlayedCase["verdict"],
  code: number,
  { status, reason }: { status: string; reason: string },
): PlayedCase {
  const details = [{ "@type": "type.googleapis.com/google.rpc.ErrorInfo", reason, domain: "googleapis.com" }];
  return { name, fields, exchanges: models(code, { error: { code, message: name, status, details } }), verdict };
}

export const googleVertex: PlayedProvider = {
  provider: "google_vertex",
  cases: [
    {
      name: "a service account with access",
      fields,
      exchanges: models(200, {
        publisherModels: [{ name: "publishers/google/models/gemini-2.5-flash", versionId: "default" }],
      }),
      verdict: "valid",
    },
    ...assertionRefusals(fields),
    refused("a project without the API", "insufficient_scope", 403, {
      status: "PERMISSION_DENIED",
      reason: "SERVICE_DISABLED",
    }),
    refused("a service account without the role", "insufficient_scope", 403, {
      status: "PERMISSION_DENIED",
      reason: "IAM_PERMISSION_DENIED",
    }),
    refused("a location that does not exist", "unknown", 404, { status: "NOT_FOUND", reason: "RESOURCE_NOT_FOUND" }),
    refused("a new access token that is refused", "unknown", 401, {
      status: "UNAUTHENTICATED",
      reason: "ACCESS_TOKEN_INVALID",
    }),
    {
      name: "an express key, for which no free question is known",
      fields: { express_api_key: "AQ.fixture-google-vertex-express-0002" },
      exchanges: [],
      verdict: "not_checkable",
    },
  ],
};
