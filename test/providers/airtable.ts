import type { PlayedProvider } from "./played-provider.ts";

const fields = { token: "patFixture0001.fixture-airtable-0001-c07e" };
const whoami = {
  method: "GET",
  origin: "https://api.airtable.com",
  path: "/v0/meta/whoami",
  headers: { authorization: "Bearer patFixture0001.fixture-airtable-0001-c07e" },
} as const;

/** Airtable's user behind a token. */
export const airtable: PlayedProvider = {
  provider: "airtable",
  cases: [
    {
      name: "a token whose scopes are told",
      fields,
      exchanges: [
        {
          ...whoami,
          answer: {
            status: 200,
            body: { id: "usrL2PNC5o3H4lBEi", scopes: ["data.records:read", "schema.bases:read"] },
          },
        },
      ],
      verdict: "valid",
      scopes: ["data.records:read", "schema.bases:read"],
      identity: "usrL2PNC5o3H4lBEi",
    },
    {
      name: "a token whose scopes are not told",
      fields,
      exchanges: [{ ...whoami, answer: { status: 200, body: { id: "usrL2PNC5o3H4lBEi" } } }],
      verdict: "valid",
      identity: "usrL2PNC5o3H4lBEi",
    },
    {
      name: "a deleted token",
      fields,
      exchanges: [
        {
          ...whoami,
          answer: {
            status: 401,
            body: { error: { type: "AUTHENTICATION_REQUIRED", message: "Authentication required" } },
          },
        },
      ],
      verdict: "invalid",
    },
    {
      name: "a refusal of another shape",
      fields,
      exchanges: [{ ...whoami, answer: { status: 401, body: { error: "UNAUTHORIZED" } } }],
      verdict: "invalid",
    },
    {
      name: "a token that may not ask",
      fields,
      exchanges: [
        {
          ...whoami,
          answer: {
            status: 403,
            body: {
              error: {
                type: "INVALID_PERMISSIONS_OR_MODEL_NOT_FOUND",
                message: "Invalid permissions, or the requested model was not found.",
              },
            },
          },
        },
      ],
      verdict: "insufficient_scope",
    },
  ],
};
