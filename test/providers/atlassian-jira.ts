import type { PlayedProvider } from "./played-provider.ts";

const fields = {
  email: "ada@harbour.example",
  api_token: "ATATT-fixture-atlassian-jira-0001=A1B2",
  site_url: "https://harbour.atlassian.net",
};
const myself = {
  method: "GET",
  origin: "https://harbour.atlassian.net",
  path: "/rest/api/3/myself",
  headers: { authorization: `Basic ${btoa("ada@harbour.example:ATATT-fixture-atlassian-jira-0001=A1B2")}` },
} as const;

const person = {
  status: 200,
  body: {
    self: "https://harbour.atlassian.net/rest/api/3/user?accountId=5b10a2844c20165700ede21g",
    accountId: "5b10a2844c20165700ede21g",
    accountType: "atlassian",
    emailAddress: "ada@harbour.example",
    displayName: "Ada Harbour",
    active: true,
    timeZone: "Europe/Berlin",
  },
};
const refused = {
  status: 401,
  headers: { "content-type": "text/plain;charset=UTF-8" },
  body: "Client must be authenticated to access this resource.",
};

// Open to everybody.
const tenant = {
  method: "GET",
  origin: "https://harbour.atlassian.net",
  path: "/_edge/tenant_info",
  headers: { authorization: undefined },
  answer: { status: 200, body: { cloudId: "35273b54-3f06-40d2-880f-dd28cf8daafa" } },
} as const;
const viaGateway = {
  ...myself,
  origin: "https://api.atlassian.com",
  path: "/ex/jira/35273b54-3f06-40d2-880f-dd28cf8daafa/rest/api/3/myself",
} as const;
const unauthorized = (message: string) => ({ status: 401, body: { code: 401, message } });

/**
 * Jira's user behind a token: the one address of its API that never answers a stranger.
 * A token with scopes is a stranger to the site and known to Atlassian's gateway:
 * https://support.atlassian.com/atlassian-account/docs/manage-api-tokens-for-your-atlassian-account/
 */
export const atlassianJira: PlayedProvider = {
  provider: "atlassian_jira",
  cases: [
    { name: "a token of a person", fields, exchanges: [{ ...myself, answer: person }], verdict: "valid" },
    {
      name: "a site whose address ends with a slash",
      fields: { ...fields, site_url: "https://harbour.atlassian.net/" },
      exchanges: [{ ...myself, answer: person }],
      verdict: "valid",
    },
    {
      name: "a login that is held until somebody solves a puzzle",
      fields,
      exchanges: [
        {
          ...myself,
          answer: { ...refused, headers: { ...refused.headers, "x-seraph-loginreason": "AUTHENTICATION_DENIED" } },
        },
      ],
      verdict: "unknown",
    },
    {
      name: "a wrong token",
      fields,
      exchanges: [
        {
          ...myself,
          answer: { ...refused, headers: { ...refused.headers, "x-seraph-loginreason": "AUTHENTICATED_FAILED" } },
        },
        tenant,
        { ...viaGateway, answer: unauthorized("Unauthorized") },
      ],
      verdict: "invalid",
    },
    {
      name: "a wrong token, without a reason",
      fields,
      exchanges: [{ ...myself, answer: refused }, tenant, { ...viaGateway, answer: unauthorized("Unauthorized") }],
      verdict: "invalid",
    },
    {
      name: "a token with scopes",
      fields,
      exchanges: [{ ...myself, answer: refused }, tenant, { ...viaGateway, answer: person }],
      verdict: "valid",
      identity: "5b10a2844c20165700ede21g",
    },
    {
      name: "a token with other scopes",
      fields,
      exchanges: [
        { ...myself, answer: refused },
        tenant,
        { ...viaGateway, answer: unauthorized("Unauthorized; scope does not match") },
      ],
      verdict: "insufficient_scope",
    },
    {
      name: "a token with scopes of a person without access to the product",
      fields,
      exchanges: [
        { ...myself, answer: refused },
        tenant,
        { ...viaGateway, answer: { status: 403, body: { message: "Current user not permitted to use Jira" } } },
      ],
      verdict: "insufficient_scope",
    },
    {
      name: "a site that does not tell its id",
      fields,
      exchanges: [
        { ...myself, answer: refused },
        { ...tenant, answer: { status: 404, body: {} } },
      ],
      verdict: "unknown",
    },
    {
      name: "a site whose answer has no id in it",
      fields,
      exchanges: [
        { ...myself, answer: refused },
        { ...tenant, answer: { status: 200, body: {} } },
      ],
      verdict: "unknown",
    },
    {
      name: "a person without access to the product",
      fields,
      exchanges: [
        {
          ...myself,
          answer: { status: 403, body: { message: "Current user not permitted to use Jira" } },
        },
      ],
      verdict: "insufficient_scope",
    },
    {
      name: "a site that was renamed",
      fields,
      exchanges: [
        {
          ...myself,
          answer: { status: 404, body: { errorMessage: "Site temporarily unavailable", errorCode: "OTHER" } },
        },
      ],
      verdict: "unknown",
    },
  ],
};
