import { assertionRefusals } from "./google-token.ts";
import { provider } from "./provider.ts";

// No negative control: a made-up private key that can sign looks like a leaked one.
export const googleVertex = provider({
  name: "google_vertex",
  title: "Google Vertex AI",
  category: "google",
  type: "service_account",
  fields: {
    service_account_json: { type: "secret", required: false, note: "the whole key file" },
    project_id: { type: "string", required: false, note: "needed with a service account" },
    location: { type: "string", required: false, default: "global" },
    express_api_key: {
      type: "secret",
      required: false,
      shape: "^AQ\\.[A-Za-z0-9_-]{20,}$",
      note: "kept, never checked: no free request is known that it may make",
    },
  },
  base_url: "https://aiplatform.googleapis.com/v1",
  token_endpoint: "https://oauth2.googleapis.com/token",
  docs_url: "https://cloud.google.com/vertex-ai/docs/reference/rest",
  check: {
    kind: "http",
    steps: [
      {
        when: [{ field: "service_account_json", is: "present" }],
        method: "POST",
        base_url: "https://oauth2.googleapis.com",
        path: "/token",
        auth: {
          kind: "google_jwt",
          service_account: "service_account_json",
          scope: "https://www.googleapis.com/auth/cloud-platform",
        },
        capture: { access_token: "access_token" },
        rules: [{ status: [200], verdict: "next" }, ...assertionRefusals],
      },
      // Nothing here is dead: the key has just proved itself.
      {
        when: [{ field: "service_account_json", is: "present" }],
        method: "GET",
        path: "/projects/{project_id}/locations/{location}/publishers/google/models?pageSize=1",
        headers: { authorization: "Bearer {access_token}" },
        rules: [
          { status: [200], verdict: "valid" },
          { status: [403], verdict: "insufficient_scope" },
        ],
      },
    ],
  },
  rotation: {
    mode: "dual_phase",
    how: "POST the service account's keys at iam.googleapis.com, then DELETE the old one; ten at most",
  },
  unproven: true,
});
