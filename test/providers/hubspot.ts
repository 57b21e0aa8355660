import type { PlayedProvider } from "./played-provider.ts";

const token = "pat-eu1-fixture-hubspot-0001-4f1d";
const fields = { access_token: token };
const tokenInfo = {
  method: "POST",
  origin: "https://api.hubapi.com",
  path: "/oauth/v2/private-apps/get/access-token-info",
  headers: { authorization: undefined },
  json: { tokenKey: token },
} as const;
const accountInfo = {
  method: "GET",
  origin: "https://api.hubapi.com",
  path: "/account-info/v3/details",
  headers: { authorization: `Bearer ${token}` },
} as const;

const error = (status: number, category: string, message: string) => ({
  status,
  body: { status: "error", message, correlationId: "1f0d3b52-9d8e-4b1c-a3c5-6e1f7a9b0c2d", category },
});
const notFound = error(404, "OBJECT_NOT_FOUND", "Token not found");
const wrong = error(401, "INVALID_AUTHENTICATION", "Authentication credentials not found.");
const ended = error(401, "EXPIRED_AUTHENTICATION", "The OAuth token used to make this call expired.");

/** What HubSpot says of a private app's token; a token that it does not find is asked for its account. */
export const hubspot: PlayedProvider = {
  provider: "hubspot",
  cases: [
    {
      name: "a token of a private app",
      fields,
      exchanges: [
        {
          ...tokenInfo,
          answer: {
            status: 200,
            body: {
              userId: 8802341,
              hubId: 24680135,
              appId: 1357911,
              scopes: ["crm.objects.contacts.read", "oauth"],
            },
          },
        },
      ],
      verdict: "valid",
      scopes: ["crm.objects.contacts.read", "oauth"],
      identity: "24680135",
    },
    { name: "a wrong token", fields, exchanges: [{ ...tokenInfo, answer: wrong }], verdict: "invalid" },
    { name: "a token that ended", fields, exchanges: [{ ...tokenInfo, answer: ended }], verdict: "expired" },
    {
      name: "a refusal of another category",
      fields,
      exchanges: [{ ...tokenInfo, answer: error(401, "BANNED", "This request was refused.") }],
      verdict: "unknown",
    },
    {
      name: "a token without the scope",
      fields,
      exchanges: [
        {
          ...tokenInfo,
          answer: error(403, "MISSING_SCOPES", "This app hasn't been granted all required scopes to make this call."),
        },
      ],
      verdict: "insufficient_scope",
    },
    {
      name: "the wall in front",
      fields,
      exchanges: [{ ...tokenInfo, answer: { status: 403, body: { error: "request blocked" } } }],
      verdict: "unknown",
    },
    {
      name: "a service key, which has an account and no private app",
      fields,
      exchanges: [
        { ...tokenInfo, answer: notFound },
        {
          ...accountInfo,
          answer: {
            status: 200,
            body: {
              portalId: 24680135,
              accountType: "STANDARD",
              timeZone: "Europe/Berlin",
              uiDomain: "app-eu1.hubspot.com",
            },
          },
        },
      ],
      verdict: "valid",
    },
    {
      name: "a token that nobody finds",
      fields,
      exchanges: [
        { ...tokenInfo, answer: notFound },
        { ...accountInfo, answer: wrong },
      ],
      verdict: "invalid",
    },
    {
      name: "a token that ended and is not found",
      fields,
      exchanges: [
        { ...tokenInfo, answer: notFound },
        { ...accountInfo, answer: ended },
      ],
      verdict: "expired",
    },
    {
      name: "a service key without the scope",
      fields,
      exchanges: [
        { ...tokenInfo, answer: notFound },
        {
          ...accountInfo,
          answer: error(403, "MISSING_SCOPES", "This app hasn't been granted all required scopes to make this call."),
        },
      ],
      verdict: "insufficient_scope",
    },
    {
      name: "the wall in front of the account",
      fields,
      exchanges: [
        { ...tokenInfo, answer: notFound },
        { ...accountInfo, answer: { status: 403, body: { error: "request blocked" } } },
      ],
      verdict: "unknown",
    },
  ],
};
