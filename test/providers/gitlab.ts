import type { PlayedProvider } from "./played-provider.ts";

const fields = { token: "glpat-fixture-gitlab-0001-Yw3e" };
const self = {
  method: "GET",
  origin: "https://gitlab.com",
  path: "/api/v4/personal_access_tokens/self",
  headers: { "private-token": "glpat-fixture-gitlab-0001-Yw3e", authorization: undefined },
} as const;

const token = {
  id: 10234,
  name: "harbour-mirror",
  revoked: false,
  created_at: "2026-03-01T09:12:44.301Z",
  description: null,
  scopes: ["read_api", "read_repository"],
  user_id: 4021977,
  last_used_at: "2026-11-22T21:40:11.204Z",
  active: true,
  expires_at: "2027-03-01",
};
const invalidToken = (description: string) => ({
  status: 401,
  body: { error: "invalid_token", error_description: description },
});

/** What GitLab says of the token that asks, on gitlab.com and elsewhere. */
export const gitlab: PlayedProvider = {
  provider: "gitlab",
  cases: [
    {
      name: "a token with an end",
      fields,
      exchanges: [{ ...self, answer: { status: 200, body: token } }],
      verdict: "valid",
      expiresAt: "2027-03-01T00:00:00.000Z",
      scopes: ["read_api", "read_repository"],
      identity: "4021977",
    },
    {
      name: "a token without an end on a server of one's own",
      fields: { ...fields, base_url: "https://git.harbour.example" },
      exchanges: [
        {
          ...self,
          origin: "https://git.harbour.example",
          answer: { status: 200, body: { ...token, expires_at: null } },
        },
      ],
      verdict: "valid",
      scopes: ["read_api", "read_repository"],
    },
    {
      name: "a token that the answer calls revoked",
      fields,
      exchanges: [{ ...self, answer: { status: 200, body: { ...token, revoked: true, active: false } } }],
      verdict: "revoked",
    },
    {
      name: "a token that ended",
      fields,
      exchanges: [
        { ...self, answer: invalidToken("Token is expired. You can either do re-authorization or token refresh.") },
      ],
      verdict: "expired",
    },
    {
      name: "a token that was revoked",
      fields,
      exchanges: [{ ...self, answer: invalidToken("Token was revoked. You have to re-authorize from the user.") }],
      verdict: "revoked",
    },
    {
      name: "a wrong token",
      fields,
      exchanges: [{ ...self, answer: { status: 401, body: { message: "401 Unauthorized" } } }],
      verdict: "invalid",
    },
    {
      name: "a token without the scope",
      fields,
      exchanges: [
        {
          ...self,
          answer: {
            status: 403,
            body: {
              error: "insufficient_scope",
              error_description: "The request requires higher privileges than provided by the access token.",
              scope: "api read_user",
            },
          },
        },
      ],
      verdict: "insufficient_scope",
    },
    {
      name: "a user who is blocked",
      fields,
      exchanges: [
        { ...self, answer: { status: 403, body: { message: "403 Forbidden - Your account has been blocked." } } },
      ],
      verdict: "insufficient_scope",
    },
    {
      name: "a server too old for the question",
      fields,
      exchanges: [{ ...self, answer: { status: 404, body: { error: "404 Not Found" } } }],
      verdict: "unknown",
    },
  ],
};
