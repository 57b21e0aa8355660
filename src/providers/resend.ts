import { provider } from "./provider.ts";

export const resend = provider({
  name: "resend",
  title: "Resend",
  category: "email",
  type: "api_key",
  fields: {
    api_key: { type: "secret", required: true, shape: "^re_[A-Za-z0-9_]{20,}$" },
  },
  base_url: "https://api.resend.com",
  docs_url: "https://resend.com/docs/api-reference/errors",
  check: {
    kind: "http",
    steps: [
      {
        method: "GET",
        path: "/domains",
        headers: { authorization: "Bearer {api_key}" },
        // The other way round than elsewhere: 401 to a live key that may only send, 403 to a wrong one.
        rules: [
          { status: [200], verdict: "valid" },
          { status: [401], body: { path: "name", equals: "restricted_api_key" }, verdict: "insufficient_scope" },
          { status: [403], body: { path: "name", equals: "invalid_api_key" }, verdict: "invalid" },
          {
            status: [400],
            body: { all: [{ path: "name", equals: "validation_error" }, { contains: "api key is invalid" }] },
            verdict: "invalid",
          },
        ],
      },
    ],
  },
  rotation: {
    mode: "dual_phase",
    how: "with a full-access key: POST /api-keys, then DELETE /api-keys/{id} of the old one",
  },
  negative_control: { fields: { api_key: `re_${"0".repeat(32)}` }, verdict: "invalid" },
});
