import type { PlayedProvider } from "./played-provider.ts";

const fields = { email: "ada@harbour.example", api_token: "ATATT-fixture-bitbucket-0001=9F" };
const user = {
  method: "GET",
  origin: "https://api.bitbucket.org",
  path: "/2.0/user",
  headers: { authorization: `Basic ${btoa("ada@harbour.example:ATATT-fixture-bitbucket-0001=9F")}` },
} as const;

const accessFields = { email: "ada@harbour.example", api_token: "ATCTT-fixture-bitbucket-0002=3C" };
const workspaces = {
  method: "GET",
  origin: "https://api.bitbucket.org",
  path: "/2.0/workspaces",
  headers: { authorization: "Bearer ATCTT-fixture-bitbucket-0002=3C" },
} as const;

const refused = {
  status: 401,
  body: { type: "error", error: { message: "Token is invalid, expired, or not supported for this endpoint." } },
};

/** Bitbucket's user behind a token; access tokens of a repository or workspace have no user. */
export const bitbucket: PlayedProvider = {
  provider: "bitbucket",
  cases: [
    {
      name: "a token of a person",
      fields,
      exchanges: [
        {
          ...user,
          answer: {
            status: 200,
            headers: { "x-oauth-scopes": "read:user:bitbucket, read:repository:bitbucket" },
            body: {
              type: "user",
              display_name: "Ada Harbour",
              account_id: "5b10a2844c20165700ede21g",
              uuid: "{5f1c9a1e-8d0b-4d6e-9d3f-2a8f3f1b7c40}",
              username: "ada-harbour",
              account_status: "active",
            },
          },
        },
      ],
      verdict: "valid",
      scopes: ["read:user:bitbucket", "read:repository:bitbucket"],
    },
    { name: "a wrong token", fields, exchanges: [{ ...user, answer: refused }], verdict: "invalid" },
    {
      name: "a token that may not read its user",
      fields,
      exchanges: [
        {
          ...user,
          answer: {
            status: 403,
            headers: { "x-accepted-oauth-scopes": "read:user:bitbucket" },
            body: {
              type: "error",
              error: {
                message: "Your credentials lack one or more required privilege scopes.",
                detail: { granted: ["read:repository:bitbucket"], required: ["read:user:bitbucket"] },
              },
            },
          },
        },
      ],
      verdict: "insufficient_scope",
    },
    {
      name: "an access token of a workspace",
      fields: accessFields,
      exchanges: [
        {
          ...workspaces,
          answer: {
            status: 200,
            body: { values: [{ type: "workspace", slug: "harbour", name: "Harbour" }], pagelen: 10, size: 1, page: 1 },
          },
        },
      ],
      verdict: "valid",
    },
    {
      name: "a revoked access token",
      fields: accessFields,
      exchanges: [{ ...workspaces, answer: refused }],
      verdict: "invalid",
    },
    {
      name: "an access token of a repository, which may not list workspaces",
      fields: accessFields,
      exchanges: [
        {
          ...workspaces,
          answer: {
            status: 403,
            body: {
              type: "error",
              error: {
                message: "Your credentials lack one or more required privilege scopes.",
                detail: { granted: ["repository"], required: ["account"] },
              },
            },
          },
        },
      ],
      verdict: "insufficient_scope",
    },
  ],
};
