import type { PlayedProvider } from "./played-provider.ts";

const userToken = "sntryu_fixture_sentry_0001_c41e";
const fields = { auth_token: userToken };
const organizations = {
  method: "GET",
  origin: "https://sentry.io",
  path: "/api/0/organizations/",
  headers: { authorization: `Bearer ${userToken}` },
} as const;

const orgToken = "sntrys_eyJfixture_sentry_0002_9d2f";
const orgFields = { auth_token: orgToken };
const validate = {
  method: "GET",
  origin: "https://sentry.io",
  path: "/api/0/auth/validate/",
  headers: { authorization: `Bearer ${orgToken}` },
} as const;

const listed = {
  status: 200,
  body: [{ id: "4021", slug: "harbour", name: "Harbour", status: { id: "active", name: "active" } }],
};
const invalid = { status: 401, body: { detail: "Invalid token" } };

/** Sentry's list of organizations for a person's token, its own question for an organization's. */
export const sentry: PlayedProvider = {
  provider: "sentry",
  cases: [
    { name: "a token of a person", fields, exchanges: [{ ...organizations, answer: listed }], verdict: "valid" },
    {
      name: "a token of a person in Europe",
      fields: { ...fields, base_url: "https://de.sentry.io" },
      exchanges: [{ ...organizations, origin: "https://de.sentry.io", answer: listed }],
      verdict: "valid",
    },
    { name: "a wrong token", fields, exchanges: [{ ...organizations, answer: invalid }], verdict: "invalid" },
    {
      name: "a refusal in other words",
      fields,
      exchanges: [
        {
          ...organizations,
          answer: { status: 401, body: { detail: "Authentication credentials were not provided." } },
        },
      ],
      verdict: "invalid",
    },
    {
      name: "a token without org:read",
      fields,
      exchanges: [
        {
          ...organizations,
          answer: { status: 403, body: { detail: "You do not have permission to perform this action." } },
        },
      ],
      verdict: "insufficient_scope",
    },
    {
      name: "a token of an organization",
      fields: orgFields,
      exchanges: [{ ...validate, answer: { status: 200, body: "" } }],
      verdict: "valid",
    },
    {
      name: "a token that the question for an organization's does not recognise",
      fields: orgFields,
      exchanges: [{ ...validate, answer: { status: 403, body: "" } }],
      verdict: "unknown",
    },
    {
      name: "a revoked token of an organization on a server of one's own",
      fields: { ...orgFields, base_url: "https://sentry.harbour.example" },
      exchanges: [{ ...validate, origin: "https://sentry.harbour.example", answer: invalid }],
      verdict: "invalid",
    },
  ],
};
