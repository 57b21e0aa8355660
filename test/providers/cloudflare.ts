/** Cloudflare: https://developers.cloudflare.com/api/resources/user/subresources/tokens/methods/verify — a 200 may mean dead. */
import type { PlayedCase, PlayedExchange, PlayedProvider } from "./played-provider.ts";

const token = "fixture-cloudflare-user-token-0001";
const accountToken = "cfat_fixture_cloudflare_0002";
const accountId = "023e105f4ecef8ad9ca31a8372d0c353";
const tokenId = "ed17574386854bf78a67040be0a770b0";
const fields = { api_token: token };
const accountFields = { api_token: accountToken, account_id: accountId };

function verify(status: number, body: unknown): PlayedExchange[] {
  return [
    {
      method: "GET",
      origin: "https://api.cloudflare.com",
      path: "/client/v4/user/tokens/verify",
      headers: { authorization: `Bearer ${token}` },
      answer: { status, body },
    },
  ];
}

function verifyOfAccount(status: number, body: unknown, value = accountToken): PlayedExchange[] {
  return [
    {
      method: "GET",
      origin: "https://api.cloudflare.com",
      path: `/client/v4/accounts/${accountId}/tokens/verify`,
      headers: { authorization: `Bearer ${value}` },
      answer: { status, body },
    },
  ];
}

function verified(status: string, times: Record<string, string> = {}) {
  return {
    result: { id: tokenId, status, ...times },
    success: true,
    errors: [],
    messages: [{ code: 10000, message: "This API Token is valid and active", type: null }],
  };
}

function refused(code: number, message: string, chain?: { code: number; message: string }[]) {
  return { success: false, errors: [{ code, message, error_chain: chain }], messages: [], result: null };
}

const times = { not_before: "2026-01-01T00:00:00Z", expires_on: "2027-01-01T23:59:59Z" };
const olderFields = { api_token: token, account_id: accountId };
const notOfAccount = verifyOfAccount(401, refused(1000, "Invalid API Token"), token);

/** Tokens that do not show whether a person or the account owns them: each endpoint knows its own alone. */
const olderTokens: PlayedCase[] = [
  {
    name: "an older token of an account",
    fields: olderFields,
    exchanges: verifyOfAccount(200, verified("active", times), token),
    verdict: "valid",
    expiresAt: "2027-01-01T23:59:59.000Z",
    identity: tokenId,
  },
  {
    name: "a disabled older token of an account",
    fields: olderFields,
    exchanges: verifyOfAccount(200, verified("disabled"), token),
    verdict: "revoked",
  },
  {
    name: "an expired older token of an account",
    fields: olderFields,
    exchanges: verifyOfAccount(200, verified("expired"), token),
    verdict: "expired",
  },
  {
    name: "a malformed older token",
    fields: olderFields,
    exchanges: verifyOfAccount(400, refused(6003, "Invalid request headers"), token),
    verdict: "invalid",
  },
  {
    name: "an older token of an account at an address that it does not allow",
    fields: olderFields,
    exchanges: verifyOfAccount(403, refused(9109, "Cannot use the access token from location: 203.0.113.7"), token),
    verdict: "unknown",
  },
  {
    name: "an older token of a person, its account beside it",
    fields: olderFields,
    exchanges: [...notOfAccount, ...verify(200, verified("active"))],
    verdict: "valid",
    identity: tokenId,
  },
  {
    name: "an older token of a person, whom the account forbids",
    fields: olderFields,
    exchanges: [
      ...verifyOfAccount(403, refused(10000, "Authentication error"), token),
      ...verify(200, verified("active")),
    ],
    verdict: "valid",
  },
  {
    name: "an older token that neither knows",
    fields: olderFields,
    exchanges: [...notOfAccount, ...verify(401, refused(1000, "Invalid API Token"))],
    verdict: "invalid",
  },
];

export const cloudflare: PlayedProvider = {
  provider: "cloudflare",
  cases: [
    {
      name: "a token with an end",
      fields,
      exchanges: verify(200, verified("active", times)),
      verdict: "valid",
      expiresAt: "2027-01-01T23:59:59.000Z",
      identity: tokenId,
    },
    {
      name: "a token without an end",
      fields,
      exchanges: verify(200, verified("active")),
      verdict: "valid",
      identity: tokenId,
    },
    { name: "a disabled token", fields, exchanges: verify(200, verified("disabled")), verdict: "revoked" },
    { name: "an expired token", fields, exchanges: verify(200, verified("expired")), verdict: "expired" },
    { name: "a status that is new", fields, exchanges: verify(200, verified("pending")), verdict: "unknown" },
    {
      name: "a token that does not exist",
      fields,
      exchanges: verify(401, refused(1000, "Invalid API Token")),
      verdict: "invalid",
    },
    {
      name: "a 401 with another code",
      fields,
      exchanges: verify(401, refused(10000, "Authentication error")),
      verdict: "invalid",
    },
    {
      name: "a malformed token",
      fields,
      exchanges: verify(
        400,
        refused(6003, "Invalid request headers", [{ code: 6111, message: "Invalid format for Authorization header" }]),
      ),
      verdict: "invalid",
    },
    {
      name: "a bad request for another reason",
      fields,
      exchanges: verify(400, refused(7003, "Could not route to the requested path")),
      verdict: "unknown",
    },
    {
      name: "an address that the token does not allow",
      fields,
      exchanges: verify(403, refused(9109, "Cannot use the access token from location: 203.0.113.7")),
      verdict: "unknown",
    },
    {
      name: "a token of an account",
      fields: accountFields,
      exchanges: verifyOfAccount(200, verified("active", times)),
      verdict: "valid",
      expiresAt: "2027-01-01T23:59:59.000Z",
      identity: tokenId,
    },
    {
      name: "a disabled token of an account",
      fields: accountFields,
      exchanges: verifyOfAccount(200, verified("disabled")),
      verdict: "revoked",
    },
    {
      name: "an expired token of an account",
      fields: accountFields,
      exchanges: verifyOfAccount(200, verified("expired")),
      verdict: "expired",
    },
    {
      name: "a token of an account that does not exist",
      fields: accountFields,
      exchanges: verifyOfAccount(401, refused(1000, "Invalid API Token")),
      verdict: "invalid",
    },
    {
      name: "a malformed token of an account",
      fields: accountFields,
      exchanges: verifyOfAccount(400, refused(6003, "Invalid request headers")),
      verdict: "invalid",
    },
    {
      name: "an account that the token is not of",
      fields: accountFields,
      exchanges: verifyOfAccount(403, refused(10000, "Authentication error")),
      verdict: "unknown",
    },
    ...olderTokens,
  ],
};
