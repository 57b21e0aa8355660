import { provider, type Rule } from "./provider.ts";

const refusal = { status: [401], verdict: "invalid", note: "or a token of another region" } satisfies Rule;

export const sentry = provider({
  name: "sentry",
  title: "Sentry",
  category: "observability",
  type: "api_key",
  fields: {
    auth_token: {
      type: "secret",
      required: true,
      shape: "^(?:sntryu_[a-f0-9]{64}|sntrys_eyJ[A-Za-z0-9+/=_]+|[a-f0-9]{64})$",
    },
    base_url: {
      type: "string",
      required: false,
      shape: "^https?://",
      default: "https://sentry.io",
      note: "https://de.sentry.io for an organisation in the EU",
    },
  },
  base_url: "{base_url}",
  docs_url: "https://docs.sentry.io/api/auth/",
  check: {
    kind: "http",
    steps: [
      {
        when: [{ field: "auth_token", not_starts_with: "sntrys_" }],
        method: "GET",
        path: "/api/0/organizations/",
        headers: { authorization: "Bearer {auth_token}" },
        rules: [{ status: [200], verdict: "valid" }, refusal, { status: [403], verdict: "insufficient_scope" }],
      },
      // An organisation's token, which may upload releases and little else.
      {
        when: [{ field: "auth_token", starts_with: "sntrys_" }],
        method: "GET",
        path: "/api/0/auth/validate/",
        headers: { authorization: "Bearer {auth_token}" },
        // Needs no permission, so a 403 is not about one: it has seen no token that it knows.
        rules: [{ status: [200], verdict: "valid" }, refusal],
      },
    ],
  },
  negative_control: { fields: { auth_token: `sntryu_${"0".repeat(64)}` }, verdict: "invalid" },
});
